//! Starts, breaks, watches and judges any Matrix bot that has a [contract](contract::Contract).
//!
//! ```no_run
//! # async fn shown() -> Result<(), Box<dyn std::error::Error>> {
//! use knockproof_harness::{contract::Contract, drill, fault::Moment, plan::Drill, report::Verdict, suite::Suite};
//!
//! // How the bot is started, and what it answers.
//! let contract = Contract::from_toml(
//!     r#"
//!     name = "pong"
//!     command = "python3 pong.py"
//!     ready = "ping"
//!     ping.plain = { say = "!ping", expect = "pong" }
//!     environment = { HOMESERVER = "{homeserver}", USER_ID = "{user_id}", PASSWORD = "{password}" }
//!     identities = [{ name = "pong", localpart = "pong" }]
//!     capabilities = { password_login = true }
//!     "#,
//! )?;
//!
//! // A homeserver as KNOCKPROOF_HOMESERVER wishes, the bot on it; its device is deleted while it runs, and it is asked before and after that.
//! let suite = Suite::of(contract);
//! let drill = Drill::plain("ping").broken("device-deleted", Moment::WhileRunning);
//! let record = drill::alone(&suite, &drill).await?;
//!
//! // It logged in once, on its device; nobody was harmed; nothing secret was printed; and so on.
//! assert_eq!(record.verdict, Verdict::Passed, "{}", record.narrative());
//! # Ok(())
//! # }
//! ```
//!
//! | module | is |
//! |---|---|
//! | [`world`] | one bot under test, with everything below |
//! | [`homeserver`] | one running server and its operator's interface |
//! | [`images`] | the servers' container images, which stand alone |
//! | [`front_door`] | the reverse proxy before homeserver and bot: records all traffic and can bend it |
//! | [`bot`] | the bot under test: a command or a container with an environment, a data directory, a port and logs |
//! | [`contract`] | what one has to know of a bot to drill it |
//! | [`client`] | what people use: a plain client, and one with end-to-end encryption |
//! | [`fault`] | things broken on purpose |
//! | [`suite`] | what a bot is drilled with: its contract, scenarios, faults and checks |
//! | [`scenario`] | what users do, as named [`step`]s with evidence |
//! | [`plan`] | which drills a run consists of: scenario × schedule × homeserver, from a seed |
//! | [`drill`] | one drill: a scenario, faults at their moments, and what everybody sees of it |
//! | [`batch`] | many drills side by side, and their live [`progress`] |
//! | [`shrink`](mod@shrink) | the shortest schedule that still fails |
//! | [`history`] | everything that happened in one drill, on disk as it happens |
//! | [`check`] | one thing that must hold after a fault |
//! | [`report`] | records, table, JSON and its schema; [`replay`] is the line that repeats a drill |
//! | [`timeline`] | a history in short, for people |
//! | [`names`] | answers an unknown name with the nearest known ones |
//! | [`wait`], [`cause`], [`artifacts`], [`secrets`], [`run`], [`process`] | deadlines, errors in one line, what a test leaves behind, what no log may hold, what a run marks, what the kernel says of processes |
//!
//! # Under `rstest`
//!
//! Each fault is a test of its own, under `cargo nextest run` or plain `cargo test`, and what they share is a fixture. A `command` without a slash is
//! looked for beside the test: there cargo puts the program of your package.
//!
//! ```
//! use knockproof_harness::{contract::Contract, drill, fault::Moment, plan::Drill, report::Verdict, suite::Suite};
//! use rstest::{fixture, rstest};
//!
//! #[fixture]
//! fn mine() -> Suite {
//!     Suite::of(Contract::read("knockproof.toml".as_ref()).unwrap())
//! }
//!
//! #[rstest]
//! #[case::killed("bot-killed", Moment::WhileRunning)]
//! #[case::without_its_device("device-deleted", Moment::WhileRunning)]
//! #[tokio::test(flavor = "multi_thread")]
//! async fn it_survives(mine: Suite, #[case] fault: &str, #[case] moment: Moment) {
//!     let record = drill::alone(&mine, &Drill::plain("ping").broken(fault, moment)).await.unwrap();
//!     assert_eq!(record.verdict, Verdict::Passed, "{}", record.narrative());
//! }
//! ```

// Whoever awaits a future of this crate compiles everything within it, and has the compiler prove all of it `Send`: minutes, where it reaches
// as deep as an SDK's. What does is handed out in a box.

pub mod artifacts;
pub mod batch;
pub mod bot;
pub mod cause;
pub mod check;
pub mod client;
pub mod contract;
pub mod drill;
pub mod fault;
pub mod front_door;
pub mod history;
pub mod homeserver;
pub mod images;
pub mod names;
pub mod plan;
pub mod process;
pub mod progress;
pub mod replay;
pub mod report;
pub mod run;
pub mod scenario;
pub mod secrets;
pub mod shrink;
pub mod step;
pub mod suite;
pub mod timeline;
pub mod wait;
pub mod world;
