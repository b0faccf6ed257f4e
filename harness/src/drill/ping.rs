use std::{fmt, sync::Arc};

use super::{Breakage, Error, Result, look};
use crate::{
    check::{Checks, Evidence, Finding},
    contract::Contract,
    fault::Moment,
    history::Record,
    world::{Verdict, World, WorldOptions},
};

/// What came of a drill.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What each check found.
    pub findings: Vec<Finding>,
    /// What the history says.
    pub evidence: Evidence,
}

impl Judged {
    /// Judges a history.
    pub fn by(checks: &Checks, record: Record) -> Self {
        Self {
            findings: checks.judge(record.clone()),
            evidence: Evidence::of(record),
        }
    }

    /// The checks that do not hold.
    pub fn broken(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_broken())
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{:?} {}: {}", finding.verdict, finding.check, finding.evidence)?;
        }
        Ok(())
    }
}

/// The drill that any bot can be put through: it starts, is broken at a moment, and is pinged before and after that.
///
/// # Errors
///
/// When the fault is not applicable, or the drill did not come to its end.
pub async fn ping(
    options: WorldOptions,
    contract: Arc<Contract>,
    breakage: Option<Breakage>,
    checks: &Checks,
) -> Result<Judged> {
    let mut world = World::build(options, contract).await?;
    let judged = played(&mut world, breakage, checks).await;
    let verdict = match &judged {
        Ok(judged) => match judged.broken().next() {
            Some(finding) => Verdict::Failed(format!("{}: {}", finding.check, finding.evidence)),
            None => Verdict::Passed,
        },
        Err(Error::NotApplicable(_)) => Verdict::Passed,
        Err(error) => Verdict::Failed(error.to_string()),
    };
    world.finish(verdict).await?;
    judged
}

async fn played(world: &mut World, breakage: Option<Breakage>, checks: &Checks) -> Result<Judged> {
    let (contract, flavor) = (world.contract().clone(), world.homeserver.flavor());
    let patience = contract.boot();
    let lacking = |breakage: &Breakage| breakage.fault.lacking(&contract, flavor);
    if let Some(why) = breakage.as_ref().and_then(lacking) {
        return Err(Error::NotApplicable(why));
    }
    let first_boot = breakage
        .as_ref()
        .is_some_and(|breakage| breakage.moment == Moment::FirstBoot);
    if contract.capabilities.encryption {
        world.bring_witness().await?;
    }
    if !first_boot {
        world.start_bot(patience).await?;
        world.ping(patience).await?;
    }
    if let Some(breakage) = &breakage {
        breakage.happen(world).await?;
    }
    world.ping(patience).await?;
    look(world).await?;
    let record = Record::read(&world.artifacts.path("history.jsonl"))?;
    Ok(Judged::by(checks, record))
}
