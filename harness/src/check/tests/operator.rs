//! The operator is told, and told what to do.

use rstest::rstest;

use super::*;
use crate::{
    check::{Need, Verdict},
    fault::NewDevice,
};

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

#[test]
fn a_call_that_goes_on_until_it_has_its_answer_is_no_new_one() {
    let said = |state| says(ready(state, BOT, "D1"));
    let mut story = needing();
    story.then(said("needs_operator"));
    story.then(Event::Operator {
        what: "wrote the password".to_owned(),
    });
    // The bot has its answer in a second; more goes by.
    for _ in 0..150 {
        let (what, detail) = ("time goes by".to_owned(), Value::Null);
        story.0.push(Event::Note { what, detail });
    }
    story.0.push(said("needs_operator"));
    let finding = story.judge("no-false-alarm");
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:?}");
    story.0.extend([said("ok"), said("needs_operator")]);
    assert!(story.judge("no-false-alarm").is_broken());
}

/// A bot that says nothing of itself but in its log.
fn printing(mut story: Story) -> Story {
    let subject = story.subject();
    subject.lacks = vec![Need::State];
    subject.operator_log = Some("operator needed".to_owned());
    story.without(|event| matches!(event, Event::Ready { .. }));
    story
}

fn cry() -> Event {
    Event::Cried {
        line: "operator needed: the password is wrong".to_owned(),
    }
}

#[test]
fn a_bot_that_calls_in_its_log_for_what_heals_is_a_false_alarm_and_one_that_is_quiet_is_none() {
    let mut story = printing(sound());
    let finding = story.judge("no-false-alarm");
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:?}");
    story.then(cry());
    assert!(story.judge("no-false-alarm").is_broken());
    let mut silent = printing(sound());
    silent.without(|event| matches!(event, Event::Line { .. }));
    assert!(silent.judge("no-false-alarm").is_broken(), "nothing was seen of it");
}

#[test]
fn a_bot_that_calls_in_its_log_has_told_its_operator_and_one_that_does_not_has_not() {
    let mut story = printing(needing());
    assert!(story.judge("operator-told").is_broken());
    story.then(cry());
    story.then(Event::Operator {
        what: "wrote the password".to_owned(),
    });
    for check in ["operator-told", "no-false-alarm"] {
        let finding = story.judge(check);
        assert_eq!(finding.verdict, Verdict::Holds, "{finding:?}");
    }
    let mut late = printing(needing());
    late.then(Event::Operator {
        what: "wrote the password".to_owned(),
    });
    late.then(cry());
    assert!(late.judge("operator-told").is_broken());
}

#[test]
fn a_bot_that_says_nothing_of_itself_is_judged_by_its_time_all_the_same() {
    let mut story = printing(sound());
    story.subject().operator_log = None;
    story.subject().lacks.push(Need::Cries);
    let finding = story.judge("in-time");
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:?}");
    story.without(|event| matches!(event, Event::Whole));
    assert!(story.judge("in-time").is_broken());
    assert_eq!(story.judge("no-false-alarm").verdict, Verdict::NotApplicable);
}
