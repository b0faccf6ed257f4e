//! The requests that heal a session, sent out of band: by plain HTTP, without the SDK, whose client can log in only once
//! and whose retries hide what came back.
//!
//! - [`Server`]: the requests;
//! - [`Healer`]: executes the [`crate::healing::Plan`] and keeps what it brings.

mod healer;
mod leftovers;
mod server;

pub use healer::{Attempt, Healer, Session};
pub use server::{KeysAnswer, Server, ServerError, describe};
