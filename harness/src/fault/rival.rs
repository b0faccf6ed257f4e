//! Somebody else works with the bot's account on the bot's device.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;

use super::{Anyhow, Expectation, Fault, Fired, Moment, Need, NewDevice, acts};
use crate::{
    client::{Peer, User},
    front_door::{Matcher, Point},
    wait::{self, Poll},
    world::World,
};

/// How long the bot may take to meet its dead token and log in again.
const MEETING: Duration = Duration::from_secs(45);

/// Logs in on the bot's device, past the front door.
async fn log_in(world: &World, device: &str) -> Anyhow<User> {
    let account = world.approver();
    let base = world.homeserver.base_url();
    let rival = User::login(base, account.user_id(), account.password(), Some(device)).await?;
    world.front_door.knows(rival.token(), rival.user_id(), device);
    Ok(rival)
}

/// Another program has taken the device over, with keys of its own.
#[derive(Debug)]
pub(super) struct TookOver;

#[async_trait]
impl Fault for TookOver {
    fn name(&self) -> &'static str {
        "device-taken-over"
    }

    fn summary(&self) -> &'static str {
        "another program logs in on the bot's device and publishes keys of its own"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::AtBoot]
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        // Where a second login on a device kills the first token: one on the device, and one on a new one.
        Expectation::one_login(NewDevice::Must).logins(2, 2)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let device = acts::bot_device(world);
        let before = key_of(world, &device).await?;
        let rival = Peer::with_session(log_in(world, &device).await?).await?;
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
}

/// The fingerprint of a device of the bot's, as the homeserver hands it out.
async fn key_of(world: &World, device: &str) -> Anyhow<String> {
    let user = world.approver().user_id();
    let answer = world.owner().query_keys(&[user]).await?;
    let key = &answer["device_keys"][user][device]["keys"][format!("ed25519:{device}")];
    Ok(key
        .as_str()
        .ok_or("the homeserver hands out no key for the device")?
        .to_owned())
}

/// Somebody logs in once on the device of a running bot.
#[derive(Debug)]
pub(super) struct LoggedIn;

#[async_trait]
impl Fault for LoggedIn {
    fn name(&self) -> &'static str {
        "device-logged-in-elsewhere"
    }

    fn summary(&self) -> &'static str {
        "somebody logs in on the bot's device, which kills its token; a lobby and a signup are the first to meet that"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::WhileRunning, Moment::InTheMiddle]
    }

    fn needs(&self) -> &'static [Need] {
        &[Need::OneTokenPerDevice]
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        Expectation::one_login(NewDevice::Never)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let (token, device) = (acts::bot_token(world), acts::bot_device(world));
        let met = acts::met(world);
        // The poll is held, or it might be the first to meet the dead token.
        let poll = Matcher::endpoint("GET", "/sync").by(world.approver().user_id());
        let poll = world.front_door.gate(poll.from_bot(), Point::BeforeForward);
        world.owner().type_in(world.admin_room()).await?;
        poll.reached(MEETING).await?;
        log_in(world, &device).await?;
        let evidence = acts::is_dead(world, "the bot's token", &token).await?;
        // A lobby and an account have to be made with the dead token: the requests heal it, and are answered after that.
        let lobby = json!({ "code": world.knock_code() });
        let form = json!({
            "code": world.signup_code(), "username": world.new_name("meanwhile"), "password": world.new_password(),
        });
        let (lobby, account) = tokio::join!(world.post("/join/api", &lobby), world.post("/signup/api", &form));
        let (lobby, account) = (lobby?, account?);
        poll.open();
        match (lobby.status, account.status) {
            (200, 200) => Ok(Fired::with(evidence)
                .and(format!(
                    "a lobby was opened all the same in {} ms, and an account made in {} ms",
                    lobby.took.as_millis(),
                    account.took.as_millis()
                ))
                .going_on(met)),
            _ => Err(format!(
                "asked for meanwhile: a lobby, {} {}; an account, {} {}",
                lobby.status, lobby.body["error"], account.status, account.body["error"]
            )
            .into()),
        }
    }
}

/// Another copy of the bot fights for the device.
#[derive(Debug)]
pub(super) struct Contested;

/// So many lives that last seconds are no coincidence any more.
const LIVES: usize = 4;

#[async_trait]
impl Fault for Contested {
    fn name(&self) -> &'static str {
        "device-contested"
    }

    fn summary(&self) -> &'static str {
        "another program logs in on the bot's device again and again"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::WhileRunning]
    }

    fn needs(&self) -> &'static [Need] {
        &[Need::OneTokenPerDevice]
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        Expectation::one_login(NewDevice::Never)
            .logins(LIVES + 1, LIVES + 1)
            .needs_operator(&["stop the other program"], LIVES)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let device = acts::bot_device(world);
        let login = Matcher::endpoint("POST", "/login").from_bot();
        for life in 0..=LIVES {
            let seq = world.traffic().last_seq();
            log_in(world, &device).await?;
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

    /// The other program is stopped: it does nothing more. The operator says so by touching the file.
    async fn cure(&self, world: &mut World) -> Anyhow<()> {
        acts::write_password(world)
    }
}
