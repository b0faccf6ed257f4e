//! Knocks, invites and rooms, as they are and not as they should be.

use std::{sync::Arc, time::Duration};

use matrix_sdk::ruma::OwnedRoomId;
use rstest::rstest;
use serde_json::json;

use super::bench::{ANN, Bench, CODE, COMMANDS, FEED, HAIKU, NOTES, SPACE, in_front};
use crate::{
    config::Role,
    matrix::{
        Knock, Membership, Standing,
        fake::{Creation, No},
    },
    outbox::account,
    storage::{lobby, queue},
    work::Step,
};

const MINUTE: Duration = Duration::from_secs(60);
const FORBIDDEN: No = No::Refused(403, "M_FORBIDDEN");

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn powerless() -> Standing {
    Standing {
        membership: Membership::Joined,
        power: 0,
        to_invite: 50,
        to_speak: 0,
    }
}

#[tokio::test(start_paused = true)]
async fn a_knock_leads_to_a_room_and_a_haiku_into_the_space() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    assert_eq!(
        bench.knocks(ANN, CODE).await,
        ["create !made1:hs", "say !made1:hs: hi! to join pond,"]
    );
    assert_eq!(bench.uses().await, 4);
    let done = bench.says(ANN, "!made1:hs", HAIKU).await;
    assert_eq!(
        in_front(&done),
        [
            "invite !space:hs @ann:hs",
            "say !made1:hs: nice — invited you to pond",
            "leave !made1:hs"
        ]
    );
    assert!(done.contains(&"invite !child:hs @ann:hs".to_owned()), "{done:?}");
    assert!(
        done.contains(&"say !feed:hs: 🎉 Ann (@ann:hs) joined pond".to_owned()),
        "{done:?}"
    );
    assert_eq!(done.len(), 5);
}

#[rstest]
#[case::retracted_or_answered(Membership::Out, "")]
#[case::invited(Membership::Invited, "")]
#[case::joined(Membership::Joined, "")]
#[case::banned(Membership::Banned, "")]
#[case::knocks_for_something_else(Membership::Knocking, "another code")]
#[tokio::test(start_paused = true)]
async fn a_knock_that_does_not_stand_brings_nothing(#[case] now: Membership, #[case] reason: &str) {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    bench.homeserver.set_member(SPACE, ANN, now, reason);
    assert!(bench.hears_knock(ANN, CODE).await.is_empty());
    assert!(bench.after(MINUTE).await.is_empty());
    assert_eq!(bench.uses().await, 5, "no use of a code is taken");
    assert_eq!(
        bench
            .count("SELECT count(*) FROM audit WHERE type = 'knock_stale'")
            .await,
        1
    );
    assert_eq!(bench.count("SELECT count(*) FROM inbox WHERE done IS NULL").await, 0);
}

/// Some homeservers send a knock in the sync before it counts.
#[tokio::test(start_paused = true)]
async fn a_knock_may_come_before_it_counts() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    assert!(bench.hears_knock(ANN, CODE).await.is_empty());
    bench.homeserver.set_member(SPACE, ANN, Membership::Knocking, CODE);
    assert_eq!(bench.after(Duration::from_secs(1)).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_knock_retracted_before_the_room_is_made_gives_the_use_back() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    bench.homeserver.refuse("create", No::Unclear);
    assert!(bench.knocks(ANN, CODE).await.is_empty());
    assert_eq!(bench.uses().await, 4);
    bench.homeserver.set_member(SPACE, ANN, Membership::Out, "");
    bench.homeserver.allow("create");
    assert!(bench.work().await.is_empty(), "no room is made");
    assert_eq!(bench.uses().await, 5);
}

#[tokio::test(start_paused = true)]
async fn knocking_again_while_asked_is_no_second_knock() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    bench.knocks(ANN, CODE).await;
    assert!(bench.knocks(ANN, CODE).await.is_empty(), "the invite stands");
    bench.homeserver.set_member("!made1:hs", ANN, Membership::Joined, "");
    assert!(bench.knocks(ANN, CODE).await.is_empty());
    assert_eq!(bench.uses().await, 4);
}

