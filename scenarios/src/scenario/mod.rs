//! What users do with the community, as named steps with evidence.
//!
//! Each is a [`Scenario`] of the harness.

pub mod announcements;
pub mod commands;
pub mod edge_cases;
mod haikus;
pub mod history;
pub mod lobby;
pub mod many_at_once;
pub mod restarts;
pub mod signup_refusals;
pub mod smoke;
pub mod space_rules;
pub mod vetting;

use harness::scenario::{Scenario, Stage};

/// The faults that scenarios meet in their middle: a device that is gone, every session ended with the password, a bot that is killed.
const MIDDLE: &[&str] = &["device-deleted", "password-changed-by-user", "bot-killed"];
