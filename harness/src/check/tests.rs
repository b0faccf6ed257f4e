//! Each check goes red when the thing it guards is broken.

use std::{collections::BTreeSet, time::Duration};

use rstest::rstest;
use serde_json::{Value, json};

use super::{Evidence, Finding, Log, RoomRecord, Snapshot, all};
use crate::{
    bot::Ready,
    fault::{Expectation, NewDevice},
    front_door::{Entrance, Exchange, Upstream, Who},
    secrets::Secrets,
};

const BOT: &str = "@bot:hs";

fn ready(state: &str, user: &str, device: &str) -> Option<Ready> {
    let identity = json!({
        "state": state, "why": "no live token", "next_step": "write the password into the file",
        "user_id": user, "device_id": device,
    });
    Some(Ready {
        status: if state == "ok" { 200 } else { 503 },
        body: json!({ "approver": identity }),
    })
}

fn snapshot(seq: u64, device: &str, owned: &[&str]) -> Snapshot {
    Snapshot {
        seq,
        ready: ready("ok", BOT, device),
        devices: [(
            BOT.to_owned(),
            owned.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>(),
        )]
        .into(),
        people: [("@owner:hs".to_owned(), true)].into(),
        master_keys: [(BOT.to_owned(), "master".to_owned())].into(),
        ..Snapshot::default()
    }
}

fn exchange(seq: u64, entrance: Entrance, method: &str, path: &str, status: u16) -> Exchange {
    Exchange {
        seq,
        at_ms: seq,
        entrance,
        upstream: Upstream::Homeserver,
        who: None,
        with_token: false,
        method: method.to_owned(),
        path: path.to_owned(),
        query: String::new(),
        request: Value::Null,
        status: Some(status),
        upstream_status: None,
        answer: Value::Null,
        took_ms: Some(1),
        bent: None,
        error: None,
    }
}

fn login(seq: u64, status: u16) -> Exchange {
    exchange(seq, Entrance::Bot, "POST", "/_matrix/client/v3/login", status)
}

fn as_who(mut exchange: Exchange, user: &str, device: &str) -> Exchange {
    exchange.who = Some(Who {
        user_id: user.to_owned(),
        device_id: Some(device.to_owned()),
    });
    exchange
}

/// Nothing is broken.
fn sound() -> Evidence {
    let secrets = Secrets::default();
    secrets.add("password of the bot", "correct horse");
    let used = as_who(
        exchange(1, Entrance::Bot, "GET", "/_matrix/client/v3/sync", 200),
        BOT,
        "D1",
    );
    Evidence {
        before: snapshot(1, "D1", &["D1"]),
        after: snapshot(9, "D1", &["D1"]),
        needing: None,
        traffic: vec![exchange(2, Entrance::Public, "GET", "/_matrix/client/v3/sync", 200)],
        all_traffic: vec![used],
        bots: vec![("approver".to_owned(), BOT.to_owned())],
        rooms: vec!["!space".to_owned()],
        expectation: Expectation::unharmed(),
        healed_in: Some(Duration::from_secs(2)),
        logs: vec![Log {
            name: "the bot's log".to_owned(),
            text: "started".to_owned(),
        }],
        secrets,
    }
}

fn judge(check: &str, evidence: &Evidence) -> Finding {
    let check = all().into_iter().find(|known| known.name == check).unwrap();
    check.judge(evidence)
}

#[test]
fn what_is_sound_passes_every_check() {
    for check in all() {
        let finding = check.judge(&sound());
        assert!(finding.holds, "{}: {}", check.name, finding.evidence);
        assert_eq!(finding.check, check.name);
    }
}

