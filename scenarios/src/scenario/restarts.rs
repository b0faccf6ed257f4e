//! The bot is killed in the middle of everything.

use crate::community::InCommunity as _;
use async_trait::async_trait;
use harness::{
    client::User,
    step::{Stop, ensure, seen},
};

use super::{Scenario, Stage};
use crate::{
    actors::{Seen, rooms, vetting},
    chat,
};

/// The scenario.
#[derive(Clone, Copy, Debug)]
pub struct Restarts;

const STEPS: &[&str] = &[
    "a stranger has a challenge",
    "the bot is killed",
    "the haiku is sent while the bot is away",
    "another stranger knocks while the bot is away",
    "the bot starts again and is ready",
    "the first is invited to the space",
    "the other has a vetting room and a challenge",
    "the bot is asked to end, does so, and starts again",
    "the other's haiku leads into the space",
    "the first was welcomed once",
    "the other was challenged and welcomed once",
    "the other's vetting room, which is over, is forgotten",
];

#[async_trait]
impl Scenario for Restarts {
    fn name(&self) -> &'static str {
        "restarts"
    }

    fn summary(&self) -> &'static str {
        "the bot is killed and restarted while people wait; nobody is lost and nothing is said twice"
    }

    fn steps(&self) -> &'static [&'static str] {
        STEPS
    }

    fn middle(&self) -> &'static [&'static str] {
        super::MIDDLE
    }

    fn waits(&self) -> bool {
        true
    }

    async fn run(&self, stage: &mut Stage) -> Result<(), Stop> {
        let waiting = killed_while_people_wait(stage).await?;
        stage.middle().await?;
        restarted_while_one_waits(stage, waiting).await
    }
}

/// Those who are in vetting when the bot is restarted the second time.
struct Waiting {
    first: User,
    first_room: String,
    other: User,
    other_room: String,
    other_haiku: String,
}

async fn killed_while_people_wait(stage: &mut Stage) -> Result<Waiting, Stop> {
    let Stage { world, steps, .. } = stage;
    let (first, first_room, first_haiku) = steps
        .step(STEPS[0], async {
            let (first, evidence) = vetting::register(world, "first").await?;
            let (room, challenge) = vetting::until_challenged(world, &first).await?;
            Ok(((first, room, challenge.haiku()), evidence))
        })
        .await?;
    let other = world.new_user("other").await;
    steps
        .step(STEPS[1], async {
            world.bot.kill().await?;
            seen("SIGKILL")
        })
        .await?;
    steps
        .step(STEPS[2], vetting::answered(&first, &first_room, &first_haiku))
        .await?;
    let other = steps
        .step(STEPS[3], async {
            let other = other?;
            let ((), evidence) = vetting::knock(world, &other, world.knock_code()).await?;
            Ok((other, evidence))
        })
        .await?;
    steps
        .step(STEPS[4], async {
            world.bot.start().await?;
            seen(world.bot.wait_ready(world.contract().boot()).await?.line())
        })
        .await?;
    steps.step(STEPS[5], vetting::invited_to_space(world, &first)).await?;
    let (other_room, other_haiku) = steps
        .step(STEPS[6], async {
            let (room, _) = vetting::invited(world, &other).await?;
            vetting::joined(&other, &room).await?;
            let (challenge, evidence) = vetting::challenged(&other, &room).await?;
            Ok(((room, challenge.haiku()), evidence))
        })
        .await?;
    Ok(Waiting {
        first,
        first_room,
        other,
        other_room,
        other_haiku,
    })
}

async fn restarted_while_one_waits(stage: &mut Stage, waiting: Waiting) -> Result<(), Stop> {
    let Waiting {
        first,
        first_room,
        other,
        other_room,
        other_haiku,
    } = waiting;
    let Stage { world, steps, .. } = stage;
    steps
        .step(STEPS[7], async {
            world.bot.stop().await?;
            world.bot.start().await?;
            seen(world.bot.wait_ready(world.contract().boot()).await?.line())
        })
        .await?;
    steps
        .step(STEPS[8], async {
            vetting::answered(&other, &other_room, &other_haiku).await?;
            vetting::invited_to_space(world, &other).await?;
            vetting::space_joined(world, &other).await
        })
        .await?;
    steps.step(STEPS[9], said_once(&first, &first_room)).await?;
    steps.step(STEPS[10], said_once(&other, &other_room)).await?;
    steps
        .step(STEPS[11], async {
            seen(rooms::forgotten_by_bot(world, &other_room).await?)
        })
        .await
}

/// Challenge and welcome stand in the room once each. The welcome follows the invites, so it is waited for before anything is counted.
async fn said_once(who: &User, room: &str) -> Seen {
    vetting::welcome(who, room).await?;
    let events = who.messages(room, 100).await?;
    let count = |text: &str| {
        let holds = |event: &&serde_json::Value| {
            event["content"]["body"]
                .as_str()
                .is_some_and(|body| body.contains(text))
        };
        events
            .iter()
            .filter(|event| event["sender"] != who.user_id())
            .filter(holds)
            .count()
    };
    let (challenges, welcomes) = (count("write a 3-line haiku"), count(chat::PASSED));
    ensure(challenges == 1 && welcomes == 1, || {
        format!("{challenges} challenges, {welcomes} welcomes")
    })?;
    seen("one challenge, one welcome")
}
