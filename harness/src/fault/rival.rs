//! Somebody else works with the bot's account on the bot's device.

use std::time::Duration;

use super::{Expectation, Fault, Fired, Moment, Need, NewDevice, Reach, Result, acts};
use crate::{
    client::Peer,
    front_door::Matcher,
    wait::{self, Poll},
    world::World,
};

/// How long the bot may take to meet its dead token and log in again.
const MEETING: Duration = Duration::from_secs(45);

/// So many lives that last seconds are no coincidence any more.
const LIVES: usize = 4;

pub(super) fn faults() -> [Fault; 2] {
    [
        Fault::new(
            "device-taken-over",
            "another program logs in on the bot's device and publishes keys of its own",
            &[Moment::AtBoot],
        )
        .needing(&[Need::Encryption, Need::PasswordLogin])
        .reaching(Reach::Accounts)
        // Where a second login on a device kills the first token: one on the device, and one on a new one.
        .expecting(|_| Expectation::one_login(NewDevice::Must).logins(2, 2))
        .injected(|world| Box::pin(took_over(world))),
        Fault::new(
            "device-contested",
            "another program logs in on the bot's device again and again",
            &[Moment::WhileRunning],
        )
        .helped_by_the_bot()
        .needing(&[
            Need::OneTokenPerDevice,
            Need::PasswordLogin,
            Need::PasswordFile,
            Need::TellsOperator,
        ])
        .reaching(Reach::Account)
        .expecting(|_| {
            Expectation::one_login(NewDevice::Never)
                .logins(LIVES + 1, LIVES + 1)
                .needs_operator(&["other program", "another program", "other copy"], LIVES)
        })
        .injected(|world| Box::pin(contested(world)))
        // The other program is stopped: it does nothing more. The operator says so by touching the file.
        .cured(|world| Box::pin(async { acts::write_password(world) })),
    ]
}

async fn took_over(world: &mut World) -> Result<Fired> {
    let device = acts::bot_device(world);
    let before = key_of(world, &device).await?;
    let rival = Peer::with_session(acts::log_in_on(world, &device).await?).await?;
    let what = format!("the keys of {device} to be another program's");
    wait::until(what, MEETING, || async {
        match key_of(world, &device).await {
            Ok(now) if now != before => Poll::Ready(()),
            Ok(_) => Poll::Pending("the keys are the bot's".to_owned()),
            Err(error) => Poll::Pending(error.to_string()),
        }
    })
    .await?;
    drop(rival);
    Ok(Fired::with(format!("the homeserver hands out other keys for {device}")))
}

/// The fingerprint of a device of the bot's, as the homeserver hands it out.
async fn key_of(world: &World, device: &str) -> Result<String> {
    let user = world.account().user_id();
    let answer = world.owner().query_keys(&[user]).await?;
    let key = &answer["device_keys"][user][device]["keys"][format!("ed25519:{device}")];
    Ok(key
        .as_str()
        .ok_or("the homeserver hands out no key for the device")?
        .to_owned())
}

async fn contested(world: &mut World) -> Result<Fired> {
    let device = acts::bot_device(world);
    let user = world.account().user_id();
    let login = Matcher::endpoint("POST", "/login").from_bot().by(user);
    for life in 0..=LIVES {
        let seq = world.traffic().last_seq();
        acts::log_in_on(world, &device).await?;
        // News in a room, so that the dead token is met at once and not when the long poll ends.
        acts::wake(world).await?;
        if life < LIVES {
            world.traffic().wait_for(&login.clone().after(seq), MEETING).await?;
        }
    }
    Ok(Fired::with(format!(
        "logged in {} times on {device}, each time after the bot",
        LIVES + 1
    )))
}
