//! Which branches of the healing code the drills have gone through.
//!
//! The bot logs a mark on every branch of its healing (target `healing`, field `mark`). Drills read them from the bot's log, because the
//! bot is a command to them; a run of all drills fails when a branch was never taken.

use std::collections::BTreeSet;

use crate::report::{Record, Verdict};

/// Every mark of `knock-approver`. The test `marks` compares this list with the binary's own.
pub const ALL: &[&str] = &[
    "saved-session-alive",
    "saved-session-dead",
    "saved-session-wrong-user",
    "old-files-first-session",
    "env-token-used",
    "env-token-dead",
    "env-token-wrong-user",
    "login-on-saved-device",
    "env-token-on-other-device",
    "login-on-new-device",
    "saved-device-refused",
    "waited-unreachable",
    "waited-limited",
    "no-password",
    "password-refused",
    "password-not-tried-again",
    "password-file-changed",
    "login-wrong-user",
    "account-deactivated",
    "account-locked",
    "account-suspended",
    "device-contested",
    "continuity-same",
    "continuity-first-use",
    "continuity-keys-gone",
    "continuity-keys-differ",
    "continuity-store-lost",
    "continuity-store-unreadable",
    "continuity-degraded",
    "spare-store-taken",
    "keys-carried-over",
    "keys-not-carried",
    "escrow-imported",
    "escrow-unreadable",
    "escrow-written",
    "old-escrow-imported",
    "left-device-logged-out",
    "left-device-deleted",
    "left-device-not-removed",
    "old-store-removed",
    "cross-signing-made",
    "recovery-made",
    "recovered-from-key",
    "device-announced",
    "trust-inherited",
    "trust-degraded",
    "dead-token-in-sync",
    "dead-token-in-call",
    "token-alive-after-all",
    "cured-from-outside",
    "sync-position-rewound",
    "store-primed",
    "live",
];

/// Branches that only one fault leads to, which not every homeserver can show: one of several living tokens of a device.
const ONLY_AFTER: &[(&str, &str)] = &[
    ("dead-token-in-call", "device-logged-in-elsewhere"),
    ("device-contested", "device-contested"),
];

/// The marks in a bot's log, each once, in the order of their first appearance. Understands the plain and the JSON form of `tracing`.
pub fn in_log(log: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in log.lines().filter(|line| line.contains("healing")) {
        let plain = without_colours(line);
        let behind = plain.split_once("mark=").or_else(|| plain.split_once("\"mark\":"));
        let Some((_, behind)) = behind else { continue };
        let name: String = behind
            .trim_start_matches([' ', '"'])
            .chars()
            .take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-')
            .collect();
        if !name.is_empty() && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// The marks of [`ALL`] that no record has, without those whose fault could not be played.
pub fn missed(records: &[Record]) -> Vec<String> {
    let hit: BTreeSet<&str> = records
        .iter()
        .flat_map(|record| &record.marks)
        .map(String::as_str)
        .collect();
    ALL.iter()
        .filter(|mark| !hit.contains(*mark) && !is_out_of_reach(mark, records))
        .map(|mark| (*mark).to_owned())
        .collect()
}

fn is_out_of_reach(mark: &str, records: &[Record]) -> bool {
    let fault = ONLY_AFTER
        .iter()
        .find(|(only, _)| *only == mark)
        .map(|(_, fault)| *fault);
    let mut drills = records
        .iter()
        .filter(|record| fault.is_some() && record.fault.as_deref() == fault)
        .peekable();
    drills.peek().is_some() && drills.all(|record| matches!(record.verdict, Verdict::NotRun { .. }))
}

/// Takes the escape sequences of a coloured terminal out of a line.
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut escape = false;
    for c in line.chars() {
        match (escape, c) {
            (false, '\u{1b}') => escape = true,
            (false, _) => plain.push(c),
            (true, _) => escape = !c.is_ascii_alphabetic(),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::plan::{Drill, Moment, Subject};

    #[test]
    fn marks_are_read_from_plain_coloured_and_json_logs() {
        let log = concat!(
            "2026-01-01T00:00:00Z  INFO healing: role=\"approver\" mark=\"saved-session-dead\"\n",
            "2026-01-01T00:00:00Z  INFO \u{1b}[2mhealing\u{1b}[0m: \u{1b}[3mmark\u{1b}[0m\u{1b}[2m=\u{1b}[0m\"login-on-saved-device\"\n",
            "{\"level\":\"INFO\",\"target\":\"healing\",\"fields\":{\"role\":\"approver\",\"mark\":\"live\"}}\n",
            "2026-01-01T00:00:00Z  INFO healing: role=\"approver\" mark=\"live\"\n",
            "2026-01-01T00:00:00Z  INFO flows: mark=\"not-one\"\n",
        );
        assert_eq!(in_log(log), ["saved-session-dead", "login-on-saved-device", "live"]);
    }

    #[test]
    fn a_mark_is_missed_until_some_drill_has_it() {
        let drill = Drill {
            scenario: "smoke".to_owned(),
            subject: None,
            homeserver: "synapse".to_owned(),
            seed: 7,
        };
        let mut record = Record::of(&drill, Verdict::Passed);
        assert_eq!(missed(&[record.clone()]).len(), ALL.len());
        record.marks = vec![ALL[0].to_owned()];
        assert_eq!(missed(&[record]), ALL[1..]);
    }

    fn after(fault: &str, verdict: Verdict) -> Record {
        let drill = Drill {
            scenario: "smoke".to_owned(),
            subject: Some(Subject {
                fault: fault.to_owned(),
                moment: Moment::AtBoot,
            }),
            homeserver: "synapse".to_owned(),
            seed: 7,
        };
        Record::of(&drill, verdict)
    }

    fn not_run() -> Verdict {
        Verdict::NotRun {
            why: "several tokens live".to_owned(),
        }
    }

    #[rstest]
    #[case::no_drill_of_its_fault_could_be_run(vec![after("device-contested", not_run())], false)]
    #[case::one_could(vec![after("device-contested", not_run()), after("device-contested", Verdict::Passed)], true)]
    #[case::one_of_another_fault_could_not(vec![after("device-deleted", not_run())], true)]
    #[case::none_was_planned(Vec::new(), true)]
    fn a_mark_is_missed_unless(#[case] records: Vec<Record>, #[case] is_missed: bool) {
        assert_eq!(missed(&records).contains(&"device-contested".to_owned()), is_missed);
    }

    #[test]
    fn what_is_out_of_reach_is_a_mark_of_a_fault() {
        for (mark, fault) in ONLY_AFTER {
            assert!(ALL.contains(mark), "{mark}");
            assert!(harness::fault::named(fault).is_some(), "{fault}");
        }
    }

    #[test]
    fn no_mark_is_listed_twice() {
        assert_eq!(ALL.iter().collect::<BTreeSet<_>>().len(), ALL.len());
    }
}
