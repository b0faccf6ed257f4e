//! The token is dead, and the way back is bent.

use std::time::Duration;

use super::{Expectation, Fault, Fired, Moment, Need, NewDevice, Reach, Result, acts};
use crate::{
    front_door::{Action, Matcher, Point},
    world::World,
};

const ALWAYS: &[Moment] = &[Moment::AtBoot, Moment::WhileRunning, Moment::InTheMiddle];
const RUNNING: &[Moment] = &[Moment::WhileRunning, Moment::InTheMiddle];
const CREDENTIALS: &[Need] = &[Need::PasswordLogin, Need::PasswordFile];

/// How long a login may be waited for.
const PATIENCE: Duration = Duration::from_secs(45);

pub(super) fn faults() -> [Fault; 6] {
    let misleading = |name, summary, succeeded, tried| {
        let expected = Expectation::one_login(NewDevice::Allowed)
            .logins(succeeded, tried)
            .within(60);
        Fault::new(name, summary, ALWAYS)
            .needing(CREDENTIALS)
            .reaching(Reach::Accounts)
            .expecting(move |_| expected)
    };
    [
        misleading(
            "token-dead-says-unauthorized",
            "the token is dead and the server says so as M_UNAUTHORIZED",
            2,
            3,
        )
        .injected(|world| {
            let (from, to) = ("M_UNKNOWN_TOKEN".to_owned(), "M_UNAUTHORIZED".to_owned());
            let all = Matcher::any().from_bot().by(world.account().user_id());
            Box::pin(mislead(world, all, Action::Errcode { from, to }))
        }),
        // The session nobody heard of, and then the usual two.
        misleading(
            "login-reply-dropped",
            "the token is dead and the answer to the first login is lost",
            3,
            3,
        )
        .injected(|world| {
            let first = login(world).times(1);
            Box::pin(mislead(world, first, Action::DropReply))
        }),
        misleading(
            "login-limited",
            "the token is dead and the first two logins are answered with 429",
            2,
            5,
        )
        .injected(|world| {
            let two = login(world).times(2);
            Box::pin(mislead(world, two, Action::limited(Duration::from_secs(1))))
        }),
        Fault::new(
            "living-token-called-dead",
            "one sync is answered with 401 M_UNKNOWN_TOKEN although the token lives",
            RUNNING,
        )
        .reaching(Reach::Accounts)
        .injected(|world| Box::pin(false_alarm(world))),
        killed_at_login(),
        Fault::new("bot-killed", "the bot is killed (SIGKILL) and started again", RUNNING)
            .injected(|world| Box::pin(killed(world))),
    ]
}

fn killed_at_login() -> Fault {
    Fault::new(
        "bot-killed-after-login",
        "the token is dead; the bot is killed after the reply to its login, before it sees it, and started again",
        RUNNING,
    )
    .needing(CREDENTIALS)
    .reaching(Reach::Account)
    .helped_by_the_bot()
    .expecting(|_| Expectation::one_login(NewDevice::Allowed).logins(3, 4).within(60))
    .injected(|world| Box::pin(killed_after_login(world)))
}

fn login(world: &World) -> Matcher {
    let user = world.account().user_id();
    Matcher::endpoint("POST", "/login").from_bot().by(user)
}

async fn mislead(world: &mut World, matcher: Matcher, action: Action) -> Result<Fired> {
    let bend = world.front_door.bend(matcher, action);
    let met = acts::met(world);
    let evidence = acts::reset_password(world).await?;
    acts::write_password(world)?;
    Ok(Fired::with(evidence).bending(bend).going_on(met))
}

async fn false_alarm(world: &mut World) -> Result<Fired> {
    let user = world.account().user_id();
    let sync = Matcher::endpoint("GET", "/sync").from_bot().by(user).times(1);
    let bend = world
        .front_door
        .bend(sync, Action::error(401, "M_UNKNOWN_TOKEN", "Unknown access token."));
    // News in a room end the poll that is under way, and the next one meets the bend.
    acts::wake(world).await?;
    Ok(Fired::with("the next sync is told that the token is dead").bending(bend))
}

/// The bot is killed where it is most delicate: its new token is made and not yet on disk.
async fn killed_after_login(world: &mut World) -> Result<Fired> {
    let gate = world.front_door.gate(login(world), Point::AfterReply);
    // The file first: else the held login could be one with the old password.
    let evidence = acts::reset_password_with_file(world).await?;
    let held = gate.reached(PATIENCE).await?;
    world.bot.kill().await?;
    gate.open();
    world.bot.start().await?;
    Ok(Fired::with(evidence).and(format!("killed while {} was held", held.line())))
}

async fn killed(world: &mut World) -> Result<Fired> {
    let before = world.bot.pid().ok_or("the bot does not run")?;
    world.bot.kill().await?;
    world.bot.start().await?;
    match world.bot.pid() {
        Some(after) if after != before => Ok(Fired::with(format!("process {before} killed, {after} started"))),
        _ => Err("the bot was not started again".into()),
    }
}
