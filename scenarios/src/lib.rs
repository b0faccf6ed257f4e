//! What must hold when a bot loses its credentials.
//!
//! Users do things with a community (a [`scenario`]), somebody breaks the bot's credentials (a fault of the `harness`), and everything
//! must go on: that is a drill. The engine that runs one is the `harness`'s; this crate registers with it what there is for
//! knock-approver, as tests (`tests/`, one named test for each drill) and as the binary `knockproof`.
//!
//! | module | is |
//! |---|---|
//! | [`actors`] | what people do and must see, the parts of scenarios |
//! | [`scenario`] | the scenarios, each a list of steps |
//! | [`contract`] | what the harness has to know of knock-approver |
//! | [`community`] | its own world: space, rooms, codes |
//! | [`faults`] | what only it can suffer, besides what the harness breaks of any bot |
//! | [`chat`] | the phrases of the bot's contract |
//! | [`catalogue`] | everything there is, by name: the [`Suite`](harness::suite::Suite) of knock-approver |
//! | [`preflight`] | what can be found wrong before the first drill |
//! | [`marks`] | which branches of the healing code were reached |
//! | [`page`] | one run as one file of HTML |
//! | [`compare`], [`shards`] | two runs compared; one run put together of parts |
//! | [`libraries`] | bots beside each other |
//! | [`junit`](mod@junit), [`github`] | a run for what shows tests, and for a job on GitHub |
//! | [`draft`] | the contract of a bot, from what its folder shows |
//! | [`bot_build`] | keeps the bot's binary as new as its source |
//! | [`bench`](mod@bench) | how fast and how big everything is, compared with what |
//! | [`conformance`] | the probe that every homeserver is asked, and the judge of its answers |
//! | [`guide`] | the pages of the guide that the code knows best |
//! | [`cli`] | the command line and its exit codes |
//!
//! # Tests
//!
//! `cargo nextest run` runs every drill as a test of its own, named like `healing_boot::smoke_passes_after::env_token_clobbered::at_boot`, on the
//! homeserver that `KNOCKPROOF_HOMESERVER` names. A drill that this homeserver cannot show is listed as ignored, with the reason in
//! front of its name; it never counts as passed.

pub mod actors;
pub mod bench;
pub mod bot_build;
pub mod catalogue;
pub mod chat;
pub mod cli;
pub mod community;
pub mod compare;
pub mod conformance;
pub mod contract;
pub mod draft;
pub mod faults;
pub mod github;
pub mod guide;
pub mod junit;
pub mod libraries;
pub mod marks;
pub mod page;
pub mod preflight;
#[cfg(test)]
mod sample;
pub mod scenario;
pub mod shards;
