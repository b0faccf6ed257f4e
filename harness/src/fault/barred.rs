//! The account is barred for a while: the operator, or somebody else, has to lift it.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::json;

use super::{Anyhow, Expectation, Fault, Fired, Moment, NewDevice, acts};
use crate::{
    client::User,
    front_door::{Action, Bend, Matcher},
    world::World,
};

/// How long the bot may take to answer a stranger.
const PATIENCE: Duration = Duration::from_secs(20);

/// A bend that stays in force until the cure.
#[derive(Debug, Default)]
struct UntilCured(Mutex<Option<Bend>>);

impl UntilCured {
    fn keep(&self, bend: Bend) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(bend);
    }

    /// Ends the bend; the number of requests that met it.
    fn end(&self) -> Anyhow<u64> {
        let bend = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match bend.as_ref().map_or(0, Bend::fired) {
            0 => Err("no request of the bot met it".into()),
            fired => Ok(fired),
        }
    }
}

/// The account is locked.
#[derive(Debug, Default)]
pub(super) struct Locked(UntilCured);

#[async_trait]
impl Fault for Locked {
    fn name(&self) -> &'static str {
        "account-locked"
    }

    fn summary(&self) -> &'static str {
        "the account is locked (401 M_USER_LOCKED to everything), and later unlocked"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::AtBoot, Moment::WhileRunning]
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        Expectation::unharmed().within(60).needs_operator(&["unlock"], 0)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let locked =
            json!({ "errcode": "M_USER_LOCKED", "error": "This account has been locked", "soft_logout": true });
        let everything = Matcher::any().from_bot().to_homeserver();
        self.0
            .keep(world.front_door.bend(everything, Action::json(401, &locked)));
        // News in a room, so that a running bot asks again at once.
        acts::wake(world).await?;
        Ok(Fired::with("every request of the bot is answered with M_USER_LOCKED"))
    }

    async fn cure(&self, world: &mut World) -> Anyhow<()> {
        let met = self.0.end()?;
        world.artifacts.note(format!("unlocked after {met} requests"));
        Ok(())
    }
}

/// The account is suspended: it may read, and say nothing.
#[derive(Debug, Default)]
pub(super) struct Suspended(UntilCured);

#[async_trait]
impl Fault for Suspended {
    fn name(&self) -> &'static str {
        "account-suspended"
    }

    fn summary(&self) -> &'static str {
        "the account is suspended (403 M_USER_SUSPENDED to every message) while a stranger waits for a challenge"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::WhileRunning, Moment::InTheMiddle]
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        Expectation::unharmed().within(60).needs_operator(&["suspension"], 0)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let messages = Matcher::endpoint("PUT", "/rooms/*/send/*/*").from_bot();
        let suspended = Action::error(403, "M_USER_SUSPENDED", "Your account is suspended.");
        self.0.keep(world.front_door.bend(messages, suspended));
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

    async fn cure(&self, world: &mut World) -> Anyhow<()> {
        let met = self.0.end()?;
        world.artifacts.note(format!("suspension lifted after {met} messages"));
        Ok(())
    }
}

/// A login names somebody else.
#[derive(Debug, Default)]
pub(super) struct LoginOfAnother(Mutex<Option<String>>);

#[async_trait]
impl Fault for LoginOfAnother {
    fn name(&self) -> &'static str {
        "login-answers-another-user"
    }

    fn summary(&self) -> &'static str {
        "the token is dead, and the first login makes a session of somebody else"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::AtBoot, Moment::WhileRunning]
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        // The session of somebody else, and then the usual two.
        Expectation::one_login(NewDevice::Allowed)
            .logins(3, 3)
            .needs_operator(&["username"], 1)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let stranger = world.new_user("stranger").await?;
        let base = world.homeserver.base_url();
        let session = User::login(base, stranger.user_id(), stranger.password(), None).await?;
        let answer = json!({
            "user_id": session.user_id(), "device_id": session.device_id(), "access_token": session.token(),
        });
        let login = Matcher::endpoint("POST", "/login").from_bot().times(1);
        let bend = world.front_door.bend(login, Action::json(200, &answer));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(session.token().to_owned());
        let evidence = acts::reset_password_with_file(world).await?;
        Ok(Fired::with(evidence).bending(bend))
    }

    /// The session that the login made was ended; the operator looks at the file and writes it again.
    async fn cure(&self, world: &mut World) -> Anyhow<()> {
        let token = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let token = token.ok_or("no session was made")?;
        let ended = acts::is_dead(world, "the session of somebody else", &token).await?;
        world.artifacts.note(ended);
        acts::write_password(world)
    }
}
