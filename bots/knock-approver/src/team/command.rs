//! Who may command.

use matrix_sdk::ruma::UserId;

use crate::{
    config::{Config, Role},
    matrix::{Failure, Homeserver},
};

/// Whether somebody may command: they are on the list, or have the power in the command room.
///
/// # Errors
///
/// When the homeserver does not say what power they have.
pub async fn may_command(config: &Config, homeserver: &dyn Homeserver, user: &UserId) -> Result<bool, Failure> {
    let flow = &config.flow;
    if flow.admins.iter().any(|admin| admin == user) {
        return Ok(true);
    }
    let power = homeserver.power_level(Role::Approver, &flow.command_room, user);
    Ok(power.await? >= flow.admin_power)
}
