//! Synapse: its configuration and its admin API.

mod config;
mod operator;

pub(super) use config::{Config, Paths};
pub(super) use operator::SynapseOperator;
