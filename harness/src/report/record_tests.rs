use rstest::rstest;

use super::*;
use crate::plan::{Injection, Moment};

fn drill() -> Drill {
    Drill {
        scenario: "smoke".to_owned(),
        earlier: Vec::new(),
        injection: Some(Injection::new("env-token-clobbered", Moment::AtBoot)),
        homeserver: "synapse".to_owned(),
        seed: 7,
        contract: None,
    }
}

fn step(name: &str, outcome: Outcome) -> Step {
    let evidence = if outcome == Outcome::NotReached { "" } else { "seen" };
    Step {
        name: name.to_owned(),
        outcome,
        took_ms: 12,
        evidence: evidence.to_owned(),
    }
}

fn record(outcomes: &[Outcome], held: bool) -> Record {
    let mut record = Record::of(&drill(), Verdict::Passed);
    record.steps = outcomes
        .iter()
        .map(|outcome| step("signup answers 200", *outcome))
        .collect();
    record.findings = vec![FindingRecord {
        check: "identity".to_owned(),
        held,
        applies: true,
        what: "@bot:localhost".to_owned(),
    }];
    record.judge();
    record
}

#[rstest]
#[case::all_passed_and_held(&[Outcome::Passed], true, true)]
#[case::a_step_failed(&[Outcome::Passed, Outcome::Failed], true, false)]
#[case::a_step_was_not_reached(&[Outcome::Passed, Outcome::NotReached], true, false)]
#[case::a_check_did_not_hold(&[Outcome::Passed], false, false)]
#[case::nothing_ran(&[], true, false)]
fn a_drill_passes_only_if(#[case] outcomes: &[Outcome], #[case] held: bool, #[case] passes: bool) {
    assert_eq!(record(outcomes, held).verdict == Verdict::Passed, passes);
}

#[rstest]
#[case::everything_passed(&["passed", "passed"], &[], 0)]
#[case::one_failed(&["passed", "failed"], &[], 1)]
#[case::some_not_run(&["passed", "not run"], &[], 0)]
#[case::nothing_ran(&["not run"], &[], 2)]
#[case::no_drills(&[], &[], 2)]
#[case::failed_and_not_run(&["failed", "not run"], &[], 1)]
#[case::a_branch_was_missed(&["passed"], &["device-lost"], 1)]
#[case::a_branch_was_missed_beside_drills_that_were_not_run(&["passed", "not run"], &["device-lost"], 1)]
fn the_exit_code_is(#[case] verdicts: &[&str], #[case] missed: &[&str], #[case] code: u8) {
    let verdict = |name: &str| match name {
        "passed" => Verdict::Passed,
        "failed" => Verdict::Failed {
            why: "no invite".to_owned(),
        },
        _ => Verdict::NotRun {
            why: "no operator".to_owned(),
        },
    };
    let records = verdicts
        .iter()
        .map(|name| Record::of(&drill(), verdict(name)))
        .collect();
    let missed = missed.iter().map(|mark| (*mark).to_owned()).collect();
    assert_eq!(Report::new(7, Vec::new(), records, missed, 0).exit_code(), code);
}

#[test]
fn a_failed_record_tells_every_step_check_and_how_to_repeat_it() {
    let mut record = record(&[Outcome::Passed, Outcome::Failed, Outcome::NotReached], false);
    record.marks = vec!["token-dead".to_owned()];
    record.artifacts = Some("target/knockproof/run/drill".to_owned());
    insta::assert_snapshot!(record.narrative());
}

#[test]
fn the_json_is_stable() {
    let mut passed = record(&[Outcome::Passed], true);
    passed.healed_in_ms = Some(1840);
    passed.logins = Some(1);
    passed.devices = Some(2);
    let homeservers = vec![HomeserverRecord {
        wish: "auto".to_owned(),
        took: "synapse (process)".to_owned(),
    }];
    let skipped = Record::of(
        &drill(),
        Verdict::NotRun {
            why: "no offline reset".to_owned(),
        },
    );
    insta::assert_json_snapshot!(Report::new(7, homeservers, vec![passed, skipped], Vec::new(), 20_160));
}
