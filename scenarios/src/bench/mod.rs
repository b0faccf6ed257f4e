//! Figures: how fast, how big, and compared with what.
//!
//! `cargo knockproof bench` and `cargo bench` run the same: each [`Bench`] measures on the homeservers of a [`Bed`] and answers
//! [`Figure`]s, of which the [`Report`] makes a table for each part and the JSON of `--json FILE`. A figure is the median of several
//! samples, and wherever a machine's speed shows in it, it is compared with something measured in the same run.
//!
//! An aim that is missed is shown, and fails the run only with `--strict`: a busy machine is no bug. A bench that cannot measure fails.
//!
//! | module | is |
//! |---|---|
//! | `samples`, `unit`, `figure`, `aim`, `table`, `report` | the arithmetic and what is shown of it |
//! | `path`, `process` | the critical path through recorded traffic; memory and processor time of processes |
//! | `bed`, `catalogue`, `comparison` | what benches run on; every bench by name; the same on several homeservers |
//! | the others | one bench each |

mod aim;
mod bed;
mod boot;
mod catalogue;
mod comparison;
mod drills;
mod figure;
mod healing;
mod idle;
mod path;
mod report;
mod samples;
mod start;
mod sync_cost;
mod table;
mod unit;
mod vetting;
mod world_memory;
mod worlds;

pub use aim::Aim;
pub use bed::{Bed, Ground};
pub use catalogue::{Bench, Part, all};
pub use figure::{Figure, Ratio};
pub use path::{CriticalPath, Span};
pub use report::{Compiled, Outcome, Report, SCHEMA, VERSION};
pub use samples::Samples;
pub use table::table;
pub use unit::Unit;
