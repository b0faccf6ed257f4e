//! The rooms of the community, and whether the bot can do there what it is for.
//!
//! ```text
//! sync ─▶ Watched ─▶ News ─▶ Monitor ─▶ look (one room, by plain HTTP) ─▶ judge ─▶ Board (/ready)
//!                               └─▶ joins where somebody with power invites it back
//! ```
//!
//! A room is looked at when the sync brings a change of it, and now and then, since a homeserver may leave a change out. All of it
//! happens beside the sync and with deadlines. `doctor` looks with the same code.

mod judge;
mod look;
mod news;
mod place;
mod power;
mod watch;
mod watched;

use matrix_sdk::ruma::UserId;

pub use news::News;
pub use watch::Monitor;
pub use watched::Watched;

use crate::{config::Config, finding::Finding, secret::Secret, session::Server};
use judge::judge;
use look::look;
use place::places;

/// Looks at each room that the environment names, once.
pub async fn examine(config: &Config, server: &Server, token: &Secret, user: &UserId) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (room, places) in places(config) {
        let view = look(server, token, user, &room).await;
        let found = judge(&places, user, &view);
        findings.extend(found.into_iter().map(|found| found.finding));
    }
    findings
}
