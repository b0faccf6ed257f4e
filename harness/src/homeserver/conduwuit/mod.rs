//! The conduwuit family: conduwuit, continuwuity, tuwunel. Configured by `CONDUWUIT_*`, operated through the admin room.

mod admin_room;
mod config;
mod first_user;
mod operator;

pub(crate) use config::{Place, environment};
pub(super) use first_user::{FirstUser, make_first_user};
pub(super) use operator::ConduwuitOperator;
