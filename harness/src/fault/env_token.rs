//! The token in the environment is wrong.

use async_trait::async_trait;

use super::{Anyhow, Expectation, Fault, Fired, Moment, NewDevice, acts};
use crate::world::{Role, World};

const MOMENTS: &[Moment] = &[Moment::FirstBoot, Moment::AtBoot];

/// A bot that has worked keeps its own session; one that never ran has only the password, and so a device of its own making.
fn expectation(moment: Moment) -> Expectation {
    match moment {
        Moment::FirstBoot => Expectation::one_login(NewDevice::Allowed),
        _ => Expectation::unharmed(),
    }
}

/// The token in the environment is garbage.
#[derive(Debug)]
pub(super) struct Clobbered;

#[async_trait]
impl Fault for Clobbered {
    fn name(&self) -> &'static str {
        "env-token-clobbered"
    }

    fn summary(&self) -> &'static str {
        "the token in the environment is garbage"
    }

    fn moments(&self) -> &'static [Moment] {
        MOMENTS
    }

    fn expectation(&self, moment: Moment) -> Expectation {
        expectation(moment)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        world.bot.set(Role::Approver.token_variable(), acts::GARBAGE);
        Ok(Fired::with(
            acts::is_dead(world, "the environment's token", acts::GARBAGE).await?,
        ))
    }
}

/// The token in the environment is empty.
#[derive(Debug)]
pub(super) struct Empty;

#[async_trait]
impl Fault for Empty {
    fn name(&self) -> &'static str {
        "env-token-empty"
    }

    fn summary(&self) -> &'static str {
        "the token in the environment is empty"
    }

    fn moments(&self) -> &'static [Moment] {
        MOMENTS
    }

    fn expectation(&self, moment: Moment) -> Expectation {
        expectation(moment)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let name = Role::Approver.token_variable();
        world.bot.set(name, "");
        match world.bot.env().get(name).map(String::as_str) {
            Some("") => Ok(Fired::with(format!("{name} is empty"))),
            _ => Err(format!("{name} is not empty").into()),
        }
    }
}

/// The token in the environment is a living one of somebody else.
#[derive(Debug)]
pub(super) struct OfAnotherUser;

#[async_trait]
impl Fault for OfAnotherUser {
    fn name(&self) -> &'static str {
        "env-token-of-another-user"
    }

    fn summary(&self) -> &'static str {
        "the token in the environment is a living one of somebody else"
    }

    fn moments(&self) -> &'static [Moment] {
        MOMENTS
    }

    fn expectation(&self, moment: Moment) -> Expectation {
        expectation(moment)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let stranger = world.new_user("stranger").await?;
        world.bot.set(Role::Approver.token_variable(), stranger.token());
        let whoami = stranger.whoami().await?;
        if whoami["user_id"] == world.approver().user_id() {
            return Err("the stranger is the bot".into());
        }
        Ok(Fired::with(format!(
            "whoami with the environment's token says {}",
            whoami["user_id"]
        )))
    }
}