#[tokio::test(start_paused = true)]
async fn a_second_knock_is_served_after_the_first_timed_out() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    bench.asked(ANN).await;
    assert_eq!(bench.after(Duration::from_secs(7201)).await, ["leave !made1:hs"]);
    assert_eq!(bench.knocks(ANN, CODE).await[0], "create !made2:hs");
}

#[tokio::test(start_paused = true)]
async fn a_second_knock_is_served_after_the_person_left_the_room() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let room = bench.asked(ANN).await;
    bench.homeserver.set_member(&room, ANN, Membership::Out, "");
    let done = bench.knocks(ANN, CODE).await;
    assert!(done.contains(&format!("leave {room}")), "{done:?}");
    assert!(done.contains(&"create !made2:hs".to_owned()), "{done:?}");
}

#[rstest]
#[case::declined("leave", Membership::Out)]
#[case::banned("ban", Membership::Banned)]
#[tokio::test(start_paused = true)]
async fn a_knock_that_is_declined_ends_the_asking(#[case] word: &str, #[case] now: Membership) {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let room = bench.asked(ANN).await;
    bench.homeserver.set_member(SPACE, ANN, now, "");
    let declined = json!({
        "type": "m.room.member", "event_id": "$declined", "state_key": ANN, "sender": "@owner:hs",
        "content": { "membership": word }, "unsigned": { "prev_content": { "membership": "knock" } },
    });
    assert_eq!(
        bench.syncs(SPACE, vec![], vec![declined]).await,
        [format!("leave {room}")]
    );
    assert!(
        bench.says(ANN, &room, HAIKU).await.is_empty(),
        "nobody is let in any more"
    );
    assert_eq!(bench.knocks(ANN, CODE).await[0], "create !made2:hs");
}

#[tokio::test(start_paused = true)]
async fn a_knock_is_handled_once_although_the_database_is_lost() {
    let (first, second) = (dir(), dir());
    let mut bench = Bench::new(first.path()).await;
    bench.knocks(ANN, CODE).await;
    let event = bench.store.run(|tx| {
        Ok::<_, crate::storage::StoreError>(tx.query_row("SELECT knock FROM vetting", [], |row| row.get(0))?)
    });
    let knock = Knock {
        user: ANN.try_into().unwrap(),
        event: event.await.unwrap(),
        reason: CODE.to_owned(),
        sent: 0,
    };
    bench.homeserver.state().knocks = vec![knock];
    let again = Bench::with(second.path(), bench.homeserver.clone(), &[]).await;
    let done = again.step("find", "find-knocks", Step::FindKnocks).await;
    assert_eq!(done, ["say !made1:hs: hi! to join pond,"], "the room is there");
    assert!(
        again
            .step("find-again", "find-knocks", Step::FindKnocks)
            .await
            .is_empty()
    );
}

