//! Bots beside each other: what became of each after every fault, as a table in Markdown.

use std::fmt::{self, Write as _};

use harness::{
    fault::{Faults, Outcome::Heals},
    plan::moment_named,
    report::{Record, Report, Verdict},
    step::Outcome,
};

/// Checks whose failure means that something is lost, or came twice.
const LOSS: [&str; 4] = [
    "history-readable",
    "exactly-once",
    "device-continuity",
    "encrypted-round-trip",
];

/// What a drill says whose fault met nobody.
const NOT_MET: &str = "it did not happen";

/// What became of a bot after a fault, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It cannot suffer this.
    NotApplicable,
    /// It never met what was broken.
    NotMet,
    /// It served again, and nothing was lost.
    Healed,
    /// It told its operator what to do.
    SaidSo,
    /// It served again, and something else was not as it must be: a login too many, a late end.
    Untidy,
    /// It never served again, and told nobody.
    Silent,
    /// It served again, and keys, history or messages were lost, or came twice.
    Lost,
}

impl Fate {
    /// What became of the bot in a drill.
    pub fn of(record: &Record) -> Self {
        let broken = |check: &&str| {
            record
                .findings
                .iter()
                .any(|finding| !finding.held && finding.check == **check)
        };
        let step = record.steps.iter().find(|step| step.outcome == Outcome::Failed);
        match &record.verdict {
            Verdict::NotRun { .. } => Self::NotApplicable,
            _ if step.is_some_and(|step| step.evidence.starts_with(NOT_MET)) => Self::NotMet,
            Verdict::Passed if is_for_the_operator(record) => Self::SaidSo,
            Verdict::Passed => Self::Healed,
            // Checks are judged only where every step passed: it served again.
            Verdict::Failed { .. } if LOSS.iter().any(broken) => Self::Lost,
            Verdict::Failed { .. } if !record.findings.is_empty() => Self::Untidy,
            Verdict::Failed { .. } => Self::Silent,
        }
    }
}

/// Whether a bot passes a drill only by telling its operator: the fault cannot be healed without.
fn is_for_the_operator(record: &Record) -> bool {
    let faults = Faults::standard();
    let fault = record.fault.as_deref().and_then(|name| faults.named(name));
    let moment = record.moment.as_deref().and_then(moment_named);
    fault
        .zip(moment)
        .is_some_and(|(fault, moment)| fault.expectation(moment).outcome != Heals)
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotApplicable => "–",
            Self::NotMet => "not met",
            Self::Healed => "healed",
            Self::SaidSo => "said so",
            Self::Untidy => "healed, untidily",
            Self::Silent => "**silent**",
            Self::Lost => "**lost data**",
        })
    }
}

/// What the words of the table mean.
const LEGEND: &str = "\
| word | means |
|---|---|
| healed | it served again in time, alone or started again by its supervisor where its contract says so; nothing was lost |
| said so | it could not heal, and told its operator what to do |
| healed, untidily | it served again, and did what it must not: logins without need, an end that was not asked for, a token in its log |
| silent | it never served again, and told nobody |
| lost data | it served again, and keys, history or messages were lost, or came twice |
| not met | it never used again what was broken, so that nothing is shown: a bot that logs in at each start meets no dead token then |
| – | it cannot suffer this: it has no such token, file or device, or has no way of saying what it would have to say |
";

/// A bot by its name, and its drills.
#[derive(Clone, Debug)]
pub struct Column {
    /// What it is called in the table.
    pub name: String,
    /// Its drills.
    pub report: Report,
}

/// The table of faults by bots, and what its words mean. Where a fault was drilled at several moments the worst counts, with the moments at
/// which it was.
pub fn table(columns: &[Column]) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = write(columns, &mut text);
    text
}

fn write(columns: &[Column], text: &mut String) -> fmt::Result {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    writeln!(
        text,
        "| fault | {} |\n|---|{}",
        names.join(" | "),
        "---|".repeat(names.len())
    )?;
    for fault in faults(columns) {
        let cells: Vec<String> = columns.iter().map(|column| cell(&column.report, fault)).collect();
        writeln!(text, "| {fault} | {} |", cells.join(" | "))?;
    }
    let of = |column: &Column| {
        let fates = faults(columns)
            .into_iter()
            .filter_map(|fault| worst(&column.report, fault).map(|(fate, _)| fate));
        let fates: Vec<Fate> = fates.filter(|fate| *fate > Fate::NotMet).collect();
        let well = fates
            .iter()
            .filter(|fate| matches!(fate, Fate::Healed | Fate::SaidSo))
            .count();
        format!("{well} of {}", fates.len())
    };
    let sums: Vec<String> = columns.iter().map(of).collect();
    writeln!(text, "| *healed or said so* | {} |\n", sums.join(" | "))?;
    text.push_str(LEGEND);
    Ok(())
}