#[rstest]
#[case::not_ok("identity", |e: &mut Evidence| e.after.ready = ready("healing", BOT, "D1"))]
#[case::degraded("identity", |e: &mut Evidence| {
    let ready = e.after.ready.as_mut().unwrap();
    ready.body["approver"]["degraded"] = json!([{ "what": "no backup", "cure": "make one" }]);
})]
#[case::another_user("identity", |e: &mut Evidence| e.after.ready = ready("ok", "@other:hs", "D1"))]
#[case::silent("identity", |e: &mut Evidence| e.after.ready = None)]
#[case::acts_as_another("identity", |e: &mut Evidence| {
    e.traffic.push(as_who(exchange(3, Entrance::Bot, "GET", "/_matrix/client/v3/sync", 200), "@owner:hs", "X"));
})]
#[case::new_device_though_the_old_lived("device-continuity", |e: &mut Evidence| e.after = snapshot(9, "D2", &["D2"]))]
#[case::device_left_behind("device-continuity", |e: &mut Evidence| {
    e.expectation.device = NewDevice::Allowed;
    e.after = snapshot(9, "D2", &["D1", "D2"]);
})]
#[case::login_left_behind("device-continuity", |e: &mut Evidence| {
    e.expectation.device = NewDevice::Allowed;
    e.after = snapshot(9, "D1", &["D1", "D3"]);
    let mut made = login(4, 200);
    made.answer = json!({ "user_id": BOT, "device_id": "D3" });
    e.all_traffic.push(made);
})]
#[case::stays_on_lost_device("device-continuity", |e: &mut Evidence| e.expectation.device = NewDevice::Must)]
#[case::device_of_nobody("device-continuity", |e: &mut Evidence| e.after = snapshot(9, "D1", &[]))]
#[case::identity_reset("trust-kept", |e: &mut Evidence| {
    e.after.master_keys.insert(BOT.to_owned(), "another".to_owned());
})]
#[case::identity_lost("trust-kept", |e: &mut Evidence| e.after.master_keys.clear())]
#[case::login_while_a_token_lived("no-needless-login", |e: &mut Evidence| e.traffic.push(login(3, 200)))]
#[case::refused_login_while_a_token_lived("no-needless-login", |e: &mut Evidence| e.traffic.push(login(3, 403)))]
#[case::too_many_tries("no-login-storm", |e: &mut Evidence| {
    e.expectation = Expectation::one_login(NewDevice::Allowed);
    e.traffic.extend([login(3, 403), login(4, 403)]);
})]
#[case::too_many_sessions("no-login-storm", |e: &mut Evidence| {
    e.expectation = Expectation::one_login(NewDevice::Allowed).logins(1, 5);
    e.traffic.extend([login(3, 200), login(4, 200)]);
})]
#[case::session_whose_reply_was_dropped("no-login-storm", |e: &mut Evidence| {
    e.expectation = Expectation::one_login(NewDevice::Allowed).logins(1, 5);
    let mut dropped = login(3, 0);
    (dropped.status, dropped.upstream_status) = (None, Some(200));
    e.traffic.extend([dropped, login(4, 200)]);
})]
#[case::token_of_another_died("others-unharmed", |e: &mut Evidence| { e.after.people.insert("@owner:hs".to_owned(), false); })]
#[case::nobody_to_be_harmed("others-unharmed", |e: &mut Evidence| e.before.people.clear())]
#[case::server_error("no-downtime", |e: &mut Evidence| {
    e.traffic.push(exchange(3, Entrance::Public, "GET", "/_matrix/client/v3/sync", 502));
})]
#[case::secret_in_a_log("no-secrets-in-logs", |e: &mut Evidence| e.logs[0].text.push_str(" correct horse"))]
#[case::no_secret_known("no-secrets-in-logs", |e: &mut Evidence| e.secrets = Secrets::default())]
#[case::too_late("in-time", |e: &mut Evidence| e.healed_in = Some(Duration::from_secs(31)))]
#[case::never("in-time", |e: &mut Evidence| e.healed_in = None)]
fn a_check_goes_red(#[case] check: &str, #[case] break_it: fn(&mut Evidence)) {
    let mut evidence = sound();
    break_it(&mut evidence);
    let finding = judge(check, &evidence);
    assert!(!finding.holds, "{finding:?}");
    assert!(!finding.evidence.is_empty());
}

/// The bot cannot heal alone, and says so properly.
fn needing() -> Evidence {
    let mut evidence = sound();
    evidence.expectation = Expectation::one_login(NewDevice::Allowed)
        .logins(2, 2)
        .needs_operator(&["password"], 1);
    evidence.needing = Some(Snapshot {
        seq: 5,
        ready: ready("needs_operator", BOT, "D1"),
        ..Snapshot::default()
    });
    evidence.traffic.push(login(3, 403));
    evidence
}

#[test]
fn an_operator_who_is_told_what_to_do_is_told() {
    let finding = judge("operator-told", &needing());
    assert!(finding.holds, "{finding:?}");
}

#[rstest]
#[case::never_said(|e: &mut Evidence| e.needing = None)]
#[case::silent(|e: &mut Evidence| e.needing.as_mut().unwrap().ready = None)]
#[case::only_healing(|e: &mut Evidence| e.needing.as_mut().unwrap().ready = ready("healing", BOT, "D1"))]
#[case::hammered(|e: &mut Evidence| e.traffic.push(login(4, 403)))]
#[case::useless_step(|e: &mut Evidence| {
    let ready = e.needing.as_mut().unwrap().ready.as_mut().unwrap();
    ready.body["approver"]["next_step"] = json!("look at the log");
})]
#[case::no_reason(|e: &mut Evidence| {
    let ready = e.needing.as_mut().unwrap().ready.as_mut().unwrap();
    ready.body["approver"]["why"] = json!("");
})]
fn an_operator_who_is_not_told_what_to_do_is_not(#[case] break_it: fn(&mut Evidence)) {
    let mut evidence = needing();
    break_it(&mut evidence);
    assert!(!judge("operator-told", &evidence).holds);
}