#[rstest]
#[case::of_the_old_vetting(0, false)]
#[case::later(3_600_000, true)]
#[tokio::test(start_paused = true)]
async fn a_knock_that_the_old_approver_handled_is_not_handled_again(#[case] later: i64, #[case] served: bool) {
    let dir = dir();
    let bench = Bench::new(dir.path()).await;
    let began = 1_700_000_000_000_i64;
    let imported = bench.store.run(move |tx| {
        tx.execute(
            "INSERT INTO vetting (mxid, code, room_id, tries_left, created, closed, closed_reason)
             VALUES (?, 'k', '!old:hs', 3, ?, ?, 'timeout')",
            rusqlite::params![ANN, began, began],
        )?;
        Ok::<_, crate::storage::StoreError>(())
    });
    imported.await.unwrap();
    bench.homeserver.set_member(SPACE, ANN, Membership::Knocking, CODE);
    let knock = Knock {
        user: ANN.try_into().unwrap(),
        event: "$knock".to_owned(),
        reason: CODE.to_owned(),
        sent: began - 1000 + later,
    };
    bench.homeserver.state().knocks = vec![knock];
    let done = bench.step("find", "find-knocks", Step::FindKnocks).await;
    assert_eq!(!done.is_empty(), served, "{done:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_of_an_invite_that_did_not_happen() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let room = bench.asked(ANN).await;
    bench.homeserver.refuse("invite !space:hs", FORBIDDEN);
    bench.homeserver.state().standings.insert(SPACE.to_owned(), powerless());
    assert!(bench.says(ANN, &room, HAIKU).await.is_empty());
    assert_eq!(bench.signup_codes().await, 0, "no code is minted for it");
    let [note] = bench.ready().try_into().unwrap();
    for word in [SPACE, "power", "@bot:hs", "50"] {
        assert!(note.contains(word), "{note}");
    }

    bench.homeserver.allow("invite !space:hs");
    assert!(bench.work().await.is_empty(), "nobody knows yet");
    let levels = json!({ "type": "m.room.power_levels", "event_id": "$p", "state_key": "", "content": {} });
    let done = bench.syncs(SPACE, vec![], vec![levels]).await;
    assert_eq!(
        in_front(&done)[..2],
        ["invite !space:hs @ann:hs", "say !made1:hs: nice — invited you to pond"],
        "at once"
    );
    assert_eq!(bench.signup_codes().await, 1);
    assert!(bench.ready().is_empty());
}

/// The sync may leave the cure out, and the bot may have been restarted meanwhile.
#[rstest]
#[case::waited_for(false)]
#[case::restarted(true)]
#[tokio::test(start_paused = true)]
async fn a_cure_that_the_sync_does_not_show_is_found(#[case] restarted: bool) {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let room = bench.asked(ANN).await;
    bench.homeserver.refuse("invite !space:hs", FORBIDDEN);
    bench.homeserver.state().standings.insert(SPACE.to_owned(), powerless());
    bench.says(ANN, &room, HAIKU).await;
    if restarted {
        let homeserver = bench.homeserver.clone();
        bench = Bench::with(dir.path(), homeserver, &[]).await;
        assert!(bench.work().await.is_empty());
        assert_eq!(bench.ready().len(), 1, "it is said again");
    }
    bench.homeserver.allow("invite !space:hs");
    assert_eq!(bench.after(MINUTE).await[0], "invite !space:hs @ann:hs");
    assert!(bench.ready().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_was_banned_meanwhile_is_not_told_to_be_invited() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let room = bench.asked(ANN).await;
    bench.homeserver.refuse("invite !space:hs", FORBIDDEN);
    bench.homeserver.set_member(SPACE, ANN, Membership::Banned, "");
    let done = bench.says(ANN, &room, HAIKU).await;
    assert!(done[0].contains("you cannot be invited"), "{done:?}");
    assert!(done.contains(&format!("leave {room}")), "{done:?}");
    assert!(
        done.iter().any(|line| line.starts_with(&format!("say {NOTES}: ⚠️ "))),
        "{done:?}"
    );
    assert_eq!(bench.signup_codes().await, 0);
    assert!(bench.ready().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_is_a_member_already_is_told_so() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let room = bench.asked(ANN).await;
    bench.homeserver.set_member(SPACE, ANN, Membership::Joined, "");
    let done = bench.says(ANN, &room, HAIKU).await;
    let told = format!("say {room}: you're already in pond — see you in the space.");
    assert_eq!(done, [told, format!("leave {room}")]);
}

#[rstest]
#[case("M_CONSENT_NOT_GIVEN", "terms")]
#[case("M_RESOURCE_LIMIT_EXCEEDED", "limit")]
#[tokio::test(start_paused = true)]
async fn an_account_that_waits_for_a_person_keeps_everything(#[case] errcode: &'static str, #[case] word: &str) {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    bench.homeserver.refuse("create", No::Refused(403, errcode));
    for user in [ANN, "@bob:hs", "@cat:hs"] {
        assert!(bench.knocks(user, CODE).await.is_empty());
    }
    let [note] = bench.ready().try_into().unwrap();
    assert!(note.contains(word) && note.contains("@bot:hs"), "{note}");
    assert_eq!(
        bench
            .count("SELECT count(*) FROM outbox WHERE waits_for = 'account:approver'")
            .await,
        3
    );
    assert_eq!(account(Role::Approver), "account:approver");
    bench.homeserver.allow("create");
    let done = bench.after(Duration::from_secs(15)).await;
    assert_eq!(
        done.iter().filter(|line| line.starts_with("create")).count(),
        3,
        "{done:?}"
    );
    assert!(bench.ready().is_empty());
}

/// Synapse limits invites by default.
#[tokio::test(start_paused = true)]
async fn the_welcome_does_not_wait_for_limited_invites() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let room = bench.asked(ANN).await;
    bench
        .homeserver
        .refuse("invite !child:hs", No::Limited(Duration::from_secs(300)));
    let done = bench.says(ANN, &room, HAIKU).await;
    assert!(
        done.contains(&format!("say {room}: nice — invited you to pond")),
        "{done:?}"
    );
    let [note] = bench.ready().try_into().unwrap();
    assert!(note.contains("limits") && note.contains("300 s"), "{note}");
    bench.homeserver.allow("invite !child:hs");
    assert!(bench.after(Duration::from_secs(299)).await.is_empty());
    assert_eq!(bench.after(Duration::from_secs(1)).await, ["invite !child:hs @ann:hs"]);
    assert!(bench.ready().is_empty());
}

#[rstest]
#[case(Creation::WithoutInvite)]
#[case(Creation::RefusedAndThere)]
#[tokio::test(start_paused = true)]
async fn a_room_counts_as_made_when_the_invite_to_it_stands(#[case] creation: Creation) {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    bench.homeserver.state().creation = creation;
    let done = bench.knocks(ANN, CODE).await;
    assert_eq!(
        done,
        [
            "create !made1:hs",
            "invite !made1:hs @ann:hs",
            "say !made1:hs: hi! to join pond,"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_room_without_its_guest_is_left_and_the_knock_is_kept() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    bench.homeserver.state().creation = Creation::WithoutInvite;
    bench.homeserver.refuse("invite !made", FORBIDDEN);
    assert_eq!(bench.knocks(ANN, CODE).await, ["create !made1:hs", "leave !made1:hs"]);
    assert!(bench.ready()[0].contains("@ann:hs"), "{:?}", bench.ready());
    bench.homeserver.allow("invite !made");
    let done = bench.after(MINUTE).await;
    assert_eq!(done[..2], ["create !made2:hs", "invite !made2:hs @ann:hs"]);
    assert!(bench.ready().is_empty());
    assert_eq!(bench.uses().await, 4, "for one use");
}

/// `BREAKER_MAX_MESSAGES=1`: the challenge is the one message of the window.
#[tokio::test(start_paused = true)]
async fn the_welcome_comes_later_and_before_the_bot_leaves() {
    let dir = dir();
    let settings = [("BREAKER_MAX_MESSAGES", "1"), ("BREAKER_WINDOW_SEC", "20")];
    let mut bench = Bench::with(dir.path(), Arc::default(), &settings).await;
    let room = bench.asked(ANN).await;
    let done = bench.says(ANN, &room, HAIKU).await;
    assert_eq!(in_front(&done), ["invite !space:hs @ann:hs"]);
    assert!(bench.ready()[0].contains(&room), "{:?}", bench.ready());
    let done = bench.after(Duration::from_secs(20)).await;
    assert_eq!(
        done[..2],
        [
            format!("say {room}: nice — invited you to pond"),
            format!("leave {room}")
        ]
    );
    assert!(bench.ready().is_empty(), "{:?}", bench.ready());
}

/// One room is flooded with people; somebody in another one is served at once.
#[tokio::test(start_paused = true)]
async fn a_flooded_room_silences_no_other() {
    let dir = dir();
    let settings = [("BREAKER_MAX_MESSAGES", "10"), ("LOBBY_CHALLENGE_DELAY_SEC", "0")];
    let mut bench = Bench::with(dir.path(), Arc::default(), &settings).await;
    let lobby = OwnedRoomId::try_from("!lobby:hs").unwrap();
    let opened = bench.store.run(|tx| {
        let id = lobby::begin(tx, Role::Approver.name(), "lobby-1", CODE)?;
        lobby::set_room(tx, id, "!lobby:hs")?;
        lobby::set_challenge(tx, id, "Frog", "frog")
    });
    opened.await.unwrap();
    for number in 0..200 {
        let user = format!("@crowd{number}:hs");
        let step = Step::Joined {
            room: lobby.clone(),
            user: user.as_str().try_into().unwrap(),
        };
        let (key, lane) = (format!("join:{number}"), lobby.to_string());
        bench
            .store
            .run(move |tx| queue::put(tx, queue::Queue::Inbox, &key, &lane, &step, 0))
            .await
            .unwrap();
    }
    let done = bench.work().await;
    let said = |room: &str| {
        done.iter()
            .filter(|line| line.starts_with(&format!("say {room}")))
            .count()
    };
    assert_eq!((said(lobby.as_str()), said(NOTES)), (10, 10));
    assert_eq!(
        bench.knocks(ANN, CODE).await,
        ["create !made2:hs", "say !made2:hs: hi! to join pond,"]
    );
}

/// An older copy of the data directory comes back beside a homeserver that has gone on.
#[tokio::test(start_paused = true)]
async fn no_transaction_is_named_twice_although_an_older_copy_comes_back() {
    let (one, copy) = (dir(), dir());
    let bench = Bench::new(one.path()).await;
    bench
        .store
        .run(|tx| crate::storage::notes::set_value(tx, "there", ""))
        .await
        .unwrap();
    let into = copy.path().join(crate::storage::Store::FILE);
    let into = into.to_str().unwrap().to_owned();
    let connection = rusqlite::Connection::open(one.path().join(crate::storage::Store::FILE)).unwrap();
    connection.execute("VACUUM INTO ?", [&into]).unwrap();
    let mut all = Vec::new();
    for path in [one.path(), copy.path()] {
        let mut bench = Bench::with(path, bench.homeserver.clone(), &[]).await;
        let user = format!("@someone{}:hs", all.len());
        bench.homeserver.state().names.insert(user.clone(), "Some".to_owned());
        let room = bench.asked(&user).await;
        bench.says(&user, &room, HAIKU).await;
        let letters = std::mem::take(&mut bench.homeserver.state().letters);
        assert_eq!(letters.len(), 3);
        all.extend(letters.into_iter().map(|letter| letter.transaction));
    }
    let different: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(different.len(), all.len(), "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn a_message_keeps_its_transaction_over_tries() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    bench.homeserver.refuse("send !made1:hs", No::Unclear);
    bench.knocks(ANN, CODE).await;
    let kept = "SELECT count(*) FROM outbox WHERE done IS NULL AND length(transaction_id) = 32 AND tried = 'DEVICE'";
    assert_eq!(bench.count(kept).await, 1);
    let before = bench
        .store
        .run(|tx| {
            Ok::<String, crate::storage::StoreError>(tx.query_row(
                "SELECT transaction_id FROM outbox WHERE done IS NULL",
                [],
                |row| row.get(0),
            )?)
        })
        .await
        .unwrap();
    bench.homeserver.allow("send !made1:hs");
    bench.work().await;
    assert_eq!(bench.homeserver.state().letters[0].transaction, before);
}

#[tokio::test(start_paused = true)]
async fn words_of_strangers_are_shown_and_not_obeyed() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let name = "Ann\n🎉 Eve (@eve:hs) joined pond\u{202e}".to_owned();
    bench.homeserver.state().names.insert(ANN.to_owned(), name);
    let room = bench.asked(ANN).await;
    bench.says(ANN, &room, &format!("@room {HAIKU}")).await;
    let state = bench.homeserver.state();
    for letter in &state.letters {
        assert_eq!(letter.content["m.mentions"], json!({}), "{letter:?}");
    }
    let feed = state.letters.iter().find(|letter| letter.room == FEED).unwrap();
    let body = feed.content["body"].as_str().unwrap();
    assert_eq!(body.lines().filter(|line| line.starts_with('🎉')).count(), 1, "{body}");
    assert!(!body.contains('\u{202e}') && body.contains("@room An old"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn a_room_that_the_bot_was_removed_from_ends_its_flow() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let room = bench.asked(ANN).await;
    bench.homeserver.set_member(&room, "@bot:hs", Membership::Out, "");
    let step = Step::RoomEnded {
        role: Role::Approver,
        room: room.as_str().try_into().unwrap(),
    };
    bench.step("ended:1", "ended:1", step).await;
    assert_eq!(
        bench
            .count("SELECT count(*) FROM vetting WHERE closed_reason = 'bot_removed'")
            .await,
        1
    );
    assert_eq!(bench.count("SELECT count(*) FROM inbox WHERE done IS NULL").await, 0);
    assert_eq!(bench.count("SELECT count(*) FROM outbox WHERE done IS NULL").await, 0);
    assert_eq!(
        bench.knocks(ANN, CODE).await[0],
        "create !made2:hs",
        "a second knock is served"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_whose_key_comes_late_is_heard_when_it_comes() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let room = bench.asked(ANN).await;
    let encrypted = json!({ "type": "m.room.encrypted", "event_id": "$late", "sender": ANN, "content": {} });
    assert!(bench.syncs(&room, vec![], vec![encrypted]).await.is_empty());
    assert!(bench.after(60 * MINUTE).await.is_empty());
    let clear = json!({
        "type": "m.room.message", "event_id": "$late", "sender": ANN, "content": { "msgtype": "m.text", "body": HAIKU },
    });
    bench.homeserver.state().events.insert("$late".to_owned(), clear);
    let hastened = bench.store.run(|tx| queue::hasten(tx, "undecrypted:")).await.unwrap();
    assert_eq!(hastened, 1);
    assert_eq!(bench.work().await[0], "invite !space:hs @ann:hs");
}

/// A command of the past is not obeyed again when the sync position is lost, however old it is.
#[rstest]
#[case::answered(true, 0)]
#[case::said_to_nobody(false, 0)]
#[tokio::test(start_paused = true)]
async fn a_first_sync_brings_no_old_commands(#[case] answered: bool, #[case] minted: usize) {
    let dir = dir();
    let bench = Bench::new(dir.path()).await;
    let create = json!({ "type": "m.room.create", "event_id": "$c", "state_key": "", "content": {} });
    let said = |id: &str, sender: &str, body: &str| {
        json!({
            "type": "m.room.message", "event_id": id, "sender": sender, "origin_server_ts": i64::MAX,
            "content": { "msgtype": "m.text", "body": body },
        })
    };
    let mut timeline = vec![said("$mint", "@owner:hs", "!mint signup")];
    timeline.extend(answered.then(|| said("$answer", "@bot:hs", "http://hs.example/signup?code=abc")));
    bench.syncs(COMMANDS, vec![create], timeline).await;
    assert_eq!(bench.signup_codes().await, minted);
}

/// What is new is decided by the sync, whatever the clocks say.
#[rstest]
#[case(0)]
#[case(i64::MAX)]
#[tokio::test(start_paused = true)]
async fn what_a_later_sync_brings_is_new_whatever_its_date(#[case] dated: i64) {
    let dir = dir();
    let bench = Bench::new(dir.path()).await;
    let command = json!({
        "type": "m.room.message", "event_id": "$mint", "sender": "@owner:hs", "origin_server_ts": dated,
        "content": { "msgtype": "m.text", "body": "!mint signup" },
    });
    bench.syncs(COMMANDS, vec![], vec![command]).await;
    assert_eq!(bench.signup_codes().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_command_said_while_the_bot_was_away_is_obeyed_although_the_position_is_lost() {
    let dir = dir();
    let bench = Bench::new(dir.path()).await;
    let create = json!({ "type": "m.room.create", "event_id": "$c", "state_key": "", "content": {} });
    let said = |id: &str, sender: &str, body: &str| {
        json!({
            "type": "m.room.message", "event_id": id, "sender": sender,
            "content": { "msgtype": "m.text", "body": body },
        })
    };
    let timeline = vec![
        said("$old", "@owner:hs", "!mint signup"),
        said("$answer", "@bot:hs", "http://hs.example/signup?code=abc"),
        said("$new", "@owner:hs", "!mint signup"),
    ];
    bench.syncs(COMMANDS, vec![create], timeline).await;
    assert_eq!(bench.signup_codes().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_quotation_before_a_reply_costs_no_try() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let room = bench.asked(ANN).await;
    let reply = json!({
        "type": "m.room.message", "event_id": "$reply", "sender": ANN,
        "content": {
            "msgtype": "m.text", "body": format!("> <@bot:hs> hi! to join pond,\n> write\n\n{HAIKU}"),
            "m.relates_to": { "m.in_reply_to": { "event_id": "$asked" } },
        },
    });
    assert_eq!(
        bench.syncs(&room, vec![], vec![reply]).await[0],
        format!("invite {SPACE} {ANN}")
    );
}
