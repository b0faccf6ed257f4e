//! The bot's devices are deleted on the server.

use super::{Expectation, Fault, Fired, Moment, Need, NewDevice, Reach, Result, acts};
use crate::{
    client::User,
    front_door::{Action, Matcher},
    world::World,
};

const MOMENTS: &[Moment] = &[Moment::AtBoot, Moment::WhileRunning, Moment::InTheMiddle];

pub(super) fn faults() -> [Fault; 5] {
    let lost = |_| Expectation::one_login(NewDevice::Allowed).logins(2, 2);
    [
        Fault::new("device-deleted", "the operator deletes the bot's device", MOMENTS)
            .needing(&[Need::PasswordLogin])
            .expecting(lost)
            .injected(|world| Box::pin(deleted(world))),
        Fault::new(
            "all-devices-deleted",
            "the operator deletes every device of the bot",
            MOMENTS,
        )
        .needing(&[Need::PasswordLogin])
        .expecting(lost)
        .injected(|world| Box::pin(all_deleted(world))),
        Fault::new(
            "device-deleted-new-env-token",
            "the bot's device is deleted, there is no password file, and the environment has a token on another device",
            &[Moment::AtBoot],
        )
        .needing(&[Need::TokenInEnvironment, Need::PasswordFile])
        .expecting(|_| Expectation::unharmed().device(NewDevice::Must))
        .injected(|world| Box::pin(deleted_with_new_token(world))),
        Fault::new(
            "device-keys-lost",
            "the token lives, but the homeserver hands out no keys for the bot's device",
            &[Moment::AtBoot],
        )
        .needing(&[Need::Encryption, Need::PasswordLogin])
        .expecting(|_| Expectation::one_login(NewDevice::Must))
        .injected(|world| Box::pin(keys_lost(world))),
        Fault::new(
            "device-refused",
            "the token is dead, and the homeserver refuses a login on the bot's device",
            &[Moment::AtBoot, Moment::WhileRunning],
        )
        .needing(&[Need::PasswordLogin, Need::PasswordFile])
        .expecting(|_| Expectation::one_login(NewDevice::Must).logins(1, 2))
        .injected(|world| Box::pin(refused(world))),
    ]
    .map(|fault| fault.reaching(Reach::Accounts))
}

async fn deleted(world: &mut World) -> Result<Fired> {
    let (token, device) = (acts::bot_token(world), acts::bot_device(world));
    let met = acts::met(world);
    let operator = world.homeserver.operator();
    operator.delete_device(world.account().localpart(), &device).await?;
    let evidence = acts::is_dead(world, "the bot's token", &token).await?;
    Ok(Fired::with(evidence)
        .and(format!("device {device} deleted"))
        .going_on(met))
}

async fn all_deleted(world: &mut World) -> Result<Fired> {
    let token = acts::bot_token(world);
    let met = acts::met(world);
    let localpart = world.account().localpart().to_owned();
    let operator = world.homeserver.operator();
    let before = operator.devices(&localpart).await?;
    operator.delete_all_devices(&localpart).await?;
    let evidence = acts::is_dead(world, "the bot's token", &token).await?;
    Ok(Fired::with(evidence)
        .and(format!("devices deleted: {}", before.join(", ")))
        .going_on(met))
}

/// The operator gives the bot a token on another device instead of the password.
async fn deleted_with_new_token(world: &mut World) -> Result<Fired> {
    let (token, device) = (acts::bot_token(world), acts::bot_device(world));
    let account = world.account();
    account.remove_password()?;
    let operator = world.homeserver.operator();
    operator.delete_device(account.localpart(), &device).await?;
    let base = world.homeserver.base_url();
    let given = User::login(base, account.user_id(), account.password(), None).await?;
    world
        .front_door
        .knows(given.token(), given.user_id(), given.device_id());
    acts::give_token(world, given.token())?;
    let evidence = acts::is_dead(world, "the bot's token", &token).await?;
    Ok(Fired::with(evidence).and(format!("the environment has a token on {}", given.device_id())))
}

async fn keys_lost(world: &mut World) -> Result<Fired> {
    let bend = acts::lose_device_keys(world);
    Ok(Fired::with("the next question for the device's keys finds none").bending(bend))
}

async fn refused(world: &mut World) -> Result<Fired> {
    let user = world.account().user_id();
    let login = Matcher::endpoint("POST", "/login").from_bot().by(user).times(1);
    let refusal = Action::error(400, "M_UNKNOWN", "This device id cannot be used.");
    let bend = world.front_door.bend(login, refusal);
    let met = acts::met(world);
    let evidence = acts::reset_password_with_file(world).await?;
    Ok(Fired::with(evidence).bending(bend).going_on(met))
}
