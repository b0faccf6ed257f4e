//! What went wrong in a run, each cause once.

use std::fmt::Write as _;

use console::truncate_str;

use super::{Record, Verdict};
use crate::step::Outcome;

/// How many drills of a cause are named, and how many different things that were seen.
const NAMED: usize = 3;
/// How much of what was seen is shown, in characters; all of it is in the drill's folder and in the JSON.
const SHOWN: usize = 240;

/// A step or a check that failed, with every drill in which it did.
#[derive(Debug, PartialEq, Eq)]
pub struct Cause<'a> {
    /// `check "service"`, `step "the form is sent"`, or what kept the drill from both.
    pub what: String,
    /// What was seen, each once, in the order of the drills.
    pub seen: Vec<String>,
    /// The drills.
    pub drills: Vec<&'a Record>,
}

/// The causes of all failures, those of the most drills first.
pub fn causes(records: &[Record]) -> Vec<Cause<'_>> {
    let mut causes: Vec<Cause<'_>> = Vec::new();
    for record in records {
        for (what, seen) in of(record) {
            let seen = first_line(&seen);
            match causes.iter_mut().find(|cause| cause.what == what) {
                Some(cause) => {
                    cause.drills.push(record);
                    if !cause.seen.contains(&seen) {
                        cause.seen.push(seen);
                    }
                }
                None => causes.push(Cause {
                    what,
                    seen: vec![seen],
                    drills: vec![record],
                }),
            }
        }
    }
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.drills.len()));
    causes
}

/// What failed in a drill: its step, else its checks, else what is said of the whole.
fn of(record: &Record) -> Vec<(String, String)> {
    let Verdict::Failed { why } = &record.verdict else {
        return Vec::new();
    };
    if let Some(step) = record.steps.iter().find(|step| step.outcome == Outcome::Failed) {
        return vec![(format!("step {:?}", step.name), step.evidence.clone())];
    }
    let broken = record.findings.iter().filter(|finding| !finding.held);
    let checks: Vec<(String, String)> = broken
        .map(|finding| (format!("check {:?}", finding.check), finding.what.clone()))
        .collect();
    if !checks.is_empty() {
        return checks;
    }
    // Numbers (ports, times, ids) are what two drills of one cause differ in.
    let what = first_line(why)
        .split(|c: char| c.is_ascii_digit())
        .next()
        .map(str::to_owned);
    vec![(what.unwrap_or_default().trim_end().to_owned(), why.clone())]
}

fn first_line(text: &str) -> String {
    truncate_str(text.lines().next().unwrap_or_default(), SHOWN, "…").into_owned()
}

/// The causes of all failures for people: a block each, of a few lines whatever number of drills it has.
pub fn failures(records: &[Record]) -> String {
    let mut text = String::new();
    for cause in causes(records) {
        // Writing to a text cannot fail.
        let _ = block(&cause, &mut text);
    }
    text
}

fn block(cause: &Cause<'_>, text: &mut String) -> std::fmt::Result {
    let count = cause.drills.len();
    let drills = if count == 1 {
        "1 drill"
    } else {
        &format!("{count} drills")
    };
    writeln!(text, "FAILED in {drills}: {}", cause.what)?;
    for seen in cause.seen.iter().filter(|seen| !seen.is_empty()).take(NAMED) {
        writeln!(text, "  {seen}")?;
    }
    if cause.seen.len() > NAMED {
        writeln!(text, "  … and {} other things seen", cause.seen.len() - NAMED)?;
    }
    let is_one = |homeserver: &str| cause.drills.iter().all(|record| record.homeserver == homeserver);
    for record in cause.drills.iter().take(NAMED) {
        match is_one(&record.homeserver) {
            true => writeln!(text, "    {}", record.name)?,
            false => writeln!(text, "    {} on {}", record.name, record.homeserver)?,
        }
    }
    if count > NAMED {
        writeln!(text, "    … and {} more", count - NAMED)?;
    }
    if let Some(first) = cause.drills.first() {
        writeln!(text, "  again: {}", first.replay)?;
        if let Some(folder) = &first.artifacts {
            writeln!(text, "  evidence: {folder}")?;
        }
    }
    writeln!(text)
}

/// Why drills did not run, each reason once.
pub fn omissions(records: &[Record]) -> String {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for record in records {
        let Verdict::NotRun { why } = &record.verdict else {
            continue;
        };
        match reasons.iter_mut().find(|(reason, _)| reason == why) {
            Some((_, names)) => names.push(&record.name),
            None => reasons.push((why, vec![&record.name])),
        }
    }
    let line = |(why, names): (&str, Vec<&str>)| {
        let named = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = names.len().saturating_sub(NAMED);
        let more = if more > 0 {
            format!(", and {more} more")
        } else {
            String::new()
        };
        format!("not run, because {why}: {named}{more}\n")
    };
    reasons.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plan::{Drill, Injection, Moment},
        report::FindingRecord,
    };

    fn record(fault: usize, verdict: Verdict) -> Record {
        let drill = Drill {
            scenario: "smoke".to_owned(),
            earlier: Vec::new(),
            injection: Some(Injection::new(format!("fault-{fault}"), Moment::AtBoot)),
            homeserver: "embedded (embedded)".to_owned(),
            seed: 7,
            contract: None,
        };
        Record::of(&drill, verdict)
    }

    fn broken(fault: usize, check: &str, what: &str) -> Record {
        let mut record = record(fault, Verdict::Passed);
        record.findings = vec![FindingRecord {
            check: check.to_owned(),
            held: false,
            applies: true,
            what: what.to_owned(),
        }];
        record.verdict = Verdict::Failed {
            why: format!("check {check:?}: {what}"),
        };
        record.artifacts = Some(format!("target/knockproof/run/fault-{fault}"));
        record
    }

    #[test]
    fn one_cause_in_many_drills_is_one_short_block() {
        let records: Vec<Record> = (0..29)
            .map(|fault| broken(fault, "service", "!help was not answered"))
            .collect();
        let text = failures(&records);
        assert_eq!(text.matches("FAILED").count(), 1);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn causes_are_told_apart_and_the_widest_comes_first() {
        let mut records = vec![broken(0, "trust", "not verified")];
        records.extend((1..3).map(|fault| broken(fault, "service", &format!("no answer after {fault} s\nand more"))));
        let why = |port: usize| Verdict::Failed {
            why: format!("failed to reserve port {port}: none is free"),
        };
        records.extend((3..8).map(|fault| record(fault, why(18_000 + fault))));
        let causes = causes(&records);
        let what: Vec<(&str, usize)> = causes
            .iter()
            .map(|cause| (cause.what.as_str(), cause.drills.len()))
            .collect();
        assert_eq!(
            what,
            [
                ("failed to reserve port", 5),
                ("check \"service\"", 2),
                ("check \"trust\"", 1)
            ]
        );
        assert_eq!(causes[1].seen, ["no answer after 1 s", "no answer after 2 s"]);
    }

    #[test]
    fn why_drills_did_not_run_is_said_once_for_each_reason() {
        let not_run = |fault, why: &str| record(fault, Verdict::NotRun { why: why.to_owned() });
        let mut records: Vec<Record> = (0..5).map(|fault| not_run(fault, "interrupted")).collect();
        records.push(not_run(5, "synapse lets several tokens of a device live"));
        insta::assert_snapshot!(omissions(&records));
    }
}
