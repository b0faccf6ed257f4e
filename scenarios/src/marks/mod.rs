//! Which branches of the healing code the drills have gone through.
//!
//! The bot logs a mark on every branch of its healing (target `healing`, field `mark`). Drills read them from the bot's log, because the
//! bot is a command to them; a run of all drills fails when a branch was never taken.

use std::collections::BTreeSet;

use harness::{homeserver::Flavor, report::Record};

/// Every mark of `knock-approver`, in the order of its source, which a test compares this with.
pub const ALL: &[&str] = &[
    "saved-session-alive",
    "saved-session-dead",
    "saved-session-wrong-user",
    "predecessor-session",
    "session-refreshed",
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
    "standby-store-taken",
    "keys-carried-over",
    "keys-not-carried",
    "escrow-imported",
    "escrow-unreadable",
    "escrow-written",
    "predecessor-keys-imported",
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

/// Branches that nothing leads to on a homeserver.
const OUT_OF_REACH: &[(Flavor, &str)] = &[
    // Several tokens of a device live there.
    (Flavor::Synapse, "dead-token-in-call"),
    (Flavor::Synapse, "device-contested"),
    // It refuses the login of a deactivated account as it does a wrong password.
    (Flavor::Synapse, "account-deactivated"),
    // Its tokens expire after five minutes, which no drill waits for; the others give no refresh tokens.
    (Flavor::Synapse, "session-refreshed"),
    (Flavor::Embedded, "session-refreshed"),
    (Flavor::Conduwuit, "session-refreshed"),
    (Flavor::Continuwuity, "session-refreshed"),
    (Flavor::Tuwunel, "session-refreshed"),
];

/// The marks in a bot's log, each once, in the order of their first appearance.
pub fn in_log(log: &str) -> Vec<String> {
    let mut found = Vec::new();
    for mark in log.lines().filter_map(in_line) {
        if !found.contains(&mark) {
            found.push(mark);
        }
    }
    found
}

/// The mark that a line of a bot's log tells. Understands the plain and the JSON form of `tracing`.
pub fn in_line(line: &str) -> Option<String> {
    if !line.contains("healing") {
        return None;
    }
    let plain = strip_ansi_escapes::strip_str(line);
    let (_, behind) = plain.split_once("mark=").or_else(|| plain.split_once("\"mark\":"))?;
    let name: String = behind
        .trim_start_matches([' ', '"'])
        .chars()
        .take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-')
        .collect();
    (!name.is_empty()).then_some(name)
}

/// The marks of [`ALL`] that no record has, without those that are out of reach on every homeserver of the records.
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
    let on = |flavor: &str| OUT_OF_REACH.iter().any(|(of, out)| of.name() == flavor && *out == mark);
    let mut flavors = records.iter().filter_map(|record| record.homeserver.split(' ').next());
    !records.is_empty() && flavors.all(on)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use harness::{plan::Drill, report::Verdict};

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

    fn on(homeservers: &[&str]) -> Vec<Record> {
        let drill = |homeserver: &&str| Drill {
            scenario: "smoke".to_owned(),
            earlier: Vec::new(),
            injection: None,
            homeserver: (*homeserver).to_owned(),
            seed: 7,
            contract: None,
        };
        let drills = homeservers.iter().map(drill);
        drills.map(|drill| Record::of(&drill, Verdict::Passed)).collect()
    }

    #[test]
    fn a_mark_is_missed_until_some_drill_has_it() {
        // One on which nothing is out of reach.
        let mut records = on(&["newcomer (process)"]);
        assert_eq!(missed(&records).len(), ALL.len());
        records[0].marks = vec![ALL[0].to_owned()];
        assert_eq!(missed(&records), ALL[1..]);
    }

    #[rstest]
    #[case::all_were_on_one_that_never_leads_to_it(&["synapse (process)", "synapse (container)"], false)]
    #[case::one_was_on_another(&["synapse (process)", "embedded (embedded)"], true)]
    #[case::there_were_none(&[], true)]
    fn a_mark_is_missed_unless(#[case] homeservers: &[&str], #[case] is_missed: bool) {
        let missed = missed(&on(homeservers));
        assert_eq!(missed.contains(&"device-contested".to_owned()), is_missed);
        assert!(missed.contains(&"live".to_owned()));
    }

    #[test]
    fn what_is_out_of_reach_is_a_mark() {
        assert!(OUT_OF_REACH.iter().all(|(_, mark)| ALL.contains(mark)));
    }

    /// The bot is not linked, so its source is read.
    #[test]
    fn the_list_is_the_bots() {
        let source = include_str!("../../../bots/session-keeper/src/healing/mark.rs");
        let (_, listed) = source.split_once("\nmarks! {").unwrap();
        let (listed, _) = listed.split_once("\n}").unwrap();
        let name = |line: &'static str| line.split_once(" = \"")?.1.strip_suffix("\",");
        assert_eq!(listed.lines().filter_map(name).collect::<Vec<_>>(), ALL);
    }

    #[test]
    fn no_mark_is_listed_twice() {
        assert_eq!(ALL.iter().collect::<BTreeSet<_>>().len(), ALL.len());
    }
}
