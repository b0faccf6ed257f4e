//! From a knock to the invite to a vetting room.

use crate::community::InCommunity as _;
use std::time::Duration;

use async_trait::async_trait;
use harness::{
    front_door::{Matcher, Timed},
    step::Failure,
    world::{Verdict, World},
};

use super::{
    Bed, Bench, CriticalPath, Figure, Ground, Part, Samples, Span, Unit, aim::Aim, boot::bot_spans, path::millis,
};

/// As a multiple of the server's own answer times.
const AIM: f64 = 1.3;

/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// From a knock to the invite to a vetting room.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vetting;

#[async_trait]
impl Bench for Vetting {
    fn name(&self) -> &'static str {
        "vetting"
    }

    fn summary(&self) -> &'static str {
        "from a knock to the invite to the vetting room, against the server's own answer times on that path"
    }

    fn part(&self) -> Part {
        Part::Bot
    }

    async fn measure(&self, bed: &Bed, figures: &mut Vec<Figure>) -> Result<(), Failure> {
        for ground in &bed.grounds {
            figures.push(on(bed, ground).await?);
        }
        Ok(())
    }
}

async fn on(bed: &Bed, ground: &Ground) -> Result<Figure, Failure> {
    let world = bed.lively_world(ground).await?;
    let (mut took, mut server) = (Vec::new(), Vec::new());
    // The first knock also pays for what the bot does once.
    knock(&world).await?;
    for _ in 0..ground.samples(20, 8) {
        let (path, began) = knock(&world).await?;
        if took.is_empty() {
            bed.tell_path(&format!("knock to invite on {}", ground.name), &path, began);
        }
        took.push(millis(path.total));
        server.push(millis(path.server));
    }
    world.finish(Verdict::Passed).await?;
    let (took, server) = (Samples::new(took)?, Samples::new(server)?);
    Ok(
        Figure::new("knock to vetting invite", &ground.name, Unit::Milliseconds, took)
            .against("its server's answers", Some(&server))
            .aiming(Aim::RatioAtMost(AIM)),
    )
}

/// Somebody knocks; answers the path from the knock's coming to the answer of the request that invites, and when it began.
async fn knock(world: &World) -> Result<(CriticalPath, Duration), Failure> {
    let who = world.new_user("knocker").await?;
    let before = world.traffic().last_seq();
    let knocked = Matcher::endpoint("POST", "/knock/*").from_public().after(before);
    let invited = Matcher::endpoint("POST", "/createRoom").from_bot().after(before);
    let challenged = Matcher::endpoint("PUT", "/rooms/*/send/*/*").from_bot().after(before);
    who.knock(world.space(), world.knock_code()).await?;
    world.traffic().wait_for(&invited, PATIENCE).await?;
    // The challenge is the last thing that the bot does about a knock: the next one meets it at rest.
    world.traffic().wait_for(&challenged, PATIENCE).await?;
    let timed = world.traffic().timed();
    let began = first(&timed, &knocked)?.timing.came;
    let last = Span::of(first(&timed, &invited)?).ok_or_else(|| Failure::new("the invite is not answered"))?;
    Ok((CriticalPath::to(&last, &bot_spans(world), began), began))
}

/// The first exchange that a matcher means.
pub(super) fn first<'a>(timed: &'a [Timed], matcher: &Matcher) -> Result<&'a Timed, Failure> {
    let found = timed.iter().find(|timed| matcher.matches(&timed.exchange));
    found.ok_or_else(|| Failure::new(format!("no request like this: {matcher}")))
}
