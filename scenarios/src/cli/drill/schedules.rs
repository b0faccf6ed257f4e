//! Drills with several faults one after another: which there are, and what became of many.

use std::collections::BTreeSet;

use harness::{
    homeserver::Flavor,
    plan::{self, BadWish, Drill, Known, Wishes},
    progress::Stream,
    report::{Record, Report, Verdict, failures, omissions},
    suite::Suite,
};

use super::{super::DrillArgs, Exit, outcome};
use harness::process::Process;

/// How many schedules that failed are shortened: one cause fails many.
const SHORTENED: usize = 3;
/// From how many drills on little is kept of each that passes.
const LONG: usize = 200;
/// How many of the slowest heals are told.
const SLOWEST: usize = 5;

/// The drills of a schedule that is named or of those that are drawn, if that is wished for.
pub(super) fn planned(suite: &Suite, args: &DrillArgs, wishes: &Wishes) -> Option<Result<Vec<Drill>, BadWish>> {
    if !args.schedule.is_empty() {
        return Some(plan::scheduled(&suite.known(), wishes, &args.schedule));
    }
    let count = args.random?.get();
    Some(plan::drawn(&portable(suite), wishes, count))
}

/// Whether so many drills are drawn that their records would fill the memory.
pub(super) fn is_long(args: &DrillArgs) -> bool {
    let shows_all = args.page.report.is_some() || args.json.is_some();
    !shows_all && args.random.is_some_and(|count| count.get() > LONG)
}

/// What can be drawn: faults that make sense on every homeserver, so that a seed means the same on each.
fn portable(suite: &Suite) -> Known {
    let mut known = suite.known();
    let makes_sense = |name: &str| {
        let fault = suite.faults().named(name);
        fault.is_some_and(|fault| {
            let mut flavors = Flavor::ALL.into_iter();
            flavors.all(|flavor| fault.lacking(suite.contract(), flavor).is_none())
        })
    };
    known.faults.retain(|fault| makes_sense(&fault.name));
    known
}

/// The first schedules that failed, each with its record.
pub(super) fn failed(drills: &[Drill], records: &[Record]) -> Vec<(Drill, Record)> {
    let several = drills
        .iter()
        .zip(records)
        .filter(|(drill, record)| !drill.earlier.is_empty() && matches!(record.verdict, Verdict::Failed { .. }));
    several
        .take(SHORTENED)
        .map(|(drill, record)| (drill.clone(), record.clone()))
        .collect()
}

/// Says what became of drawn schedules: no table, which nobody would read, but what was done in all, what was slowest, and what failed.
pub(super) fn say(report: &Report, drills: &[Drill], stream: Stream, verbose: bool) -> Exit {
    let mut text = format!("\n{}", told(report, drills));
    text.push_str(&failures(&report.drills));
    text.push_str(&omissions(&report.drills));
    text.push_str(&outcome::end(report, verbose));
    stream.write(&text);
    Exit::of(report)
}

fn told(report: &Report, drills: &[Drill]) -> String {
    let passed = |record: &&Record| record.verdict == Verdict::Passed;
    let fired: usize = drills
        .iter()
        .zip(&report.drills)
        .filter(|(_, record)| passed(record))
        .map(|(drill, _)| drill.schedule().count())
        .sum();
    let marks: BTreeSet<&str> = report
        .drills
        .iter()
        .flat_map(|record| record.marks.iter().map(String::as_str))
        .collect();
    let mut slowest: Vec<&Record> = report
        .drills
        .iter()
        .filter(|record| record.healed_in_ms.is_some())
        .collect();
    slowest.sort_by_key(|record| std::cmp::Reverse(record.healed_in_ms));
    let mut text = format!(
        "{fired} faults happened and healed in the schedules that passed; {} branches of the healing code were taken\n",
        marks.len()
    );
    if let Ok(mib) = Process::this().most_resident() {
        text.push_str(&format!("memory of this program at its most: {mib:.0} MiB\n"));
    }
    if !slowest.is_empty() {
        text.push_str("slowest heals:\n");
    }
    for record in slowest.into_iter().take(SLOWEST) {
        let ms = record.healed_in_ms.unwrap_or_default();
        text.push_str(&format!(
            "  {:>5}.{} s  {}\n",
            ms / 1_000,
            ms % 1_000 / 100,
            record.name
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use harness::{fault::Moment, plan::Injection};

    use super::*;
    use crate::catalogue;

    fn drill() -> Drill {
        Drill {
            earlier: vec![Injection::new("bot-killed", Moment::WhileRunning)],
            ..Drill::plain("smoke")
                .broken("device-deleted", Moment::AtBoot)
                .on("embedded")
        }
    }

    fn ended(verdict: Verdict) -> Record {
        Record {
            healed_in_ms: Some(1_840),
            marks: vec!["token-alive".to_owned()],
            ..Record::of(&drill(), verdict)
        }
    }

    #[test]
    fn only_what_makes_sense_everywhere_is_drawn() {
        let known = portable(&catalogue::suite().unwrap());
        let has = |name: &str| known.faults.iter().any(|fault| fault.name == name);
        assert!(has("device-deleted") && has("no-password"));
        // Synapse lets several tokens of a device live.
        assert!(!has("device-contested"));
    }

    #[test]
    fn schedules_that_failed_are_shortened_and_single_faults_are_not() {
        let why = || Verdict::Failed { why: "no".to_owned() };
        let single = Drill {
            earlier: Vec::new(),
            ..drill()
        };
        let drills = [drill(), drill(), single];
        let records = [ended(why()), ended(Verdict::Passed), ended(why())];
        let found = failed(&drills, &records);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, drills[0]);
    }

    #[test]
    fn the_end_tells_what_was_done_and_what_was_slow() {
        let drills = [drill(), drill()];
        let why = "it never healed".to_owned();
        let records = vec![ended(Verdict::Passed), ended(Verdict::Failed { why })];
        let report = Report::new(7, Vec::new(), records, Vec::new(), 60_000);
        let said = told(&report, &drills);
        assert!(
            said.starts_with("2 faults happened and healed in the schedules that passed; 1 branches"),
            "{said}"
        );
        assert!(
            said.contains("    1.8 s  smoke/bot-killed/while-running,device-deleted/at-boot"),
            "{said}"
        );
    }
}
