//! What overtakes nothing, floods nobody, and is said and heard once.

use std::{sync::Arc, time::Duration};

use rstest::rstest;
use serde_json::json;

use super::bench::{ANN, Bench, CODE, COMMANDS, FEED, HAIKU, SPACE, in_front};
use crate::{
    config::Role,
    matrix::{Membership, fake::No},
    storage::queue,
    work::Step,
};

const MINUTE: Duration = Duration::from_secs(60);

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
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

/// The room is given up while a message to it waits for the breaker.
#[tokio::test(start_paused = true)]
async fn the_breaker_is_said_no_longer_than_it_is_open() {
    let dir = dir();
    let settings = [("BREAKER_MAX_MESSAGES", "1"), ("BREAKER_WINDOW_SEC", "20")];
    let mut bench = Bench::with(dir.path(), Arc::default(), &settings).await;
    let room = bench.asked(ANN).await;
    bench.says(ANN, &room, "no haiku").await;
    assert_eq!(bench.ready().len(), 1);
    let lane = room.clone();
    let cancelled = bench
        .store
        .run(move |tx| queue::cancel_lane(tx, queue::Queue::Outbox, &lane));
    assert_eq!(cancelled.await.unwrap(), 1);
    bench.watch_breaker();
    tokio::time::sleep(Duration::from_secs(21)).await;
    assert!(bench.ready().is_empty(), "{:?}", bench.ready());
}

/// An older copy of the data directory comes back beside a homeserver that has gone on.
#[tokio::test(start_paused = true)]
async fn no_transaction_is_named_twice_although_an_older_copy_comes_back() {
    let (one, copy) = (dir(), dir());
    let bench = Bench::new(one.path()).await;
    bench
        .store
        .run(|tx| crate::storage::facts::set_value(tx, "there", ""))
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

/// Homeservers let all but two characters into the name of an account.
#[tokio::test(start_paused = true)]
async fn the_id_of_a_stranger_is_one_line_wherever_it_is_told() {
    const EVE: &str = "@eve\n🎉 Bob joined pond\u{202e}\u{1b}[31m\u{200b}:hs";
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    bench.homeserver.state().names.insert(EVE.to_owned(), "Eve".to_owned());
    let room = bench.asked(EVE).await;
    bench.says(EVE, &room, HAIKU).await;
    let lobby = bench.store.run(|tx| {
        let id = crate::storage::lobby::begin(tx, "approver", "lobby-1", "live")?;
        crate::storage::lobby::set_room(tx, id, "!lobby:hs")?;
        crate::storage::lobby::set_challenge(tx, id, "Frog", "frog")
    });
    lobby.await.unwrap();
    bench.homeserver.state().names.remove(EVE);
    bench
        .homeserver
        .set_member("!lobby:hs", EVE, crate::matrix::Membership::Joined, "");
    let joined = json!({
        "type": "m.room.member", "event_id": "$join", "state_key": EVE, "sender": EVE, "content": { "membership": "join" },
    });
    bench.syncs("!lobby:hs", vec![], vec![joined]).await;
    bench.after(Duration::from_secs(6)).await;
    bench.says(EVE, "!lobby:hs", "no haiku").await;
    bench.step("late", "!lobby:hs", Step::LobbyTimeout { id: 1 }).await;
    bench.says("@admin:hs", "!commands:hs", "!codes").await;
    let state = bench.homeserver.state();
    assert!(state.letters.len() >= 8, "{:?}", state.letters);
    for letter in &state.letters {
        let body = letter.content["body"].as_str().unwrap();
        let is_forged = body.contains("\n🎉 Bob") || body.contains(['\u{202e}', '\u{1b}', '\u{200b}']);
        assert!(!is_forged, "{body:?}");
    }
}
