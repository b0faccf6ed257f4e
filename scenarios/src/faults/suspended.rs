//! The account is suspended: it may read, and say nothing.

use std::time::Duration;

use harness::{
    fault::{Expectation, Fault, Fired, Moment, Result, acts as shared},
    front_door::{Action, Matcher},
    world::World,
};

use super::acts;
use crate::community::InCommunity as _;

/// How long the bot may take to answer a stranger.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn faults() -> [Fault; 1] {
    [Fault::new(
        "account-suspended",
        "the account is suspended (403 M_USER_SUSPENDED to every message) while a stranger waits for a challenge",
        &[Moment::WhileRunning, Moment::InTheMiddle],
    )
    .helped_by_the_bot()
    .expecting(|_| Expectation::unharmed().within(60).needs_operator(&["suspension"], 0))
    .injected(|world| Box::pin(suspended(world)))
    .cured(|world| {
        Box::pin(async {
            let met = shared::end_bend(world)?;
            world.artifacts.note(format!("suspension lifted after {met} messages"));
            Ok(())
        })
    })]
}

async fn suspended(world: &mut World) -> Result<Fired> {
    let messages = Matcher::endpoint("PUT", "/rooms/*/send/*/*").from_bot();
    let suspended = Action::error(403, "M_USER_SUSPENDED", "Your account is suspended.");
    let bend = world.front_door.bend(messages, suspended);
    shared::keep_bend(world, bend);
    let stranger = world.new_user("waiting").await?;
    stranger.knock(world.space(), world.knock_code()).await?;
    let space = world.space().to_owned();
    let room = stranger
        .wait_invite("the vetting room", PATIENCE, |room| room != space)
        .await?;
    stranger.join(&room).await?;
    let challenged = Box::pin(async move {
        let what = "the challenge that could not be sent during the suspension";
        stranger
            .wait_event(&room, what, Duration::from_secs(60), acts::is_challenge)
            .await?;
        Ok(format!("{} was challenged after it", stranger.user_id()))
    });
    Ok(Fired::with("the bot may not send messages").going_on(challenged))
}
