//! Somebody signs up, somebody knocks, somebody has a bogus code.

use crate::community::InCommunity as _;
use async_trait::async_trait;
use serde_json::Value;

use super::{Scenario, Stage};
use crate::actors::{SignUp, children, vetting};
use harness::step::{Failure, Steps, Stop, ensure, seen};

/// The scenario that every fault is drilled with.
#[derive(Clone, Copy, Debug)]
pub struct Smoke;

const STEPS: &[&str] = &[
    "signup answers 200",
    "signup registered the account",
    "signup invited it to the space",
    "signup joined the space",
    "signup made a direct chat with the inviter",
    "signup joined every child room",
    "signup names the direct chat",
    "the newcomer's own sync shows the space",
    "the newcomer's own sync shows every child room",
    "the newcomer's own sync shows the direct chat",
    "an account that will knock is registered",
    "the knock is posted",
    "an invite comes within 15 s and it is not to the space",
    "the vetting room is joined",
    "the challenge and its keyword are visible",
    "the haiku is sent",
    "the invite to the space comes within 15 s",
    "a knock with a bogus code brings no invite of any kind",
];

#[async_trait]
impl Scenario for Smoke {
    fn name(&self) -> &'static str {
        "smoke"
    }

    fn summary(&self) -> &'static str {
        "somebody signs up, somebody knocks and writes a haiku, a bogus code gets nothing"
    }

    fn steps(&self) -> &'static [&'static str] {
        STEPS
    }

    fn middle(&self) -> &'static [&'static str] {
        super::MIDDLE
    }

    fn meets_every_fault(&self) -> bool {
        true
    }

    async fn run(&self, stage: &mut Stage) -> Result<(), Stop> {
        signup(stage).await?;
        knock(stage).await
    }
}

async fn signup(stage: &mut Stage) -> Result<(), Stop> {
    let Stage { world, steps, .. } = stage;
    let form = SignUp::new(world, "newcomer");
    let answer = steps
        .step("signup answers 200", async {
            let reply = form.post(world).await?;
            ensure(reply.status == 200, || reply.to_string())?;
            Ok((
                reply.body.clone(),
                format!("{} in {} ms", reply.body["user_id"], reply.took.as_millis()),
            ))
        })
        .await?;
    let claims = [
        ("signup registered the account", "register"),
        ("signup invited it to the space", "space_invited"),
        ("signup joined the space", "space_joined"),
        ("signup made a direct chat with the inviter", "inviter_dm"),
    ];
    for (name, claim) in claims {
        steps.step(name, async { is_true(&answer, claim) }).await?;
    }
    let children = children(world);
    let direct_chat = promised_rooms(steps, &answer, &children).await?;

    // The claims of the answer, seen with the newcomer's own eyes.
    let sees = async |rooms: &[String]| {
        let newcomer = form.account(world, &answer)?;
        vetting::sees_joined(&newcomer, rooms).await
    };
    let space = [world.space().to_owned()];
    steps
        .step("the newcomer's own sync shows the space", sees(&space))
        .await?;
    steps
        .step("the newcomer's own sync shows every child room", sees(&children))
        .await?;
    steps
        .step("the newcomer's own sync shows the direct chat", sees(&[direct_chat]))
        .await
}

/// The rooms that the answer to a signup says its newcomer is in; answers the direct chat.
async fn promised_rooms(steps: &mut Steps, answer: &Value, children: &[String]) -> Result<String, Stop> {
    steps
        .step("signup joined every child room", async {
            let joined = answer["steps"]["children_joined"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let missing = children
                .iter()
                .find(|child| !joined.iter().any(|room| room == child.as_str()));
            ensure(missing.is_none(), || {
                format!("children_joined is {joined:?}, without {missing:?}")
            })?;
            seen(format!("{} of {}", joined.len(), children.len()))
        })
        .await?;
    steps
        .step("signup names the direct chat", async {
            let room = answer["dm_room"].as_str().filter(|room| room.starts_with('!'));
            let room = room.ok_or_else(|| Failure::new(format!("dm_room is {}", answer["dm_room"])))?;
            Ok((room.to_owned(), room.to_owned()))
        })
        .await
}

fn is_true(answer: &Value, claim: &str) -> Result<((), String), Failure> {
    let found = &answer["steps"][claim];
    ensure(*found == Value::Bool(true), || {
        format!("steps.{claim} is {found} in {}", answer["steps"])
    })?;
    seen(format!("steps.{claim} is true"))
}

async fn knock(stage: &mut Stage) -> Result<(), Stop> {
    let Stage { world, steps, .. } = &mut *stage;
    let code = world.knock_code().to_owned();
    let knocker = steps
        .step(
            "an account that will knock is registered",
            vetting::register(world, "knocker"),
        )
        .await?;
    steps
        .step("the knock is posted", vetting::knock(world, &knocker, &code))
        .await?;
    let invite = steps
        .step(
            "an invite comes within 15 s and it is not to the space",
            vetting::invited(world, &knocker),
        )
        .await?;
    steps
        .step("the vetting room is joined", vetting::joined(&knocker, &invite))
        .await?;
    let challenge = steps
        .step(
            "the challenge and its keyword are visible",
            vetting::challenged(&knocker, &invite),
        )
        .await?;

    stage.middle().await?;

    let Stage { world, steps, .. } = stage;
    steps
        .step(
            "the haiku is sent",
            vetting::answered(&knocker, &invite, &challenge.haiku()),
        )
        .await?;
    steps
        .step(
            "the invite to the space comes within 15 s",
            vetting::invited_to_space(world, &knocker),
        )
        .await?;
    steps
        .step(
            "a knock with a bogus code brings no invite of any kind",
            vetting::ignored(world, "no-such-code"),
        )
        .await
}
