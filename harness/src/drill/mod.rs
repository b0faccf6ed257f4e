//! One drill: a world, a fault at its moment, what everybody sees in the end, and what the checks make of it.
//!
//! ```no_run
//! # async fn shown() -> Result<(), Box<dyn std::error::Error>> {
//! use std::path::Path;
//! use harness::{
//!     check::Checks,
//!     contract::Contract,
//!     drill::{self, Breakage},
//!     fault::{Faults, Moment},
//!     world::WorldOptions,
//! };
//!
//! let contract = Contract::read(Path::new("pong.toml"))?;
//! let deleted = Faults::standard().named("device-deleted").cloned().ok_or("no such fault")?;
//! let breakage = Breakage::new(deleted, Moment::AtBoot);
//! let judged = drill::ping(WorldOptions::from_env("pong")?, contract.into(), Some(breakage), &Checks::standard()).await?;
//! assert!(judged.broken().next().is_none(), "{judged}");
//! # Ok(())
//! # }
//! ```

mod breakage;
mod error;
mod look;
mod memory;
mod ping;

pub use breakage::{Breakage, Happened};
pub use error::{Error, Result};
pub use look::look;
pub use memory::remembered;
pub use ping::{Judged, ping};
