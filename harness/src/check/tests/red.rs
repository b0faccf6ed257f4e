//! A story with one thing wrong turns one check red.

use rstest::rstest;
use serde_json::json;

use super::*;
use crate::{check::Verdict, fault::NewDevice, history::Proof};

#[test]
fn what_is_sound_passes_every_check() {
    for check in all() {
        let finding = sound().judge(&check.name);
        assert!(!finding.is_broken(), "{}: {}", check.name, finding.evidence);
        assert_eq!(finding.check, check.name);
    }
}

#[test]
fn a_history_with_nothing_in_it_passes_no_check_by_seeing_nothing() {
    // These judge what a fault led to, or what was said before it: without one they say that they judge nothing.
    let needs_a_fault = [
        "no-needless-login",
        "no-login-storm",
        "others-unharmed",
        "in-time",
        "operator-told",
        "fault-fired",
        "history-readable",
    ];
    for check in all() {
        let finding = check.judge(&Evidence::of(Record::default()));
        let expected = match needs_a_fault.contains(&check.name.as_str()) {
            true => Verdict::NotApplicable,
            false => Verdict::Broken,
        };
        assert_eq!(finding.verdict, expected, "{finding:?}");
    }
}

/// A story, changed; and the only check that goes red by it.
#[rstest]
#[case::not_ok("identity", |s: &mut Story| s.look("after").ready = ready("healing", BOT, "D1"))]
#[case::degraded("identity", |s: &mut Story| {
    s.says_in("after").degraded = noted("no backup", "make one");
})]
#[case::another_user("identity", |s: &mut Story| s.look("after").ready = ready("ok", "@other:hs", "D1"))]
#[case::new_device_though_the_old_lived("device-continuity", |s: &mut Story| *s.look("after") = snapshot(9, "D2", &["D2"]))]
#[case::device_left_behind("device-continuity", |s: &mut Story| {
    s.expect(&Expectation::unharmed().device(NewDevice::Allowed));
    *s.look("after") = snapshot(9, "D2", &["D1", "D2"]);
})]
#[case::login_left_behind("device-continuity", |s: &mut Story| {
    s.expect(&Expectation::one_login(NewDevice::Allowed));
    *s.look("after") = snapshot(9, "D1", &["D1", "D3"]);
    let mut made = login(4, 200);
    made.answer = json!({ "user_id": BOT, "device_id": "D3" });
    s.passes(made);
})]
#[case::stays_on_lost_device("device-continuity", |s: &mut Story| s.expect(&Expectation::unharmed().device(NewDevice::Must)))]
#[case::device_of_nobody("device-continuity", |s: &mut Story| *s.look("after") = snapshot(9, "D1", &[]))]
#[case::identity_reset("trust-kept", |s: &mut Story| {
    s.look("after").master_keys.insert(BOT.to_owned(), "another".to_owned());
})]
#[case::identity_lost("trust-kept", |s: &mut Story| s.look("after").master_keys.clear())]
#[case::answer_in_cleartext("encrypted-round-trip", |s: &mut Story| s.without_round_trip(Ok((false, "pong".to_owned()))))]
#[case::another_answer("encrypted-round-trip", |s: &mut Story| s.without_round_trip(Ok((true, "what?".to_owned()))))]
#[case::no_answer("encrypted-round-trip", |s: &mut Story| s.without_round_trip(Err("timed out".to_owned())))]
#[case::nobody_asked("encrypted-round-trip", |s: &mut Story| s.without(|event| matches!(event, Event::RoundTrip { .. })))]
#[case::unsigned("trust", |s: &mut Story| s.trusted(Ok("unsigned".to_owned())))]
#[case::device_unknown("trust", |s: &mut Story| s.trusted(Ok("unknown".to_owned())))]
#[case::trust_untold("trust", |s: &mut Story| s.trusted(Err("no answer".to_owned())))]
#[case::some_unreadable("history-readable", |s: &mut Story| s.reads(2, Ok(1)))]
#[case::none_readable("history-readable", |s: &mut Story| s.reads(2, Err("no backup".to_owned())))]
#[case::login_while_a_token_lived("no-needless-login", |s: &mut Story| s.passes(login(3, 200)))]
#[case::refused_login_while_a_token_lived("no-needless-login", |s: &mut Story| s.passes(login(3, 403)))]
#[case::too_many_tries("no-login-storm", |s: &mut Story| {
    s.expect(&Expectation::one_login(NewDevice::Allowed));
    s.passes(login(3, 403));
    s.passes(login(4, 403));
})]
#[case::session_whose_reply_was_dropped("no-login-storm", |s: &mut Story| {
    s.expect(&Expectation::one_login(NewDevice::Allowed).logins(1, 5));
    let mut dropped = login(3, 0);
    (dropped.status, dropped.upstream_status) = (None, Some(200));
    s.passes(dropped);
    s.passes(login(4, 200));
})]
#[case::token_of_another_died("others-unharmed", |s: &mut Story| { s.look("after").people.insert("@owner:hs".to_owned(), false); })]
#[case::nobody_to_be_harmed("others-unharmed", |s: &mut Story| s.look("before").people.clear())]
#[case::server_error("no-downtime", |s: &mut Story| s.passes(exchange(3, Entrance::Public, "GET", "/_matrix/client/v3/sync", 502)))]
#[case::nobody_asked_the_server("no-downtime", |s: &mut Story| {
    s.without(|event| matches!(event, Event::Answer(exchange) if exchange.entrance == Entrance::Public));
})]
#[case::secret_in_the_log("no-secret-shown", |s: &mut Story| s.then(line("it is •••", &[leak(None)])))]
#[case::secret_in_a_request("no-secret-shown", |s: &mut Story| {
    let mut said = as_who(exchange(3, Entrance::Bot, "PUT", "/_matrix/client/v3/rooms/!r/send/m.room.message/1", 200), BOT, "D1");
    said.leaks.push(leak(None));
    s.passes(said);
})]
#[case::secret_in_an_answer("no-secret-shown", |s: &mut Story| s.passes(answer_with(leak(Some(BOT)))))]
#[case::secret_in_what_it_says("no-secret-shown", |s: &mut Story| {
    let mut said = says(ready("ok", BOT, "D1"));
    if let Event::Ready { leaks, .. } = &mut said { leaks.push(leak(None)); }
    s.then(said);
})]
#[case::secret_in_a_file("no-secret-shown", |s: &mut Story| s.output(3, vec![leak(None)]))]
#[case::no_secret_known("no-secret-shown", |s: &mut Story| s.output(0, Vec::new()))]
#[case::nothing_searched("no-secret-shown", |s: &mut Story| s.without(|event| matches!(event, Event::Output(_))))]
#[case::token_never_handed("own-tokens", |s: &mut Story| {
    let mut stolen = as_who(exchange(3, Entrance::Bot, "GET", "/_matrix/client/v3/account/whoami", 200), BOT, "X");
    stolen.origin = None;
    s.passes(stolen);
})]
#[case::acts_as_another("own-tokens", |s: &mut Story| {
    s.passes(as_who(exchange(3, Entrance::Bot, "GET", "/_matrix/client/v3/sync", 200), "@owner:hs", "X"));
})]
#[case::ends_what_it_was_given("own-tokens", |s: &mut Story| {
    let mut ended = as_who(exchange(3, Entrance::Bot, "POST", "/_matrix/client/v3/logout", 200), "@owner:hs", "X");
    ended.origin = Some(Origin::Environment);
    s.passes(ended);
})]
#[case::acts_with_what_nobody_got("own-tokens", |s: &mut Story| {
    let mut acted = as_who(exchange(3, Entrance::Bot, "GET", "/_matrix/client/v3/sync", 200), BOT, "X");
    acted.who = None;
    s.passes(acted);
})]
#[case::ignores_sigterm("ends-on-sigterm", |s: &mut Story| {
    s.without(|event| matches!(event, Event::Exited(_)));
    s.0.extend([Event::Overstayed { waited_ms: 10_000 }, exit(7, None, Some(9), Some("SIGKILL"))]);
})]
#[case::another_exit_status("ends-on-sigterm", |s: &mut Story| s.exits(exit(7, Some(1), None, Some("SIGTERM"))))]
#[case::minds_no_signal("ends-on-sigterm", |s: &mut Story| s.exits(exit(7, None, Some(15), Some("SIGTERM"))))]
#[case::ended_by_itself("ends-on-sigterm", |s: &mut Story| {
    s.then(exit(7, Some(0), None, None));
    s.then(Event::Started { pid: 8 });
    s.exits(exit(8, Some(0), None, Some("SIGTERM")));
    s.then(exit(7, Some(0), None, None));
})]
#[case::panics_in_a_thread("no-panic", |s: &mut Story| s.then(line("thread 'x' (1) panicked at src/main.rs:1:1:", &[])))]
#[case::panics_and_is_started_again("no-panic", |s: &mut Story| {
    s.then(exit(7, Some(101), None, None));
    s.then(Event::Started { pid: 8 });
    s.0.push(exit(8, Some(0), None, Some("SIGTERM")));
    s.without(|event| matches!(event, Event::Exited(exit) if exit.pid == 7 && exit.code == Some(0)));
})]
#[case::crashes("no-panic", |s: &mut Story| {
    s.then(exit(7, None, Some(11), None));
    s.then(Event::Started { pid: 8 });
    s.0.push(exit(8, Some(0), None, Some("SIGTERM")));
    s.without(|event| matches!(event, Event::Exited(exit) if exit.pid == 7 && exit.code == Some(0)));
})]
#[case::cries_for_what_heals("no-false-alarm", |s: &mut Story| s.then(says(ready("needs_operator", BOT, "D1"))))]
#[case::too_late("in-time", |s: &mut Story| s.expect(&Expectation { within: std::time::Duration::ZERO, ..Expectation::unharmed() }))]
#[case::never("in-time", |s: &mut Story| s.without(|event| matches!(event, Event::Whole)))]
#[case::did_not_fire("fault-fired", |s: &mut Story| s.without(|event| matches!(event, Event::Fired { .. })))]
#[case::nothing_was_killed("fault-fired", |s: &mut Story| s.then(Event::Demanded(Proof::Killed { pid: 7 })))]
#[case::never_told("fault-fired", |s: &mut Story| s.then(Event::Demanded(Proof::Refused { token: "t1".to_owned() })))]
#[case::never_frozen("fault-fired", |s: &mut Story| s.then(Event::Demanded(Proof::Homeserver { state: "frozen".to_owned() })))]
fn exactly_one_check_goes_red(#[case] red: &str, #[case] break_it: fn(&mut Story)) {
    let mut story = sound();
    break_it(&mut story);
    for check in all() {
        let finding = story.judge(&check.name);
        assert_eq!(finding.is_broken(), check.name == red, "{finding:?}");
        assert!(!finding.evidence.is_empty());
    }
}