/// Every fault that any of them was drilled with, in the order of the drills.
fn faults(columns: &[Column]) -> Vec<&str> {
    let mut faults: Vec<&str> = Vec::new();
    let drills = columns.iter().flat_map(|column| &column.report.drills);
    for fault in drills.filter_map(|record| record.fault.as_deref()) {
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
    faults
}

/// The worst that became of a bot after a fault, and the drills in which it did.
fn worst<'r>(report: &'r Report, fault: &str) -> Option<(Fate, Vec<&'r Record>)> {
    let drills = || {
        report
            .drills
            .iter()
            .filter(|record| record.fault.as_deref() == Some(fault))
    };
    let worst = drills().map(Fate::of).max()?;
    Some((worst, drills().filter(|record| Fate::of(record) == worst).collect()))
}

fn cell(report: &Report, fault: &str) -> String {
    let Some((fate, drills)) = worst(report, fault) else {
        return Fate::NotApplicable.to_string();
    };
    let of_fault = report
        .drills
        .iter()
        .filter(|record| record.fault.as_deref() == Some(fault))
        .count();
    if of_fault == drills.len() {
        return fate.to_string();
    }
    let moments: Vec<&str> = drills.iter().filter_map(|record| record.moment.as_deref()).collect();
    format!("{fate} ({})", moments.join(", "))
}

#[cfg(test)]
mod tests {
    use harness::{report::FindingRecord, step::Step};
    use rstest::rstest;

    use super::*;
    use crate::sample::{failed, not_run, record};

    fn finding(check: &str, held: bool) -> FindingRecord {
        FindingRecord {
            check: check.to_owned(),
            held,
            applies: true,
            what: String::new(),
        }
    }

    fn with(verdict: Verdict, findings: &[(&str, bool)]) -> Record {
        Record {
            findings: findings.iter().map(|(check, held)| finding(check, *held)).collect(),
            ..record("bot-killed", verdict)
        }
    }

    #[rstest]
    #[case(with(not_run("no token"), &[]), Fate::NotApplicable)]
    #[case(with(Verdict::Passed, &[("in-time", true)]), Fate::Healed)]
    #[case(Record { fault: Some("wrong-password".to_owned()), ..with(Verdict::Passed, &[]) }, Fate::SaidSo)]
    #[case(with(failed("check"), &[("no-needless-login", false)]), Fate::Untidy)]
    #[case(with(failed("it never healed"), &[]), Fate::Silent)]
    #[case(with(failed("check"), &[("no-needless-login", false), ("history-readable", false)]), Fate::Lost)]
    fn what_became_of_a_bot_is(#[case] record: Record, #[case] fate: Fate) {
        assert_eq!(Fate::of(&record), fate);
    }

    #[test]
    fn a_fault_that_met_nobody_says_nothing_of_the_bot() {
        let step = |evidence: &str| Step {
            name: "fault: device-deleted at-boot".to_owned(),
            outcome: Outcome::Failed,
            took_ms: 9,
            evidence: evidence.to_owned(),
        };
        let of = |evidence: &str| Record {
            steps: vec![step(evidence)],
            ..with(failed("a step"), &[])
        };
        assert_eq!(
            Fate::of(&of("it did not happen: waited 60.0s for the bot to be told")),
            Fate::NotMet
        );
        assert_eq!(
            Fate::of(&of("it never healed: waited 60.0s for a token that works")),
            Fate::Silent
        );
    }

    #[test]
    fn the_worst_of_several_moments_counts_and_is_named_with_its_moment() {
        let at = |moment: &str, record: Record| Record {
            moment: Some(moment.to_owned()),
            ..record
        };
        let healed = || with(Verdict::Passed, &[("in-time", true)]);
        let silent = || with(failed("it never healed"), &[]);
        let column = |name: &str, drills| Column {
            name: name.to_owned(),
            report: Report::new(7, Vec::new(), drills, Vec::new(), 0),
        };
        let text = table(&[
            column("one", vec![at("at-boot", healed()), at("while-running", silent())]),
            column("two", vec![at("at-boot", healed())]),
            column("three", Vec::new()),
        ]);
        assert!(
            text.starts_with("| fault | one | two | three |\n|---|---|---|---|\n"),
            "{text}"
        );
        assert!(
            text.contains("| bot-killed | **silent** (while-running) | healed | – |\n"),
            "{text}"
        );
        assert!(
            text.contains("| *healed or said so* | 0 of 1 | 1 of 1 | 0 of 0 |\n"),
            "{text}"
        );
    }
}
