//! Starts, breaks, watches and judges.
//!
//! | module | is |
//! |---|---|
//! | [`world`] | one bot under test, with everything below |
//! | [`homeserver`] | one running server and its operator's interface |
//! | [`front_door`] | the reverse proxy before homeserver and bot: records all traffic and can bend it |
//! | [`bot`] | the bot under test: a command with an environment, a data directory, a port and logs |
//! | [`contract`] | what one has to know of a bot to drill it |
//! | [`client`] | what people use: a plain client, and one with end-to-end encryption |
//! | [`fault`] | things broken on purpose |
//! | [`drill`] | one fault at its moment, and what everybody sees of it |
//! | [`history`] | everything that happened in one drill, on disk as it happens |
//! | [`check`] | one thing that must hold after a fault |
//! | [`wait`], [`artifacts`], [`secrets`], [`run`] | deadlines, what a test leaves behind, what no log may hold, what a run marks |

// Whoever awaits a future of this crate compiles everything within it, and has the compiler prove all of it `Send`: minutes, where it reaches
// as deep as an SDK's. What does is handed out in a box.

pub mod artifacts;
pub mod bot;
pub mod check;
pub mod client;
pub mod contract;
pub mod drill;
pub mod fault;
pub mod front_door;
pub mod history;
pub mod homeserver;
pub mod run;
pub mod secrets;
pub mod wait;
pub mod world;
