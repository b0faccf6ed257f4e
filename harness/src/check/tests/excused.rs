//! What looks wrong and is not.

use rstest::rstest;
use serde_json::json;

use super::*;
use crate::{
    check::{Need, Verdict},
    contract::Healing,
    history::Proof,
};

#[rstest]
#[case::its_own_login(as_who(exchange(3, Entrance::Bot, "GET", "/_matrix/client/v3/sync", 200), BOT, "D1"))]
#[case::asks_whose_a_token_is({
    let mut asked = as_who(exchange(3, Entrance::Bot, "GET", "/_matrix/client/v3/account/whoami", 200), "@owner:hs", "X");
    asked.origin = Some(Origin::Environment);
    asked
})]
#[case::ends_a_session_that_it_made_by_mistake(as_who(
    exchange(3, Entrance::Bot, "POST", "/_matrix/client/v3/logout", 200),
    "@owner:hs",
    "X"
))]
#[case::acts_for_somebody_who_asked_for_it({
    let mut asked = as_who(exchange(3, Entrance::Bot, "GET", "/_matrix/client/v3/sync", 200), "@visitor:hs", "X");
    asked.origin = Some(Origin::Request);
    asked
})]
fn a_token_that_may_be_used_so_is_no_other_s(#[case] used: Exchange) {
    let mut story = sound();
    story.passes(used);
    let finding = story.judge("own-tokens");
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:?}");
}

#[test]
fn who_signs_up_is_given_a_session_and_acted_for_with_it() {
    let mut story = sound();
    let mut registered = exchange(3, Entrance::Bot, "POST", "/_matrix/client/v3/register", 200);
    registered.answer = json!({ "user_id": "@new:hs" });
    story.passes(registered);
    story.passes(as_who(
        exchange(4, Entrance::Bot, "POST", "/_matrix/client/v3/join/!space", 200),
        "@new:hs",
        "N",
    ));
    let mut answer = answer_with(leak(Some("@new:hs")));
    answer.seq = 5;
    story.passes(answer);
    for check in ["own-tokens", "no-secret-shown"] {
        let finding = story.judge(check);
        assert_eq!(finding.verdict, Verdict::Holds, "{finding:?}");
    }
}

#[rstest]
#[case::the_signal_itself(exit(7, None, Some(15), Some("SIGTERM")), Verdict::Holds)]
#[case::a_failure(exit(7, Some(1), None, Some("SIGTERM")), Verdict::Broken)]
#[case::another_signal(exit(7, None, Some(13), Some("SIGTERM")), Verdict::Broken)]
fn who_promises_no_exit_status_may_be_ended_by_the_signal(#[case] end: Event, #[case] verdict: Verdict) {
    let mut story = sound();
    story.subject().lacks = vec![Need::CleanEnd];
    story.exits(end);
    let finding = story.judge("ends-on-sigterm");
    assert_eq!(finding.verdict, verdict, "{finding:?}");
}

/// A process that ends by itself after the fault, and is started again.
fn ends_by_itself(story: &mut Story) {
    let is_end = |event: &Event| matches!(event, Event::Exited(_));
    story.without(is_end);
    story.then(exit(7, Some(1), None, None));
    story.then(Event::Started { pid: 8 });
    story.0.push(exit(8, Some(0), None, Some("SIGTERM")));
}

fn cry() -> Event {
    Event::Cried {
        line: "operator needed".to_owned(),
    }
}

#[rstest]
#[case::it_promises_to_go_on(Healing::Alone, None, Verdict::Broken)]
#[case::its_supervisor_starts_it(Healing::ByRestart, None, Verdict::Holds)]
#[case::it_has_called_for_its_operator(Healing::Alone, Some(cry()), Verdict::Holds)]
fn a_bot_may_end_by_itself_where_its_contract_says_so(
    #[case] healing: Healing,
    #[case] cry: Option<Event>,
    #[case] verdict: Verdict,
) {
    let mut story = sound();
    story.subject().healing = healing;
    story.subject().operator_log = Some("operator needed".to_owned());
    cry.into_iter().for_each(|cry| story.then(cry));
    ends_by_itself(&mut story);
    let finding = story.judge("ends-on-sigterm");
    assert_eq!(finding.verdict, verdict, "{finding:?}");
}

