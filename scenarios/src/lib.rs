//! What must hold when a bot loses its credentials.
//!
//! Users do things with a community (a [`scenario`]), somebody breaks the bot's credentials (a fault of the `harness`), and everything
//! must go on: that is a drill. This crate is the drills as a library, as tests (`tests/`, one named test for each) and as the binary
//! `knockproof`.
//!
//! | module | is |
//! |---|---|
//! | [`step`] | the engine of named steps with evidence |
//! | [`actors`] | what people do and must see, the parts of scenarios |
//! | [`scenario`] | the scenarios, each a list of steps |
//! | [`contract`] | what the harness has to know of knock-approver |
//! | [`community`] | its own world: space, rooms, codes |
//! | [`faults`] | what only it can suffer, besides what the harness breaks of any bot |
//! | [`chat`] | the phrases of the bot's contract |
//! | [`catalogue`] | everything there is, by name |
//! | [`plan`] | which drills a run consists of: scenario × fault × moment × homeserver, from a seed |
//! | [`preflight`] | what can be found wrong before the first drill |
//! | [`drill`] | runs one drill |
//! | [`batch`] | runs many side by side |
//! | [`replay`] | the line that repeats a drill |
//! | [`marks`] | which branches of the healing code were reached |
//! | [`report`] | records, table, JSON and its schema |
//! | [`progress`] | live progress |
//! | [`bot_build`] | keeps the bot's binary as new as its source |
//! | [`names`] | answers an unknown name with the nearest known ones |
//! | [`bench`](mod@bench) | how fast and how big everything is, compared with what |
//! | [`conformance`] | the probe that every homeserver is asked, and the judge of its answers |
//! | [`cli`] | the command line and its exit codes |
//!
//! # Tests
//!
//! `cargo nextest run` runs every drill as a test of its own, named like `healing_boot::smoke_passes_after::env_token_clobbered::at_boot`, on the
//! homeserver that `KNOCKPROOF_HOMESERVER` names. A drill that this homeserver cannot show is listed as ignored, with the reason in
//! front of its name; it never counts as passed.

pub mod actors;
pub mod batch;
pub mod bench;
pub mod bot_build;
pub mod catalogue;
pub mod chat;
pub mod cli;
pub mod community;
pub mod conformance;
pub mod contract;
pub mod drill;
pub mod faults;
pub mod marks;
pub mod names;
pub mod plan;
pub mod preflight;
pub mod progress;
pub mod replay;
pub mod report;
pub mod scenario;
pub mod step;
