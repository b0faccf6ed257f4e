//! The bot that survives losing its credentials: everything behind the binary `knock-approver`.

pub mod breaker;
pub mod challenge;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod finding;
pub mod flows;
pub mod health;
pub mod http;
pub mod identity;
pub mod import;
pub mod intake;
pub mod lanes;
pub mod matrix;
pub mod metrics;
pub mod monitor;
pub mod outbox;
pub mod outcome;
pub mod pages;
pub mod storage;
pub mod takeover;
pub mod team;
pub mod verification;
pub mod words;
pub mod work;

pub use session_keeper::{crypto, healing, secret, session, vault};
