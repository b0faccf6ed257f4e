//! Synapse: its configuration and its admin API.

mod config;
mod operator;

pub(crate) use config::{Config, Paths};
pub(super) use operator::SynapseOperator;
