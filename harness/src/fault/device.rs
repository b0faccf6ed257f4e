//! The bot's devices are deleted on the server.

use async_trait::async_trait;

use super::{Anyhow, Expectation, Fault, Fired, Moment, NewDevice, acts};
use crate::world::World;

const MOMENTS: &[Moment] = &[Moment::AtBoot, Moment::WhileRunning, Moment::InTheMiddle];

fn expectation() -> Expectation {
    Expectation::one_login(NewDevice::Allowed).logins(2, 2)
}

/// The bot's device is deleted.
#[derive(Debug)]
pub(super) struct Deleted;

#[async_trait]
impl Fault for Deleted {
    fn name(&self) -> &'static str {
        "device-deleted"
    }

    fn summary(&self) -> &'static str {
        "the operator deletes the bot's device"
    }

    fn moments(&self) -> &'static [Moment] {
        MOMENTS
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        expectation()
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let (token, device) = (acts::bot_token(world), acts::bot_device(world));
        let met = acts::met(world);
        let operator = world.homeserver.operator();
        operator.delete_device(world.approver().localpart(), &device).await?;
        let evidence = acts::is_dead(world, "the bot's token", &token).await?;
        Ok(Fired::with(evidence)
            .and(format!("device {device} deleted"))
            .going_on(met))
    }
}

/// Every device of the bot is deleted.
#[derive(Debug)]
pub(super) struct AllDeleted;

#[async_trait]
impl Fault for AllDeleted {
    fn name(&self) -> &'static str {
        "all-devices-deleted"
    }

    fn summary(&self) -> &'static str {
        "the operator deletes every device of the bot"
    }

    fn moments(&self) -> &'static [Moment] {
        MOMENTS
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        expectation()
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let token = acts::bot_token(world);
        let met = acts::met(world);
        let localpart = world.approver().localpart().to_owned();
        let operator = world.homeserver.operator();
        let before = operator.devices(&localpart).await?;
        operator.delete_all_devices(&localpart).await?;
        let evidence = acts::is_dead(world, "the bot's token", &token).await?;
        Ok(Fired::with(evidence)
            .and(format!("devices deleted: {}", before.join(", ")))
            .going_on(met))
    }
}
