//! Drills in a minute.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;

use harness::process::Process;

use super::{Bed, Bench, Figure, Ground, Part, Samples, Unit, aim::Aim, path::millis};
use crate::catalogue;
use harness::{
    batch::{self, Jobs, Until},
    plan::{Drill, Wishes, plan},
    progress::Silent,
    report::{Record, Verdict},
    step::Failure,
};

/// How many there should be in a minute on two cores.
const AIM: f64 = 300.0;

/// The faults of a token, a password or a device that a bot heals from without waiting for anybody. `password-reset-written-late` is not
/// among them: the five seconds until the password is written would be all that is measured.
const CREDENTIALS: [&str; 7] = [
    "env-token-clobbered",
    "env-token-empty",
    "env-token-of-another-user",
    "password-changed-by-user",
    "password-reset",
    "device-deleted",
    "all-devices-deleted",
];

/// The one that is also run on real servers, to compare with.
const COMPARED: &str = "smoke/env-token-clobbered/at-boot";

/// Drills in a minute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drills;

#[async_trait]
impl Bench for Drills {
    fn name(&self) -> &'static str {
        "drills"
    }

    fn summary(&self) -> &'static str {
        "credential drills (smoke through faults of token, password and device), one by one and as many at once as in the main job"
    }

    fn part(&self) -> Part {
        Part::Homeserver
    }

    async fn measure(&self, bed: &Bed, figures: &mut Vec<Figure>) -> Result<(), Failure> {
        let first = bed.first()?;
        let at_once = Jobs::borne_by([first.selection.driver]);
        let drills = credential_drills(first, bed.seed)?;
        let alone = measured(first, drills.clone(), Jobs::of_any_kind(1)).await?;
        let records = measured(first, drills, at_once).await?;
        figures.push(records.rate(first, at_once.working, &alone)?);
        figures.extend(records.used(first)?);
        figures.extend(alone.parts(first)?);
        let took = alone.took(COMPARED)?;
        let mut compared = Figure::new(format!("one drill ({COMPARED})"), &first.name, Unit::Milliseconds, took);
        for ground in bed.grounds.iter().skip(1) {
            let drills = credential_drills(ground, bed.seed)?;
            let one = drills.into_iter().filter(|drill| drill.name() == COMPARED).collect();
            let took = measured(ground, one, Jobs::of_any_kind(1)).await?.took(COMPARED)?;
            if compared.ratio.is_none() {
                compared = compared.against(&ground.name, Some(&took));
            }
            figures.push(Figure::new(
                format!("one drill ({COMPARED})"),
                &ground.name,
                Unit::Milliseconds,
                took,
            ));
        }
        figures.push(compared);
        Ok(())
    }
}

/// What some drills have shown.
struct Records {
    records: Vec<Record>,
    took: Duration,
    /// Processor time of this process, and of the bots.
    used: Used,
}

/// Processor time. Unlike the time on the clock, what else the machine does hardly shows in it.
#[derive(Clone, Copy)]
struct Used {
    own: Duration,
    all: Duration,
}

impl Used {
    fn now() -> Result<Self, Failure> {
        let this = Process::this();
        Ok(Self {
            own: this.cpu()?,
            all: this.cpu_of_all()?,
        })
    }

    fn since(self, before: Self) -> Self {
        Self {
            own: self.own.saturating_sub(before.own),
            all: self.all.saturating_sub(before.all),
        }
    }
}

impl Records {
    /// Drills in a minute, over all of them: how long they take differs, so that parts of the whole would not be samples of one thing.
    fn per_minute(&self) -> Result<Samples, Failure> {
        Samples::new(vec![self.records.len() as f64 * 60.0 / self.took.as_secs_f64()])
    }

    fn rate(&self, ground: &Ground, at_once: usize, alone: &Self) -> Result<Figure, Failure> {
        let what = format!("credential drills, {at_once} at once ({} drills)", self.records.len());
        Ok(Figure::new(what, &ground.name, Unit::PerMinute, self.per_minute()?)
            .against("one by one", Some(&alone.per_minute()?))
            .aiming(Aim::AtLeast(AIM)))
    }

