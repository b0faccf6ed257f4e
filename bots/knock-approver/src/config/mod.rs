//! What the operator sets through the environment.
//!
//! [`Config`] is the whole of it, [`IdentityConfig`] the part that one Matrix identity needs.

mod environment;
mod error;
mod identity;
mod value;

/// Every variable with its default and meaning, as the command line's help shows it.
pub const VARIABLES: &str = include_str!("variables.txt");

pub use environment::{BreakerConfig, CodeSeed, Config, Confirm, FlowConfig, LogFormat, RateConfig};
pub use error::{ConfigError, ConfigErrors};
pub use identity::{DEVICE_NAME, IdentityConfig, Role};
