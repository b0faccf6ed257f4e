//! A bot with two identities: what is wrong with one of them is not hidden by the other.

use rstest::rstest;

use super::*;
use crate::fault::NewDevice;

const OTHER: &str = "@second:hs";
const SECOND: &str = "second";

/// What the second says of itself besides the first.
fn beside(mut ready: Option<Ready>, state: &str) -> Option<Ready> {
    let second = self::ready(state, OTHER, "E1").unwrap();
    let first = ready.as_mut().unwrap();
    first.serves &= second.serves;
    first
        .identities
        .insert(SECOND.to_owned(), second.identities[NAME].clone());
    ready
}

fn second_in(snapshot: &mut Snapshot) {
    snapshot.ready = beside(snapshot.ready.take(), "ok");
    snapshot.devices.insert(OTHER.to_owned(), ["E1".to_owned()].into());
    snapshot.master_keys.insert(OTHER.to_owned(), "master".to_owned());
}

fn heard(user: &str, heard: Result<(), String>) -> Event {
    Event::Heard {
        user: user.to_owned(),
        heard,
    }
}

/// The fault hits the second, or both; and all is well.
fn sound_of_two(first_is_hit: bool) -> Story {
    let mut story = sound();
    let subject = story.subject();
    subject.accounts[0].hit = first_is_hit;
    subject.accounts.push(Account {
        name: SECOND.to_owned(),
        user_id: OTHER.to_owned(),
        hit: true,
    });
    second_in(story.look("before"));
    second_in(story.look("after"));
    if !first_is_hit {
        story.without(|event| matches!(event, Event::Fired { .. }));
    }
    story.then(fired(SECOND));
    let end = story.place(|event| matches!(event, Event::RoundTrip { .. }));
    let trust = Event::Trust {
        user: OTHER.to_owned(),
        device: "E1".to_owned(),
        trust: Ok("signed".to_owned()),
    };
    // Before what is seen of the first: the last look is not the only one that counts.
    story
        .0
        .splice(end..end, [heard(OTHER, Ok(())), readable(OTHER, 2, Ok(2)), trust]);
    story
}

/// One login of the second is right.
fn second_logs_in(story: &mut Story) {
    story.expect(&Expectation::one_login(NewDevice::Allowed));
    story.passes(as_who(login(3, 200), OTHER, "E1"));
}

#[rstest]
fn what_is_sound_of_two_identities_passes_every_check(#[values(false, true)] first_is_hit: bool) {
    let mut story = sound_of_two(first_is_hit);
    second_logs_in(&mut story);
    for check in all() {
        let finding = story.judge(&check.name);
        assert!(!finding.is_broken(), "{}: {}", check.name, finding.evidence);
    }
}

#[rstest]
#[case::only_one_was_hit("fault-fired", true, |s: &mut Story| {
    s.without(|event| matches!(event, Event::Fired { account, .. } if account == SECOND));
})]
#[case::another_was_hit("fault-fired", false, |s: &mut Story| {
    s.without(|event| matches!(event, Event::Fired { .. }));
    s.then(fired(NAME));
})]
#[case::the_first_logged_in_for_the_second_s_fault("no-needless-login", false, |s: &mut Story| {
    s.expect(&Expectation::one_login(NewDevice::Allowed));
    s.passes(as_who(login(3, 200), BOT, "D1"));
})]
#[case::the_second_is_deaf("encrypted-round-trip", false, |s: &mut Story| {
    let end = s.place(|event| matches!(event, Event::RoundTrip { .. }));
    s.0.insert(end, heard(OTHER, Err("no key came".to_owned())));
})]
#[case::the_second_has_lost_its_history("history-readable", false, |s: &mut Story| {
    let end = s.place(|event| matches!(event, Event::RoundTrip { .. }));
    s.0.insert(end, readable(OTHER, 2, Ok(1)));
})]
#[case::the_first_went_to_another_device("device-continuity", false, |s: &mut Story| {
    s.expect(&Expectation::unharmed().device(NewDevice::Allowed));
    let after = s.look("after");
    after.devices.insert(BOT.to_owned(), ["D2".to_owned()].into());
    let ready = after.ready.as_mut().unwrap();
    ready.identities.get_mut(NAME).unwrap().device_id = Some("D2".to_owned());
})]
#[case::the_first_cries_for_the_second("no-false-alarm", false, |s: &mut Story| {
    s.expect(&Expectation::unharmed().needs_operator(&["password"], 1));
    let mut needing = Snapshot { seq: 5, ready: beside(ready("ok", BOT, "D1"), "needs_operator"), ..Snapshot::default() };
    needing.ready.as_mut().unwrap().serves = false;
    s.then(look("needing", needing));
    s.then(says(beside(ready("needs_operator", BOT, "D1"), "needs_operator")));
})]
#[case::only_the_first_calls_its_operator("operator-told", true, |s: &mut Story| {
    s.expect(&Expectation::unharmed().needs_operator(&["password"], 1));
    s.then(look("needing", Snapshot { seq: 5, ready: beside(ready("needs_operator", BOT, "D1"), "ok"), ..Snapshot::default() }));
})]
fn what_is_wrong_with_one_of_two_turns_one_check_red(
    #[case] red: &str,
    #[case] first_is_hit: bool,
    #[case] break_it: fn(&mut Story),
) {
    let mut story = sound_of_two(first_is_hit);
    break_it(&mut story);
    for check in all() {
        let finding = story.judge(&check.name);
        assert_eq!(finding.is_broken(), check.name == red, "{finding:?}");
    }
}