#[test]
fn a_bot_that_heals_by_restart_may_not_end_by_itself_where_nothing_is_broken() {
    let mut story = sound();
    story.subject().healing = Healing::ByRestart;
    let before = story.place(|event| matches!(event, Event::Breaking { .. }));
    story.0.splice(
        before..before,
        [exit(7, Some(1), None, None), Event::Started { pid: 8 }],
    );
    story.exits(exit(8, Some(0), None, Some("SIGTERM")));
    story.0.insert(before, exit(7, Some(1), None, None));
    assert!(story.judge("ends-on-sigterm").is_broken());
}

#[test]
fn what_the_operator_does_is_not_the_bot_s_time() {
    let mut story = sound();
    // The story takes 30 ms from the fault to its end.
    story.expect(&Expectation {
        within: std::time::Duration::from_millis(15),
        ..Expectation::unharmed()
    });
    assert!(story.judge("in-time").is_broken());
    story.then(Event::Operator {
        what: "wrote the password".to_owned(),
    });
    let finding = story.judge("in-time");
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:?}");
}

#[rstest]
#[case::before_the_operator_was_done(|s: &mut Story| {
    s.then(says(ready("needs_operator", BOT, "D1")));
    s.then(Event::Operator { what: "wrote the password".to_owned() });
})]
#[case::for_what_it_cannot_heal(|s: &mut Story| {
    s.expect(&Expectation::unharmed().needs_operator(&["password"], 1));
    s.then(says(ready("needs_operator", BOT, "D1")));
})]
fn a_cry_with_need_is_no_false_alarm(#[case] cry: fn(&mut Story)) {
    let mut story = sound();
    cry(&mut story);
    let finding = story.judge("no-false-alarm");
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:?}");
}

#[rstest]
#[case::killed(Proof::Killed { pid: 7 }, exit(7, None, Some(9), Some("SIGKILL")))]
#[case::refused(Proof::Refused { token: "t of D1".to_owned() }, Event::Answer(as_who(exchange(3, Entrance::Bot, "GET", "/x", 401), BOT, "D1")))]
#[case::frozen(Proof::Homeserver { state: "frozen".to_owned() }, Event::Homeserver { state: "frozen".to_owned() })]
fn a_proof_that_stands_in_the_history_is_enough(#[case] proof: Proof, #[case] shown: Event) {
    let mut story = sound();
    story.then(Event::Demanded(proof));
    story.then(shown);
    let finding = story.judge("fault-fired");
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:?}");
}

#[rstest]
#[case::ended_by_itself(Proof::Killed { pid: 7 }, exit(7, Some(1), None, None))]
#[case::another_process(Proof::Killed { pid: 7 }, exit(8, None, Some(9), Some("SIGKILL")))]
#[case::another_token(Proof::Refused { token: "t1".to_owned() }, Event::Answer(as_who(exchange(3, Entrance::Bot, "GET", "/x", 401), BOT, "D1")))]
#[case::somebody_else(Proof::Refused { token: "t of D1".to_owned() }, Event::Answer(as_who(exchange(3, Entrance::Public, "GET", "/x", 401), BOT, "D1")))]
#[case::another_state(Proof::Homeserver { state: "frozen".to_owned() }, Event::Homeserver { state: "down".to_owned() })]
fn a_proof_of_something_else_is_none(#[case] proof: Proof, #[case] shown: Event) {
    let mut story = sound();
    story.then(Event::Demanded(proof));
    story.then(shown);
    assert!(story.judge("fault-fired").is_broken());
}

#[test]
fn a_fault_is_judged_by_what_happened_before_the_scenario_s_own_losses() {
    let mut story = sound();
    story.0.push(Event::OwnLosses);
    story.0.push(Event::Answer(login(12, 200)));
    story.0.push(look("after", snapshot(13, "D2", &["D2"])));
    for check in ["no-needless-login", "device-continuity"] {
        let finding = story.judge(check);
        assert_eq!(finding.verdict, Verdict::Holds, "{finding:?}");
    }
}

#[test]
fn only_the_bot_s_own_logins_count() {
    let path = "/_matrix/client/v3/login";
    let mut story = sound();
    story.passes(login(3, 200));
    story.passes(exchange(4, Entrance::Public, "POST", path, 200));
    story.passes(exchange(5, Entrance::Bot, "GET", path, 200));
    story.passes(login(6, 403));
    let counted: Vec<u64> = Evidence::of(story.record()).logins().map(|login| login.seq).collect();
    assert_eq!(counted, [3, 6]);
}
