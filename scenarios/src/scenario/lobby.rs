//! Two strangers come through a lobby, talk to each other, and the first comes again.

use crate::community::InCommunity as _;
use async_trait::async_trait;
use harness::{client::User, step::Stop};

use super::{MIDDLE, Scenario, Stage, vetting::welcomed};
use crate::actors::{lobby, talk, vetting};

/// The scenario.
#[derive(Clone, Copy, Debug)]
pub struct Lobby;

/// The names of one stranger's steps.
type Names = [&'static str; 8];

const FIRST: Names = [
    "a lobby opens for the first stranger",
    "the first joins it by its alias",
    "the first sees a challenge with a keyword",
    "the first sends a haiku",
    "the first is invited to the space",
    "the first gets a signup link whose code is live",
    "the first gets the onboarding link",
    "the first joins the space",
];

const SECOND: Names = [
    "a lobby opens for the second stranger",
    "the second joins it by its alias",
    "the second sees a challenge with a keyword",
    "the second sends a haiku",
    "the second is invited to the space",
    "the second gets a signup link whose code is live",
    "the second gets the onboarding link",
    "the second joins the space",
];

const BOGUS: &str = "a bogus code is refused with 403 invalid_code";

const AGAIN: [&str; 6] = [
    "a fresh lobby opens for the first, now a member",
    "the first joins the fresh lobby",
    "the lobby speaks to the first",
    "the first is told to be already in",
    "the first is still a member and nobody invited them again",
    "the bot leaves the fresh lobby",
];

const STEPS: &[&str] = &[
    BOGUS,
    FIRST[0],
    FIRST[1],
    FIRST[2],
    FIRST[3],
    FIRST[4],
    FIRST[5],
    FIRST[6],
    FIRST[7],
    SECOND[0],
    SECOND[1],
    SECOND[2],
    SECOND[3],
    SECOND[4],
    SECOND[5],
    SECOND[6],
    SECOND[7],
    talk::STEPS[0],
    talk::STEPS[1],
    talk::STEPS[2],
    talk::STEPS[3],
    AGAIN[0],
    AGAIN[1],
    AGAIN[2],
    AGAIN[3],
    AGAIN[4],
    AGAIN[5],
];

#[async_trait]
impl Scenario for Lobby {
    fn name(&self) -> &'static str {
        "lobby"
    }

    fn summary(&self) -> &'static str {
        "two strangers pass in public lobbies, read each other's encrypted messages, and a member is told so"
    }

    fn steps(&self) -> &'static [&'static str] {
        STEPS
    }

    fn middle(&self) -> &'static [&'static str] {
        MIDDLE
    }

    async fn run(&self, stage: &mut Stage) -> Result<(), Stop> {
        stage
            .steps
            .step(BOGUS, lobby::refused(&stage.world, "no-such-code"))
            .await?;
        let first = visit(stage, FIRST, "first", false).await?;
        let second = visit(stage, SECOND, "second", true).await?;
        let Stage { world, steps, .. } = &mut *stage;
        talk::in_first_child(world, steps, &first, &second).await?;
        again(stage, &first).await
    }
}

/// One stranger's way through a lobby; with `broken` the middle of the scenario lies between challenge and haiku.
async fn visit(stage: &mut Stage, names: Names, hint: &str, broken: bool) -> Result<User, Stop> {
    let Stage { world, steps, .. } = &mut *stage;
    let open = steps.step(names[0], lobby::opened(world)).await?;
    let person = steps
        .step(names[1], async {
            let (person, who) = vetting::register(world, hint).await?;
            let ((), what) = lobby::entered(&person, &open).await?;
            Ok((person, format!("{who}: {what}")))
        })
        .await?;
    let challenge = steps.step(names[2], vetting::challenged(&person, &open.room)).await?;
    if broken {
        stage.middle().await?;
    }
    let Stage { world, steps, .. } = stage;
    steps
        .step(names[3], vetting::answered(&person, &open.room, &challenge.haiku()))
        .await?;
    welcomed(
        world,
        steps,
        [names[4], names[5], names[6], names[7]],
        &person,
        &open.room,
    )
    .await?;
    Ok(person)
}

/// A member in a fresh lobby. Whether they are told at once or after a haiku is the bot's choice.
async fn again(stage: &mut Stage, member: &User) -> Result<(), Stop> {
    let Stage { world, steps, .. } = stage;
    let open = steps
        .step(AGAIN[0], async {
            // In between, so that the operators' note on this lobby is not the note on the first one said twice.
            world.owner().say(world.admin_room(), "one more lobby").await?;
            lobby::opened(world).await
        })
        .await?;
    steps.step(AGAIN[1], lobby::entered(member, &open)).await?;
    let greeting = steps.step(AGAIN[2], lobby::greeted(member, &open)).await?;
    steps.step(AGAIN[3], lobby::already_in(member, &open, greeting)).await?;
    steps.step(AGAIN[4], lobby::still_member(world, member)).await?;
    steps.step(AGAIN[5], lobby::left_by_bot(world, member, &open)).await
}