/// The bot serves on, weaker than it should be, and says so properly.
fn degraded() -> Evidence {
    let mut evidence = sound();
    evidence.expectation = Expectation::unharmed().serves_degraded(&["backup"]);
    let mut needing = snapshot(5, "D1", &["D1"]);
    needing.ready.as_mut().unwrap().body["approver"]["degraded"] =
        json!([{ "what": "no backup", "cure": "put the key back" }]);
    evidence.needing = Some(needing);
    evidence
}

#[test]
fn an_operator_who_is_told_what_is_weaker_is_told() {
    let finding = judge("operator-told", &degraded());
    assert!(finding.holds, "{finding:?}");
}

#[rstest]
#[case::never_said(|e: &mut Evidence| e.needing = None)]
#[case::no_note(|e: &mut Evidence| e.needing = Some(snapshot(5, "D1", &["D1"])))]
#[case::another_note(|e: &mut Evidence| e.expectation = Expectation::unharmed().serves_degraded(&["escrow"]))]
#[case::no_cure(|e: &mut Evidence| {
    let ready = e.needing.as_mut().unwrap().ready.as_mut().unwrap();
    ready.body["approver"]["degraded"] = json!([{ "what": "no backup", "cure": "" }]);
})]
#[case::does_not_serve(|e: &mut Evidence| e.needing.as_mut().unwrap().ready.as_mut().unwrap().status = 503)]
fn an_operator_who_is_not_told_what_is_weaker_is_not(#[case] break_it: fn(&mut Evidence)) {
    let mut evidence = degraded();
    break_it(&mut evidence);
    assert!(!judge("operator-told", &evidence).holds);
}

#[test]
fn only_the_bot_s_own_logins_count() {
    let path = "/_matrix/client/v3/login";
    let mut evidence = sound();
    evidence.traffic = vec![
        login(1, 200),
        exchange(2, Entrance::Public, "POST", path, 200),
        exchange(3, Entrance::Bot, "GET", path, 200),
        login(4, 403),
    ];
    let counted: Vec<u64> = evidence.logins().map(|login| login.seq).collect();
    assert_eq!(counted, [1, 4]);
}

fn message(sender: &str, body: &str) -> Value {
    json!({ "type": "m.room.message", "sender": sender, "content": { "body": body } })
}

fn member(sender: &str, user: &str, membership: &str) -> Value {
    json!({ "type": "m.room.member", "sender": sender, "state_key": user, "content": { "membership": membership } })
}

fn room(id: &str, events: Vec<Value>) -> RoomRecord {
    RoomRecord {
        id: id.to_owned(),
        events,
    }
}

fn vetting(id: &str) -> RoomRecord {
    let create = json!({ "type": "m.room.create", "sender": BOT, "state_key": "", "content": {} });
    room(id, vec![create, member(BOT, "@a:hs", "invite")])
}

#[rstest]
#[case::message_twice(vec![room("!r", vec![message(BOT, "hello"), message(BOT, "hello")])])]
#[case::message_twice_with_another_between(vec![room("!r", vec![message(BOT, "a"), message(BOT, "b"), message(BOT, "a")])])]
#[case::invited_twice(vec![room("!space", vec![member(BOT, "@a:hs", "invite"), member(BOT, "@a:hs", "invite")])])]
#[case::vetted_twice(vec![vetting("!v1"), vetting("!v2")])]
fn what_happened_twice_is_found(#[case] rooms: Vec<RoomRecord>) {
    let mut evidence = sound();
    evidence.after.rooms = rooms;
    let finding = judge("exactly-once", &evidence);
    assert!(!finding.holds, "{finding:?}");
}

#[rstest]
#[case::same_answer_to_two_questions(vec![room("!r", vec![message(BOT, "not yet"), message("@a:hs", "?"), message(BOT, "not yet")])])]
#[case::invited_again_after_leaving(vec![room("!space", vec![
    member(BOT, "@a:hs", "invite"), member("@a:hs", "@a:hs", "leave"), member(BOT, "@a:hs", "invite"),
])])]
#[case::one_vetting(vec![vetting("!v1")])]
fn what_happened_once_is_fine(#[case] rooms: Vec<RoomRecord>) {
    let mut evidence = sound();
    evidence.after.rooms = rooms;
    let finding = judge("exactly-once", &evidence);
    assert!(finding.holds, "{finding:?}");
}
