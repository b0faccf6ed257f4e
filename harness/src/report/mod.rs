//! What drills have shown: the record of each, the table for people, the JSON for programs.
//!
//! # The JSON of `knockproof drill --json FILE`
//!
//! One object, a [`Report`]; `schema` is `knockproof.drills` and `version` is [`VERSION`], raised whenever a field changes its meaning
//! or goes away (new fields may appear without). Times are milliseconds.
//!
//! ```json
//! {
//!   "schema": "knockproof.drills", "version": 1, "seed": 7,
//!   "homeservers": [{"wish": "auto", "took": "synapse (process): no conduwuit image"}],
//!   "summary": {"passed": 1, "failed": 0, "not_run": 0, "took_ms": 20160},
//!   "drills": [{
//!     "name": "smoke/env-token-clobbered/at-boot", "scenario": "smoke",
//!     "fault": "env-token-clobbered", "moment": "at-boot", "homeserver": "synapse (process)",
//!     "verdict": {"is": "passed"},
//!     "healed_in_ms": 1840, "logins": 0, "devices": 1, "took_ms": 20160,
//!     "steps": [{"name": "signup answers 200", "outcome": "passed", "took_ms": 640, "evidence": "@anna:localhost"}],
//!     "findings": [{"check": "no secret in logs", "held": true, "what": "5 secrets, 3 logs"}],
//!     "marks": ["token-alive"],
//!     "replay": "knockproof drill --homeserver synapse …", "artifacts": null,
//!     "timeline": {"from_ms": 900, "until_ms": 9300, "points": [
//!       {"at_ms": 2100, "lane": "operator", "kind": "fault", "what": "env-token-clobbered at-boot"}]}
//!   }],
//!   "marks": {"missed": []}, "interrupted": null, "at": "2026-11-28 05:20 UTC"
//! }
//! ```
//!
//! Timelines ([`crate::timeline`]) stand only in the `report.json` of `--report DIR`.

mod causes;
mod record;
mod table;
mod verdict;

pub use causes::{Cause, causes, failures, omissions};
pub use record::{FindingRecord, HomeserverRecord, MarksRecord, Record, Report, SCHEMA, Summary, VERSION};
pub use table::table;
pub use verdict::Verdict;
