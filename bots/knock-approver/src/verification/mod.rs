//! People make sure that they talk to this bot, by comparing emoji (SAS; Matrix specification, "Device verification").
//!
//! ```text
//! sync ─▶ Listening ─▶ heard (pure) ─▶ Verifier ─▶ sas: what the SDK shows ─▶ stage: what is to be done (pure) ─▶ sas: done
//!                                          │  ▲
//!                                          ▼  │  the database: what is shown, and what a person says to it
//!                        `knock-approver verify`, `!verify`
//! ```
//!
//! Asked by those who may command, the bot goes along up to the emoji. Then a person has to look at both sides and say on the bot's
//! side, too, that they are the same: a yes by itself would prove nothing. Whoever else asks is declined.
//!
//! Clients ask in a direct chat, so the bot goes into those that somebody who may command opens with it.
//!
//! Nothing of the SDK is held between two looks: a client that is held keeps its stores open, which a heal has to close.

mod heard;
mod listening;
mod sas;
mod stage;
mod text;
mod verifier;

pub use listening::{Listening, Words};
pub use text::{shown, taken};
pub use verifier::Verifier;
