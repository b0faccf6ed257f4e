//! The token is dead, and the way back is bent.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;

use super::{Anyhow, Expectation, Fault, Fired, Moment, NewDevice, acts};
use crate::{
    front_door::{Action, Matcher, Point},
    world::World,
};

const MOMENTS: &[Moment] = &[Moment::AtBoot, Moment::WhileRunning, Moment::InTheMiddle];

fn login() -> Matcher {
    Matcher::endpoint("POST", "/login").from_bot()
}

/// How the answers are bent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    UnauthorizedWording,
    LoginReplyDropped,
    LoginLimited,
}

/// A dead token, a password that works, and answers that mislead.
#[derive(Debug)]
pub(super) struct Misleading(Kind);

impl Misleading {
    /// All kinds.
    pub(super) const ALL: [Self; 3] = [
        Self(Kind::UnauthorizedWording),
        Self(Kind::LoginReplyDropped),
        Self(Kind::LoginLimited),
    ];
}

#[async_trait]
impl Fault for Misleading {
    fn name(&self) -> &'static str {
        match self.0 {
            Kind::UnauthorizedWording => "token-dead-says-unauthorized",
            Kind::LoginReplyDropped => "login-reply-dropped",
            Kind::LoginLimited => "login-limited",
        }
    }

    fn summary(&self) -> &'static str {
        match self.0 {
            Kind::UnauthorizedWording => "the token is dead and the server says so as M_UNAUTHORIZED",
            Kind::LoginReplyDropped => "the token is dead and the answer to the first login is lost",
            Kind::LoginLimited => "the token is dead and the first two logins are answered with 429",
        }
    }

    fn moments(&self) -> &'static [Moment] {
        MOMENTS
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        let expectation = Expectation::one_login(NewDevice::Allowed).within(60);
        match self.0 {
            Kind::UnauthorizedWording => expectation.logins(2, 3),
            // The session nobody heard of, and then the usual two.
            Kind::LoginReplyDropped => expectation.logins(3, 3),
            Kind::LoginLimited => expectation.logins(2, 5),
        }
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let (matcher, action) = match self.0 {
            Kind::UnauthorizedWording => {
                let (from, to) = ("M_UNKNOWN_TOKEN".to_owned(), "M_UNAUTHORIZED".to_owned());
                (Matcher::any().from_bot(), Action::Errcode { from, to })
            }
            Kind::LoginReplyDropped => (login().times(1), Action::DropReply),
            Kind::LoginLimited => (login().times(2), Action::limited(Duration::from_secs(1))),
        };
        let bend = world.front_door.bend(matcher, action);
        let met = acts::met(world);
        let evidence = acts::reset_password(world).await?;
        acts::write_password(world)?;
        Ok(Fired::with(evidence).bending(bend).going_on(met))
    }
}

/// `whoami` names somebody else once.
#[derive(Debug)]
pub(super) struct WhoamiOfAnother;

#[async_trait]
impl Fault for WhoamiOfAnother {
    fn name(&self) -> &'static str {
        "whoami-answers-another-user"
    }

    fn summary(&self) -> &'static str {
        "the bot's first whoami is answered with another user"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::AtBoot]
    }

    /// A living session is not given up for one wrong answer.
    fn expectation(&self, _moment: Moment) -> Expectation {
        Expectation::unharmed()
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let whoami = Matcher::endpoint("GET", "/account/whoami").from_bot().times(1);
        let answer = json!({ "user_id": world.owner().user_id(), "device_id": "ELSEWHERE", "is_guest": false });
        let bend = world.front_door.bend(whoami, Action::json(200, &answer));
        Ok(Fired::with("the next whoami names the owner").bending(bend))
    }
}

/// A living token is called dead once.
#[derive(Debug)]
pub(super) struct FalseAlarm;

#[async_trait]
impl Fault for FalseAlarm {
    fn name(&self) -> &'static str {
        "living-token-called-dead"
    }

    fn summary(&self) -> &'static str {
        "one sync is answered with 401 M_UNKNOWN_TOKEN although the token lives"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::WhileRunning, Moment::InTheMiddle]
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        Expectation::unharmed()
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let sync = Matcher::endpoint("GET", "/sync").from_bot().times(1);
        let bend = world
            .front_door
            .bend(sync, Action::error(401, "M_UNKNOWN_TOKEN", "Unknown access token."));
        // News in a room end the poll that is under way, and the next one meets the bend.
        acts::wake(world).await?;
        Ok(Fired::with("the next sync is told that the token is dead").bending(bend))
    }
}

/// The bot is killed where it is most delicate: its new token is made and not yet on disk.
#[derive(Debug)]
pub(super) struct KilledAfterLogin;

#[async_trait]
impl Fault for KilledAfterLogin {
    fn name(&self) -> &'static str {
        "bot-killed-after-login"
    }

    fn summary(&self) -> &'static str {
        "the token is dead; the bot is killed after the reply to its login, before it sees it, and started again"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::WhileRunning, Moment::InTheMiddle]
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        Expectation::one_login(NewDevice::Allowed).logins(3, 4).within(60)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let gate = world.front_door.gate(login(), Point::AfterReply);
        // The file first: else the held login could be one with the old password.
        let evidence = acts::reset_password_with_file(world).await?;
        let held = gate.reached(Duration::from_secs(45)).await?;
        world.bot.kill().await?;
        gate.open();
        world.bot.start()?;
        Ok(Fired::with(evidence).and(format!("killed while {} was held", held.line())))
    }
}

/// The bot is killed and started again.
#[derive(Debug)]
pub(super) struct Killed;

#[async_trait]
impl Fault for Killed {
    fn name(&self) -> &'static str {
        "bot-killed"
    }

    fn summary(&self) -> &'static str {
        "the bot is killed (SIGKILL) and started again"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::WhileRunning, Moment::InTheMiddle]
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        Expectation::unharmed()
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let before = world.bot.pid().ok_or("the bot does not run")?;
        world.bot.kill().await?;
        world.bot.start()?;
        match world.bot.pid() {
            Some(after) if after != before => Ok(Fired::with(format!("process {before} killed, {after} started"))),
            _ => Err("the bot was not started again".into()),
        }
    }
}
