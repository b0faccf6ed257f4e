//! Many people at once: codes are not overdrawn, and the bot keeps listening.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures_util::future::join_all;
use harness::{
    client::{Peer, Reply},
    step::{Failure, Stop, ensure, seen},
    wait::{self, Poll},
    world::World,
};
use serde_json::{Value, json};

use super::{MIDDLE, Scenario, Stage};
use crate::{
    actors::{Seen, SignUp, add_code, children, commands, post_patiently},
    community::InCommunity as _,
};

/// The scenario.
#[derive(Clone, Copy, Debug)]
pub struct ManyAtOnce;

/// How many ask at once.
const MANY: usize = 200;

/// How many a code admits.
const USES: u32 = 50;

/// How long they wait: on two cores a homeserver takes its time for fifty rooms or accounts.
const PATIENCE: Duration = Duration::from_secs(240);

const LOBBIES: &str = "many-lobbies";
const SIGNUPS: &str = "many-signups";

const STEPS: &[&str] = &[
    "an encrypted command is answered while 200 ask for a lobby at once",
    "exactly 50 lobbies are opened, and 150 are refused with 403 invalid_code",
    "the lobbies are 50 different rooms",
    "an encrypted command is answered while 200 sign up at once",
    "exactly 50 accounts are made, and 150 are refused with 403 invalid_code",
    "the accounts are 50 different ones, each in the space and in every child room",
    "both codes are used up",
];

#[async_trait]
impl Scenario for ManyAtOnce {
    fn name(&self) -> &'static str {
        "many-at-once"
    }

    fn summary(&self) -> &'static str {
        "200 requests at once on a code with 50 uses give exactly 50, for lobbies and for signups, and commands are answered meanwhile"
    }

    fn steps(&self) -> &'static [&'static str] {
        STEPS
    }

    fn middle(&self) -> &'static [&'static str] {
        MIDDLE
    }

    async fn arrange(&self, world: &mut World) -> Result<(), Failure> {
        add_code(world, "INITIAL_CODES", LOBBIES, USES)?;
        add_code(world, "INITIAL_SIGNUP_CODES", SIGNUPS, USES)
    }

    async fn run(&self, stage: &mut Stage) -> Result<(), Stop> {
        let Stage { world, steps, .. } = &mut *stage;
        let lobbies = vec![json!({ "code": LOBBIES }); MANY];
        let (owner, replies) = steps
            .step(STEPS[0], async {
                let owner = world.owner_peer().await?;
                let (replies, evidence) = burst(world, "/join/api", &lobbies, &owner).await?;
                Ok(((owner, replies), evidence))
            })
            .await?;
        let opened = steps.step(STEPS[1], async { fifty(&replies) }).await?;
        steps.step(STEPS[2], async { different(&opened, "room_id") }).await?;

        stage.middle().await?;

        let Stage { world, steps, .. } = stage;
        let forms: Vec<Value> = (0..MANY)
            .map(|_| SignUp::with_code(world, "crowd", SIGNUPS).body())
            .collect();
        let replies = steps
            .step(STEPS[3], burst(world, "/signup/api", &forms, &owner))
            .await?;
        let made = steps.step(STEPS[4], async { fifty(&replies) }).await?;
        steps
            .step(STEPS[5], async {
                let ((), evidence) = different(&made, "user_id")?;
                are_in_every_room(world, &made).await?;
                seen(evidence)
            })
            .await?;
        steps
            .step(STEPS[6], async {
                let late = SignUp::with_code(world, "late", SIGNUPS).post(world).await?;
                let lobby = post_patiently(world, "/join/api", &json!({ "code": LOBBIES }), PATIENCE).await?;
                ensure(late.status == 403 && lobby.status == 403, || format!("{late}; {lobby}"))?;
                seen(format!("{late}; {lobby}"))
            })
            .await
    }
}

/// Sends all of them at once, and a command meanwhile, which must be answered in the time that a command has at any other time.
async fn burst(world: &World, route: &str, bodies: &[Value], owner: &Peer) -> Seen<Vec<Reply>> {
    let began = Instant::now();
    let crowd = join_all(bodies.iter().map(|body| post_patiently(world, route, body, PATIENCE)));
    let crowd = async { (crowd.await, began.elapsed()) };
    let command = async { (commands::helped(world, owner).await, began.elapsed()) };
    let ((replies, all), (answered, one)) = tokio::join!(crowd, command);
    let ((), answer) = answered?;
    let replies: Vec<Reply> = replies.into_iter().collect::<Result<_, _>>()?;
    Ok((replies, format!("{answer}, after {one:.1?}; the crowd took {all:.1?}")))
}

/// Waits until the homeserver says that all who signed up are in the space and in every child room. The answers may have come before: what
/// takes longer than people wait goes on behind them.
async fn are_in_every_room(world: &World, made: &[Value]) -> Result<(), Failure> {
    let users: BTreeSet<&str> = made.iter().filter_map(|body| body["user_id"].as_str()).collect();
    for room in children(world).iter().map(String::as_str).chain([world.space()]) {
        wait::until(format!("all who signed up to be in {room}"), PATIENCE, || async {
            let members = match world.owner().members(room).await {
                Ok(members) => members,
                Err(error) => return Poll::Pending(error.to_string()),
            };
            let joined = members.iter().filter(|event| event["content"]["membership"] == "join");
            let joined: BTreeSet<&str> = joined.filter_map(|event| event["state_key"].as_str()).collect();
            match users.difference(&joined).count() {
                0 => Poll::Ready(()),
                missing => Poll::Pending(format!("{missing} of {} are not", users.len())),
            }
        })
        .await?;
    }
    Ok(())
}

/// The bodies of exactly 50 successes; the others must be refused for the code.
fn fifty(replies: &[Reply]) -> Result<(Vec<Value>, String), Failure> {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for reply in replies {
        let error = reply.body["error"].as_str().unwrap_or_default();
        *kinds
            .entry(format!("{} {error}", reply.status).trim().to_owned())
            .or_default() += 1;
    }
    let refused = MANY - USES as usize;
    let wanted = BTreeMap::from([
        ("200".to_owned(), USES as usize),
        ("403 invalid_code".to_owned(), refused),
    ]);
    ensure(kinds == wanted, || format!("{kinds:?}, not {wanted:?}"))?;
    let made = replies.iter().filter(|reply| reply.status == 200);
    Ok((made.map(|reply| reply.body.clone()).collect(), format!("{kinds:?}")))
}

fn different(bodies: &[Value], key: &str) -> Result<((), String), Failure> {
    let ids: BTreeSet<&str> = bodies.iter().filter_map(|body| body[key].as_str()).collect();
    ensure(ids.len() == bodies.len(), || {
        format!("{} answers name {} of {key}", bodies.len(), ids.len())
    })?;
    seen(format!("{} different of {key}", ids.len()))
}