    /// What a drill takes of the processor, and how much of that is the bot's.
    fn used(&self, ground: &Ground) -> Result<[Figure; 2], Failure> {
        let each = |used: Duration| Samples::new(vec![millis(used) / self.records.len() as f64]);
        let (all, bot) = (each(self.used.all)?, each(self.used.all.saturating_sub(self.used.own))?);
        let figure =
            |what: &str, samples: &Samples| Figure::new(what, &ground.name, Unit::Milliseconds, samples.clone());
        Ok([
            figure("processor time of a drill", &all),
            figure("of which the bot and other children", &bot).against("a drill", Some(&all)),
        ])
    }

    /// How long they take and what of it is what.
    fn parts(&self, ground: &Ground) -> Result<Vec<Figure>, Failure> {
        let whole = self.samples(|record| Some(record.took_ms as f64))?;
        let named = [
            ("healing in a drill", "fault:"),
            ("the bot's first start in a drill", "the bot starts"),
        ];
        let mut figures = vec![Figure::new("a drill", &ground.name, Unit::Milliseconds, whole.clone())];
        for (what, prefix) in named {
            let samples = self.samples(|record| {
                let step = record.steps.iter().find(|step| step.name.starts_with(prefix))?;
                Some(step.took_ms as f64)
            })?;
            figures.push(Figure::new(what, &ground.name, Unit::Milliseconds, samples).against("a drill", Some(&whole)));
        }
        Ok(figures)
    }

    fn took(&self, name: &str) -> Result<Samples, Failure> {
        self.samples(|record| (record.name == name).then_some(record.took_ms as f64))
    }

    fn samples(&self, value: impl Fn(&Record) -> Option<f64>) -> Result<Samples, Failure> {
        Samples::new(self.records.iter().filter_map(value).collect())
    }
}

/// The drills of the smoke scenario with these faults, at every moment that makes sense.
fn credential_drills(ground: &Ground, seed: u64) -> Result<Vec<Drill>, Failure> {
    let wishes = Wishes {
        homeservers: vec![ground.choice.to_string()],
        scenarios: vec!["smoke".to_owned()],
        faults: CREDENTIALS.map(str::to_owned).to_vec(),
        seed,
        ..Wishes::default()
    };
    Ok(plan(&catalogue::suite()?.known(), &wishes)?)
}

/// Runs drills, so many at once. None of them waits.
async fn measured(ground: &Ground, drills: Vec<Drill>, at_once: Jobs) -> Result<Records, Failure> {
    let suite = Arc::new(catalogue::suite()?);
    let (began, used) = (Instant::now(), Used::now()?);
    let records = batch::run(
        &suite,
        drills,
        |_| ground.selection.clone(),
        at_once,
        &Until::default(),
        &Silent,
    )
    .await;
    records.iter().try_for_each(passed)?;
    Ok(Records {
        records,
        took: began.elapsed(),
        used: Used::now()?.since(used),
    })
}

fn passed(record: &Record) -> Result<(), Failure> {
    match &record.verdict {
        Verdict::Passed => Ok(()),
        verdict => Err(Failure::new(format!(
            "{} {verdict}; again: {}",
            record.name, record.replay
        ))),
    }
}

#[cfg(test)]
mod tests {
    use harness::fault::Outcome;

    use super::*;

    #[test]
    fn every_credential_fault_exists_and_is_healed_without_the_operator() {
        for name in CREDENTIALS {
            let fault = crate::catalogue::fault(name).unwrap_or_else(|| panic!("no fault {name}"));
            for moment in fault.moments() {
                assert_eq!(fault.expectation(*moment).outcome, Outcome::Heals, "{name} {moment}");
                assert!(!fault.expectation(*moment).downtime, "{name} {moment}");
            }
        }
    }
}
