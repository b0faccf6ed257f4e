//! A newly appointed moderator mints a code in the encrypted command room.

use async_trait::async_trait;

use super::{MIDDLE, Scenario, Stage};
use crate::actors::{commands, vetting};
use harness::step::Stop;

/// The scenario.
#[derive(Clone, Copy, Debug)]
pub struct Commands;

const STEPS: &[&str] = &[
    "a moderator's power is raised in the command room",
    "the moderator is invited",
    "the moderator joins",
    "the moderator sees that the room is encrypted",
    "an encrypted `!mint --uses 3 LABEL` is sent",
    "the encrypted answer decrypts and holds link and label",
    "`!codes` names the new code with its three uses",
    "somebody without power is refused with the power they need",
    "the minted code admits a knocker",
    "`!revoke` ends the code",
    "the revoked code admits nobody",
];

#[async_trait]
impl Scenario for Commands {
    fn name(&self) -> &'static str {
        "commands"
    }

    fn summary(&self) -> &'static str {
        "a moderator mints, lists and revokes a code in the encrypted command room"
    }

    fn steps(&self) -> &'static [&'static str] {
        STEPS
    }

    fn middle(&self) -> &'static [&'static str] {
        MIDDLE
    }

    async fn run(&self, stage: &mut Stage) -> Result<(), Stop> {
        let Stage { world, steps, .. } = &mut *stage;
        let moderator = steps.step(STEPS[0], commands::appointed(world)).await?;
        steps.step(STEPS[1], commands::invited(world, &moderator)).await?;
        steps.step(STEPS[2], commands::joined(world, &moderator)).await?;
        steps.step(STEPS[3], commands::encrypted(world, &moderator)).await?;
        let asked = steps
            .step(
                STEPS[4],
                commands::sent(world, &moderator, "!mint --uses 3 night-watch"),
            )
            .await?;

        stage.middle().await?;

        let Stage { world, steps, .. } = stage;
        let code = steps
            .step(STEPS[5], commands::minted(world, &moderator, &asked, "night-watch"))
            .await?;
        steps
            .step(STEPS[6], commands::listed(world, &moderator, &code, 3))
            .await?;
        steps.step(STEPS[7], commands::refused(world)).await?;
        steps
            .step(STEPS[8], async {
                let (knocker, _) = vetting::register(world, "minted").await?;
                vetting::knock(world, &knocker, &code).await?;
                vetting::invited(world, &knocker).await
            })
            .await?;
        steps
            .step(STEPS[9], commands::revoked(world, &moderator, &code))
            .await?;
        steps.step(STEPS[10], vetting::ignored(world, &code)).await
    }
}
