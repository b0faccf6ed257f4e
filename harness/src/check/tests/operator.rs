//! The operator is told, and told what to do.

use rstest::rstest;

use super::*;
use crate::{check::Verdict, fault::NewDevice};

/// The bot cannot heal alone, and says so properly.
fn needing() -> Story {
    let mut story = sound();
    story.expect(
        &Expectation::one_login(NewDevice::Allowed)
            .logins(2, 2)
            .needs_operator(&["password"], 1),
    );
    story.passes(login(3, 403));
    story.then(look(
        "needing",
        Snapshot {
            seq: 5,
            ready: ready("needs_operator", BOT, "D1"),
            ..Snapshot::default()
        },
    ));
    story
}

#[test]
fn an_operator_who_is_told_what_to_do_is_told() {
    let finding = needing().judge("operator-told");
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:?}");
}

#[rstest]
#[case::never_said(|s: &mut Story| s.without(|event| matches!(event, Event::Look { when, .. } if when == "needing")))]
#[case::silent(|s: &mut Story| s.look("needing").ready = None)]
#[case::only_healing(|s: &mut Story| s.look("needing").ready = ready("healing", BOT, "D1"))]
#[case::hammered(|s: &mut Story| s.passes(login(4, 403)))]
#[case::useless_step(|s: &mut Story| {
    s.says_in("needing").next_step = Some("look at the log".to_owned());
})]
#[case::no_reason(|s: &mut Story| {
    s.says_in("needing").why.clear();
})]
fn an_operator_who_is_not_told_what_to_do_is_not(#[case] break_it: fn(&mut Story)) {
    let mut story = needing();
    break_it(&mut story);
    assert!(story.judge("operator-told").is_broken());
}

/// The bot serves on, weaker than it should be, and says so properly.
fn degraded() -> Story {
    let mut story = sound();
    story.expect(&Expectation::unharmed().serves_degraded(&["backup"]));
    story.then(look("needing", snapshot(5, "D1", &["D1"])));
    story.says_in("needing").degraded = noted("no backup", "put the key back");
    story
}

#[test]
fn an_operator_who_is_told_what_is_weaker_is_told() {
    let finding = degraded().judge("operator-told");
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:?}");
}

#[rstest]
#[case::never_said(|s: &mut Story| s.without(|event| matches!(event, Event::Look { when, .. } if when == "needing")))]
#[case::no_note(|s: &mut Story| *s.look("needing") = snapshot(5, "D1", &["D1"]))]
#[case::another_note(|s: &mut Story| s.expect(&Expectation::unharmed().serves_degraded(&["escrow"])))]
#[case::no_cure(|s: &mut Story| {
    s.says_in("needing").degraded = noted("no backup", "");
})]
#[case::does_not_serve(|s: &mut Story| s.look("needing").ready.as_mut().unwrap().serves = false)]
fn an_operator_who_is_not_told_what_is_weaker_is_not(#[case] break_it: fn(&mut Story)) {
    let mut story = degraded();
    break_it(&mut story);
    assert!(story.judge("operator-told").is_broken());
}
