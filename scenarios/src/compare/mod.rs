//! Two runs compared: what got worse, what better.

use std::collections::BTreeMap;

use harness::report::{Record, Report, Verdict};

/// A heal is slower when it takes twice as long, and so many milliseconds more: less is noise.
const NOISE_MS: u64 = 1_000;

/// A drill that ended otherwise than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The drill's name.
    pub name: String,
    /// What it ran on.
    pub homeserver: String,
    /// How it ended before.
    pub was: String,
    /// How it ends now.
    pub is: String,
}

/// What has changed from one run to another. A drill is known again by its name and its homeserver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The older run's seed.
    pub seed: u64,
    /// When the older one ran, where it says so.
    pub at: Option<String>,
    /// Drills that fail now and did not, or that could be run and cannot any more.
    pub worse: Vec<Change>,
    /// Drills that pass now and did not.
    pub better: Vec<Change>,
    /// Drills that passed in both runs, and heal in twice the time.
    pub slower: Vec<Change>,
    /// Drills that only the newer run has.
    pub new: Vec<String>,
    /// Drills that only the older run has.
    pub gone: Vec<String>,
}

impl Comparison {
    /// Compares.
    pub fn of(old: &Report, new: &Report) -> Self {
        let before: BTreeMap<_, _> = old.drills.iter().map(|record| (key(record), record)).collect();
        let mut comparison = Self {
            seed: old.seed,
            at: old.at.clone(),
            ..Self::default()
        };
        for record in &new.drills {
            match before.get(&key(record)) {
                Some(was) => comparison.add(was, record),
                None => comparison.new.push(said(record)),
            }
        }
        let after: BTreeMap<_, _> = new.drills.iter().map(|record| (key(record), record)).collect();
        let gone = old.drills.iter().filter(|record| !after.contains_key(&key(record)));
        comparison.gone = gone.map(said).collect();
        comparison
    }

    fn add(&mut self, was: &Record, is: &Record) {
        let change = |was: String, now: String| Change {
            name: is.name.clone(),
            homeserver: is.homeserver.clone(),
            was,
            is: now,
        };
        let verdicts = || change(line(&was.verdict), line(&is.verdict));
        match rank(&is.verdict).cmp(&rank(&was.verdict)) {
            std::cmp::Ordering::Less => self.worse.push(verdicts()),
            std::cmp::Ordering::Greater => self.better.push(verdicts()),
            std::cmp::Ordering::Equal => {
                if let (Some(before), Some(now)) = (was.healed_in_ms, is.healed_in_ms)
                    && now > before.saturating_mul(2)
                    && now > before.saturating_add(NOISE_MS)
                {
                    self.slower.push(change(healed(before), healed(now)));
                }
            }
        }
    }
}

fn key(record: &Record) -> (&str, &str) {
    (&record.name, &record.homeserver)
}

fn said(record: &Record) -> String {
    format!("{} on {}", record.name, record.homeserver)
}

/// Worse is less. What could not be shown is worse than what passed, and better than what failed.
const fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Failed { .. } => 0,
        Verdict::NotRun { .. } => 1,
        Verdict::Passed => 2,
    }
}

fn line(verdict: &Verdict) -> String {
    verdict.to_string().lines().next().unwrap_or_default().to_owned()
}

fn healed(ms: u64) -> String {
    format!("healed in {:.1} s", std::time::Duration::from_millis(ms).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, failed, not_run};

    fn run(drills: Vec<Record>) -> Report {
        Report::new(7, Vec::new(), drills, Vec::new(), 0)
    }

    fn of(name: &str, verdict: Verdict, healed_in_ms: Option<u64>) -> Record {
        Record {
            healed_in_ms,
            ..sample::record(name, verdict)
        }
    }

    #[test]
    fn each_change_is_told_once_and_what_stayed_is_not() {
        let old = run(vec![
            of("same", Verdict::Passed, Some(900)),
            of("broke", Verdict::Passed, None),
            of("lost", Verdict::Passed, None),
            of("mended", failed("no answer"), None),
            of("shown", not_run("no image"), None),
            of("slow", Verdict::Passed, Some(800)),
            of("gone", Verdict::Passed, None),
        ]);
        let new = run(vec![
            of("same", Verdict::Passed, Some(1_700)),
            of("broke", failed("no answer\nand more"), None),
            of("lost", not_run("no image"), None),
            of("mended", Verdict::Passed, None),
            of("shown", Verdict::Passed, None),
            of("slow", Verdict::Passed, Some(1_900)),
            of("new", Verdict::Passed, None),
        ]);
        let comparison = Comparison::of(&old, &new);
        let names = |changes: &[Change]| changes.iter().map(|change| change.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&comparison.worse), ["ping/broke/at-boot", "ping/lost/at-boot"]);
        assert_eq!(names(&comparison.better), ["ping/mended/at-boot", "ping/shown/at-boot"]);
        assert_eq!(names(&comparison.slower), ["ping/slow/at-boot"]);
        assert_eq!(comparison.new, ["ping/new/at-boot on embedded"]);
        assert_eq!(comparison.gone, ["ping/gone/at-boot on embedded"]);
        assert_eq!(comparison.worse[0].is, "FAILED: no answer");
        assert_eq!(Comparison::of(&old, &old).worse, []);
    }

    #[test]
    fn the_same_drill_on_another_homeserver_is_another_drill() {
        let mut elsewhere = of("broke", failed("no answer"), None);
        elsewhere.homeserver = "synapse (process)".to_owned();
        let comparison = Comparison::of(&run(vec![of("broke", Verdict::Passed, None)]), &run(vec![elsewhere]));
        assert_eq!(
            (comparison.worse.len(), comparison.new.len(), comparison.gone.len()),
            (0, 1, 1)
        );
    }
}
