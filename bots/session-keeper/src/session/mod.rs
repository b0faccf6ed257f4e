//! The requests that heal a session, sent out of band: by plain HTTP, without the SDK, whose client can log in only once
//! and whose retries hide what came back.
//!
//! - [`Server`]: the requests;
//! - [`refusal_of`]: what the SDK's errors mean, by the same classing;
//! - [`Strict`]: requests of the SDK's client that count as done only where a homeserver says so;
//! - [`uia`]: what a server demands before it does what it is asked;
//! - [`Copies`]: other copies of the program on the same account;
//! - [`Healer`]: executes the [`crate::healing::Plan`] and keeps what it brings.

mod copies;
mod healer;
mod leftovers;
mod redirected;
mod sdk;
mod server;
mod strict;
mod tokens;
pub mod uia;

pub use copies::Copies;
pub use healer::{HealOutcome, Healer, Session};
pub use leftovers::Leftovers;
pub use sdk::{http_refusal, refusal_of};
pub use server::{Exchange, KeysAnswer, NoAnswer, Server, ServerError, describe};
pub use strict::{Answered, Strict};
