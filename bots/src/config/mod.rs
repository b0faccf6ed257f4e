//! What the operator sets through the environment.
//!
//! [`Config`] is the whole of it, [`IdentityConfig`] the part that one Matrix identity needs.

mod environment;
mod error;
mod identity;
mod value;

pub use environment::{BreakerConfig, CodeSeed, Config, FlowConfig, RateConfig};
pub use error::ConfigError;
pub use identity::{IdentityConfig, Role};
