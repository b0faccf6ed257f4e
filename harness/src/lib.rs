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
//! | [`suite`] | what a bot is drilled with: its contract, scenarios, faults and checks |
//! | [`scenario`] | what users do, as named [`step`]s with evidence |
//! | [`plan`] | which drills a run consists of: scenario × fault × moment × homeserver, from a seed |
//! | [`drill`] | one drill: a scenario, a fault at its moment, and what everybody sees of it |
//! | [`batch`] | many drills side by side, and their live [`progress`] |
//! | [`history`] | everything that happened in one drill, on disk as it happens |
//! | [`check`] | one thing that must hold after a fault |
//! | [`report`] | records, table, JSON and its schema; [`replay`] is the line that repeats a drill |
//! | [`names`] | answers an unknown name with the nearest known ones |
//! | [`wait`], [`artifacts`], [`secrets`], [`run`] | deadlines, what a test leaves behind, what no log may hold, what a run marks |

// Whoever awaits a future of this crate compiles everything within it, and has the compiler prove all of it `Send`: minutes, where it reaches
// as deep as an SDK's. What does is handed out in a box.

pub mod artifacts;
pub mod batch;
pub mod bot;
pub mod check;
pub mod client;
pub mod contract;
pub mod drill;
pub mod fault;
pub mod front_door;
pub mod history;
pub mod homeserver;
pub mod names;
pub mod plan;
pub mod progress;
pub mod replay;
pub mod report;
pub mod run;
pub mod scenario;
pub mod secrets;
pub mod step;
pub mod suite;
pub mod wait;
pub mod world;
