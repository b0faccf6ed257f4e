//! One running homeserver, whatever its flavor and however it is run.
//!
//! [`Homeserver`] is what a world stands on: it can be started, stopped, killed and frozen, and keeps its base URL and its data through
//! all of that. [`Operator`] is what an administrator of that server can do. Flavors differ only behind these two traits.

use std::{fmt, path::Path, sync::Arc};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use tokio::sync::OnceCell;
use url::Url;

use crate::run::{Scope, sweep};

mod choice;
mod conduwuit;
mod container;
mod core;
mod embedded;
mod error;
mod identity;
mod image;
mod interface;
mod launch;
mod log;
mod options;
mod process;
mod runner;
mod select;
mod server;
mod synapse;

pub use choice::Choice;
pub use error::{Error, Result};
pub use options::{Options, Selection};

use self::image::Absent;
pub(crate) use self::image::image_here;

/// How a flavor is configured, wherever it runs.
pub(crate) mod configured {
    pub(crate) use super::{
        conduwuit::{Place, environment},
        synapse::{Config, Paths},
    };
}

/// Which implementation of a Matrix homeserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flavor {
    /// conduwuit, the last release of that name.
    Conduwuit,
    /// continuwuity, conduwuit's successor in production.
    Continuwuity,
    /// tuwunel, conduwuit's other successor.
    Tuwunel,
    /// Synapse, the reference implementation in Python.
    Synapse,
    /// The embedded homeserver of the crate `knockproof-homeserver`.
    Embedded,
}

impl Flavor {
    /// All flavors, in the order in which they are listed to people.
    pub const ALL: [Self; 5] = [
        Self::Conduwuit,
        Self::Continuwuity,
        Self::Tuwunel,
        Self::Synapse,
        Self::Embedded,
    ];

    /// The name used in `KNOCKPROOF_HOMESERVER`, in output and in file names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conduwuit => "conduwuit",
            Self::Continuwuity => "continuwuity",
            Self::Tuwunel => "tuwunel",
            Self::Synapse => "synapse",
            Self::Embedded => "embedded",
        }
    }
}

impl fmt::Display for Flavor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a homeserver is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Driver {
    /// In a container, through testcontainers.
    Container,
    /// As a child process, from a binary or a virtual environment on this machine.
    Process,
    /// In this process.
    Embedded,
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Container => "container",
            Self::Process => "process",
            Self::Embedded => "embedded",
        })
    }
}

/// What becomes of a user's sessions when the operator resets the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// Every access token lives on.
    Keep,
    /// Every device is logged out.
    LogOut,
}

/// One running homeserver. Dropping it removes everything it made: process, container, volume, folder.
#[async_trait]
pub trait Homeserver: fmt::Debug + Send + Sync {
    /// Which implementation this is.
    fn flavor(&self) -> Flavor;

    /// How it is run.
    fn driver(&self) -> Driver;

    /// Where clients reach it, for example `http://127.0.0.1:41234`. The same through restarts.
    fn base_url(&self) -> &Url;

    /// The part of user ids behind the colon.
    fn server_name(&self) -> &str;

    /// The registration token that admits ordinary users (stage `m.login.registration_token`).
    fn registration_token(&self) -> &str;

    /// The file that collects everything the server prints, over all its starts.
    fn log_file(&self) -> &Path;

    /// What the server has printed so far, over all its starts, as it is: secrets may stand in it.
    fn printed(&self) -> String;

    /// What an administrator can do.
    fn operator(&self) -> &dyn Operator;

    /// Starts a stopped or killed server and waits until it answers `/_matrix/client/versions`.
    async fn start(&self) -> Result<()>;

    /// Asks the server to end and waits until it has.
    async fn stop(&self) -> Result<()>;

    /// Ends the server at once (`SIGKILL`); nothing is flushed.
    async fn kill(&self) -> Result<()>;

    /// Stops, then starts.
    async fn restart(&self) -> Result<()> {
        self.stop().await?;
        self.start().await
    }

    /// Suspends the server: connections are accepted by the kernel and nobody answers.
    async fn freeze(&self) -> Result<()>;

    /// Wakes a frozen server.
    async fn thaw(&self) -> Result<()>;
}

/// What an administrator of a homeserver can do, by the server's own means and never through its database.
///
/// Users are named by localpart.
#[async_trait]
pub trait Operator: fmt::Debug + Send + Sync {
    /// Makes an account. An account that exists is an error.
    async fn create_user(&self, localpart: &str, password: &str) -> Result<()>;

    /// Sets a new password.
    async fn reset_password(&self, localpart: &str, password: &str, sessions: Sessions) -> Result<()>;

    /// Sets a new password the way that needs the server stopped; answers how long clients could not reach it.
    /// `None` where the flavor has no such way.
    async fn reset_password_offline(&self, localpart: &str, password: &str) -> Result<Option<std::time::Duration>>;

    /// The ids of all devices of a user.
    async fn devices(&self, localpart: &str) -> Result<Vec<String>>;

    /// Deletes one device; its access token dies.
    async fn delete_device(&self, localpart: &str, device_id: &str) -> Result<()>;

    /// Deletes every device of a user.
    async fn delete_all_devices(&self, localpart: &str) -> Result<()>;

    /// Deactivates an account: no token lives, no login works.
    async fn deactivate(&self, localpart: &str) -> Result<()>;

    /// Brings a deactivated account back with a new password.
    async fn reactivate(&self, localpart: &str, password: &str) -> Result<()>;

    /// Runs a command of the server's own console (without `!admin`) and answers what the server said.
    /// `None` where the flavor has no such console.
    async fn console(&self, command: &str) -> Result<Option<String>> {
        let _ = command;
        Ok(None)
    }
}

/// A running homeserver and the line that says what it is and why.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The server, ready for clients.
    pub homeserver: Arc<dyn Homeserver>,
    /// What was taken and why.
    pub selection: Selection,
}

/// Decides what would be started, without starting it. Pulls an image that is not there yet, showing progress on stderr.
///
/// # Errors
///
/// [`Error::NotAtHand`] when the wish cannot be met: one line that says what is missing and how to get it.
pub async fn choose(choice: &Choice) -> Result<Selection> {
    select::select(choice, None, Absent::Pull).await
}

/// As [`choose`], but only looks: an image that is not there is not pulled, and the answer says that it would be.
///
/// # Errors
///
/// As [`choose`], except for images that cannot be pulled.
pub async fn look(choice: &Choice) -> Result<Selection> {
    select::select(choice, None, Absent::Mention).await
}

/// Starts a homeserver and waits until it answers. Before the first one of this process, what dead processes left is swept away.
///
/// # Errors
///
/// As [`choose`]; and when the server does not come up, with its own last log lines.
pub async fn start(options: Options) -> Result<Chosen> {
    // In a box, for whoever awaits it: see lib.rs.
    started(options).boxed().await
}

async fn started(options: Options) -> Result<Chosen> {
    let selection = select::select(&options.choice, options.image.as_deref(), Absent::Pull).await?;
    static SWEPT: OnceCell<()> = OnceCell::const_new();
    SWEPT
        .get_or_init(|| async {
            let swept = sweep(Scope::Leftovers).await;
            if !swept.is_clean() {
                tracing::info!(%swept, "swept up after dead processes");
            }
        })
        .await;
    let server = launch::launch(&options, &selection).await?;
    Ok(Chosen {
        homeserver: Arc::new(server),
        selection,
    })
}

/// A random text of 160 bits for passwords, tokens and keys.
fn secret() -> String {
    rand::random::<[u8; 20]>()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
