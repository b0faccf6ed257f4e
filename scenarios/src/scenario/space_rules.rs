//! What the space lets in and what not.

use crate::community::InCommunity as _;
use async_trait::async_trait;

use super::{Scenario, Stage};
use crate::actors::{children, space, vetting};
use harness::step::Stop;

/// The scenario.
#[derive(Clone, Copy, Debug)]
pub struct SpaceRules;

const STEPS: &[&str] = &[
    "the space's join rule is knock",
    "the join rule has no allow list",
    "a stranger who joins without an invite is refused with 403 M_FORBIDDEN",
    "a stranger who joins a child room is refused with 403 M_FORBIDDEN",
    "a stranger who passed joins the space",
    "a member of the space joins every child room by its restricted rule",
    "the join rule is still knock without an allow list",
];

#[async_trait]
impl Scenario for SpaceRules {
    fn name(&self) -> &'static str {
        "space-rules"
    }

    fn summary(&self) -> &'static str {
        "the space stays closed to strangers and open to those who passed"
    }

    fn steps(&self) -> &'static [&'static str] {
        STEPS
    }

    fn middle(&self) -> &'static [&'static str] {
        super::MIDDLE
    }

    async fn run(&self, stage: &mut Stage) -> Result<(), Stop> {
        let Stage { world, steps, .. } = &mut *stage;
        steps.step(STEPS[0], space::join_rule_is_knock(world)).await?;
        steps.step(STEPS[1], space::no_allow_list(world)).await?;
        let stranger = steps
            .step(STEPS[2], async {
                let (stranger, _) = vetting::register(world, "stranger").await?;
                let ((), evidence) = space::refuses(&stranger, world.space()).await?;
                Ok((stranger, evidence))
            })
            .await?;
        let child = children(world).into_iter().next().unwrap_or_default();
        steps.step(STEPS[3], space::refuses(&stranger, &child)).await?;

        stage.middle().await?;

        let Stage { world, steps, .. } = stage;
        steps.step(STEPS[4], vetting::whole_way(world, &stranger)).await?;
        steps.step(STEPS[5], space::children_joined(world, &stranger)).await?;
        steps
            .step(STEPS[6], async {
                let ((), rule) = space::join_rule_is_knock(world).await?;
                let ((), list) = space::no_allow_list(world).await?;
                Ok(((), format!("{rule}, {list}")))
            })
            .await
    }
}
