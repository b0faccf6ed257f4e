//! What people know about a world.

use crate::community::InCommunity as _;
use harness::{step::Failure, world::World};
use serde_json::{Value, json};

/// The ids of the space's child rooms.
pub fn children(world: &World) -> Vec<String> {
    world.children().map(str::to_owned).collect()
}

/// The ids of the bot's accounts.
pub fn bot_ids(world: &World) -> Vec<String> {
    world
        .accounts
        .iter()
        .map(|account| account.user_id().to_owned())
        .collect()
}

/// Gives the bot one more code to begin with; `variable` is `INITIAL_CODES` or `INITIAL_SIGNUP_CODES`.
///
/// # Errors
/// When the variable holds no JSON.
pub fn add_code(world: &mut World, variable: &str, code: &str, uses: u32) -> Result<(), Failure> {
    let present = world.bot.env().get(variable).map_or("{}", String::as_str);
    let mut codes: Value = serde_json::from_str(present)?;
    codes[code] = json!({"uses_remaining": uses, "label": code});
    world.bot.set(variable, &codes.to_string());
    Ok(())
}
