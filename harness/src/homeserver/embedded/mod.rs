//! The embedded homeserver of the crate `knockproof-homeserver`, behind the same runner and operator as a real one.

mod operator;
mod runner;

pub(super) use operator::EmbeddedOperator;
pub(super) use runner::Embedded;
