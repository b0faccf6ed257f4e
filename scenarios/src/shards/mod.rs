//! One run from parts that ran apart.

use harness::report::{HomeserverRecord, Record, Report, Verdict};

/// Why reports are no parts of one run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is none.
    #[error("there is no report to merge")]
    None,
    /// They draw names and passwords from different seeds.
    #[error(
        "they are no parts of one run: their seeds are {0} and {1}. Give every part the same one (KNOCKPROOF_SEED, or --seed)"
    )]
    Seeds(u64, u64),
    /// A drill ran in two of them.
    #[error("{0} ran in two of them: which is right?")]
    Twice(String),
}

/// Puts the parts of a run together, in their order. A drill that one part could not run and another one did has run.
///
/// # Errors
///
/// When they are no parts of one run.
pub fn merge(parts: Vec<Report>) -> Result<Report, Error> {
    let mut parts = parts.into_iter();
    let mut whole = parts.next().ok_or(Error::None)?;
    for part in parts {
        if part.seed != whole.seed {
            return Err(Error::Seeds(whole.seed, part.seed));
        }
        for record in part.drills {
            add(&mut whole.drills, record)?;
        }
        for homeserver in part.homeservers {
            know(&mut whole.homeservers, homeserver);
        }
        // Side by side: the longest says how long it took.
        whole.summary.took_ms = whole.summary.took_ms.max(part.summary.took_ms);
        whole.interrupted = whole.interrupted.or(part.interrupted);
        whole.at = whole.at.min(part.at);
        // What one of them reached is reached.
        whole.marks.missed.retain(|mark| part.marks.missed.contains(mark));
    }
    let Report {
        seed,
        homeservers,
        drills,
        marks,
        summary,
        interrupted,
        at,
        ..
    } = whole;
    Ok(Report {
        interrupted,
        at,
        ..Report::new(seed, homeservers, drills, marks.missed, summary.took_ms)
    })
}

fn add(drills: &mut Vec<Record>, record: Record) -> Result<(), Error> {
    let is_it = |known: &&mut Record| (&known.name, &known.homeserver) == (&record.name, &record.homeserver);
    let has_run = |record: &Record| !matches!(record.verdict, Verdict::NotRun { .. });
    match drills.iter_mut().find(is_it) {
        Some(known) if has_run(known) && has_run(&record) => {
            return Err(Error::Twice(format!("{} on {}", record.name, record.homeserver)));
        }
        Some(known) if has_run(&record) => *known = record,
        Some(_) => {}
        None => drills.push(record),
    }
    Ok(())
}

fn know(homeservers: &mut Vec<HomeserverRecord>, homeserver: HomeserverRecord) {
    if !homeservers.contains(&homeserver) {
        homeservers.push(homeserver);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{failed, not_run, record};

    fn part(seed: u64, drills: Vec<Record>, took_ms: u64) -> Report {
        let homeserver = HomeserverRecord {
            wish: "embedded".to_owned(),
            took: "embedded".to_owned(),
        };
        Report::new(seed, vec![homeserver], drills, vec!["a-mark".to_owned()], took_ms)
    }

    #[test]
    fn parts_become_one_run_in_which_every_drill_is_once() {
        let first = part(
            7,
            vec![record("a", Verdict::Passed), record("b", not_run("interrupted"))],
            30,
        );
        let mut second = part(
            7,
            vec![record("b", failed("no answer")), record("c", not_run("no image"))],
            50,
        );
        second.marks.missed.clear();
        let whole = merge(vec![first, second]).unwrap();
        let names: Vec<&str> = whole
            .drills
            .iter()
            .map(|record| record.fault.as_deref().unwrap())
            .collect();
        assert_eq!(names, ["a", "b", "c"]);
        let summary = whole.summary;
        assert_eq!(
            (summary.passed, summary.failed, summary.not_run, summary.took_ms),
            (1, 1, 1, 50)
        );
        assert_eq!(
            (whole.homeservers.len(), whole.marks.missed.len(), whole.seed),
            (1, 0, 7)
        );
    }

    #[test]
    fn what_is_no_part_of_one_run_is_refused_with_the_reason() {
        let one = || part(7, vec![record("a", Verdict::Passed)], 1);
        assert_eq!(merge(Vec::new()), Err(Error::None));
        assert_eq!(merge(vec![one(), part(8, Vec::new(), 1)]), Err(Error::Seeds(7, 8)));
        assert_eq!(
            merge(vec![one(), one()]),
            Err(Error::Twice("ping/a/at-boot on embedded".to_owned()))
        );
    }
}
