//! The bot's devices are deleted on the server.

use async_trait::async_trait;

use super::{Anyhow, Expectation, Fault, Fired, Moment, NewDevice, acts};
use crate::{
    client::User,
    front_door::{Action, Matcher},
    world::{Role, World},
};

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

/// The device is gone, and the operator gives the bot a token on another one instead of the password.
#[derive(Debug)]
pub(super) struct DeletedWithNewToken;

#[async_trait]
impl Fault for DeletedWithNewToken {
    fn name(&self) -> &'static str {
        "device-deleted-new-env-token"
    }

    fn summary(&self) -> &'static str {
        "the bot's device is deleted, there is no password file, and the environment has a token on another device"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::AtBoot]
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        Expectation::unharmed().device(NewDevice::Must)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let (token, device) = (acts::bot_token(world), acts::bot_device(world));
        let account = world.approver();
        account.remove_password()?;
        let operator = world.homeserver.operator();
        operator.delete_device(account.localpart(), &device).await?;
        let base = world.homeserver.base_url();
        let given = User::login(base, account.user_id(), account.password(), None).await?;
        world
            .front_door
            .knows(given.token(), given.user_id(), given.device_id());
        world.bot.set(Role::Approver.token_variable(), given.token());
        let evidence = acts::is_dead(world, "the bot's token", &token).await?;
        Ok(Fired::with(evidence).and(format!("the environment has a token on {}", given.device_id())))
    }
}

/// The homeserver has lost the keys of the device.
#[derive(Debug)]
pub(super) struct KeysLost;

#[async_trait]
impl Fault for KeysLost {
    fn name(&self) -> &'static str {
        "device-keys-lost"
    }

    fn summary(&self) -> &'static str {
        "the token lives, but the homeserver hands out no keys for the bot's device"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::AtBoot]
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        Expectation::one_login(NewDevice::Must)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let bend = acts::lose_device_keys(world);
        Ok(Fired::with("the next question for the device's keys finds none").bending(bend))
    }
}

/// The homeserver will not have a login on the saved device.
#[derive(Debug)]
pub(super) struct Refused;

#[async_trait]
impl Fault for Refused {
    fn name(&self) -> &'static str {
        "device-refused"
    }

    fn summary(&self) -> &'static str {
        "the token is dead, and the homeserver refuses a login on the bot's device"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::AtBoot, Moment::WhileRunning]
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        Expectation::one_login(NewDevice::Must).logins(1, 2)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let login = Matcher::endpoint("POST", "/login").from_bot().times(1);
        let refusal = Action::error(400, "M_UNKNOWN", "This device id cannot be used.");
        let bend = world.front_door.bend(login, refusal);
        let met = acts::met(world);
        let evidence = acts::reset_password_with_file(world).await?;
        Ok(Fired::with(evidence).bending(bend).going_on(met))
    }
}
