//! Crowds, and people who come again and again.

use std::{sync::Arc, time::Duration};

use super::bench::{ANN, Bench, CODE, COMMANDS, FEED, HAIKU, NOTES, SPACE, in_front};
use crate::{
    config::Role,
    matrix::Membership,
    storage::{lobby, queue},
    work::Step,
};

const LOBBY: &str = "!lobby:hs";

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

async fn bench(dir: &tempfile::TempDir, most: &str) -> Bench {
    let settings = [("BREAKER_MAX_MESSAGES", most), ("LOBBY_CHALLENGE_DELAY_SEC", "0")];
    let bench = Bench::with(dir.path(), Arc::default(), &settings).await;
    let opened = bench.store.run(|tx| {
        let id = lobby::begin(tx, Role::Approver.name(), "lobby-1", CODE)?;
        lobby::set_room(tx, id, LOBBY)?;
        lobby::set_challenge(tx, id, "Frog", "frog")
    });
    opened.await.unwrap();
    bench.homeserver.set_member(LOBBY, "@bot:hs", Membership::Joined, "");
    bench
}

fn member(number: usize) -> String {
    format!("@crowd{number}:hs")
}

/// So many strangers join the lobby.
async fn crowd(bench: &Bench, count: usize) -> Vec<String> {
    for number in 0..count {
        bench
            .homeserver
            .set_member(LOBBY, &member(number), Membership::Joined, "");
        let step = Step::Joined {
            room: LOBBY.try_into().unwrap(),
            user: member(number).as_str().try_into().unwrap(),
        };
        let key = format!("join:{number}");
        let put = bench
            .store
            .run(move |tx| queue::put(tx, queue::Queue::Inbox, &key, LOBBY, &step, 0));
        put.await.unwrap();
    }
    bench.work().await
}

fn said<'a>(done: &'a [String], room: &str) -> Vec<&'a str> {
    let start = format!("say {room}: ");
    done.iter().filter_map(|line| line.strip_prefix(&start)).collect()
}

/// One room is flooded with people; somebody in another one is served at once, and the operators can still command.
#[tokio::test(start_paused = true)]
async fn a_flooded_room_silences_no_other() {
    let dir = dir();
    let mut bench = bench(&dir, "10").await;
    let done = crowd(&bench, 200).await;
    assert_eq!((said(&done, LOBBY).len(), said(&done, NOTES).len()), (10, 8));
    assert_eq!(
        bench.knocks(ANN, CODE).await,
        ["create !made1:hs", "say !made1:hs: hi! to join pond,"]
    );
    assert!(
        !bench.ready().iter().any(|note| note.contains(NOTES)),
        "{:?}",
        bench.ready()
    );
    let reply = bench.says("@admin:hs", COMMANDS, "!help").await;
    assert_eq!(said(&reply, COMMANDS).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_crowd_is_asked_together_and_told_of_in_one_note() {
    let dir = dir();
    let bench = bench(&dir, "1000").await;
    let done = crowd(&bench, 200).await;
    let asked = said(&done, LOBBY);
    assert_eq!(
        asked.iter().filter(|text| text.starts_with("hi @crowd")).count(),
        8,
        "{asked:?}"
    );
    assert_eq!(
        asked.iter().filter(|text| text.starts_with("hi everybody!")).count(),
        4,
        "{asked:?}"
    );
    let notes = said(&done, NOTES);
    assert_eq!(
        notes.iter().filter(|text| text.contains("people started")).count(),
        1,
        "{notes:?}"
    );
    assert_eq!(notes.len(), 9, "{notes:?}");
    let later = bench.after(Duration::from_secs(3600)).await;
    assert_eq!(
        said(&later, LOBBY).len(),
        8,
        "who never answered is asked once more, and no crowd"
    );
}

/// Nobody of a crowd is left out, and whoever passes does not wait for what the others are told.
#[tokio::test(start_paused = true)]
async fn the_last_of_a_crowd_is_let_in_at_once() {
    let dir = dir();
    let mut bench = bench(&dir, "10").await;
    crowd(&bench, 200).await;
    let last = member(199);
    bench.homeserver.state().names.insert(last.clone(), "Last".to_owned());
    for number in 100..150 {
        bench.says(&member(number), LOBBY, "no haiku").await;
    }
    let done = bench.says(&last, LOBBY, HAIKU).await;
    assert_eq!(
        in_front(&done),
        [format!("invite {SPACE} {last}")],
        "it does not wait behind replies"
    );
    let done = bench.after(Duration::from_secs(61)).await;
    assert_eq!(
        done[..2],
        [
            format!("say {LOBBY}: nice — invited you to pond. see you in the space."),
            format!("leave {LOBBY}")
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_note_on_a_lobby_that_failed_names_few() {
    let dir = dir();
    let bench = bench(&dir, "1000").await;
    crowd(&bench, 2000).await;
    let failed = bench.store.run(|tx| {
        let id = lobby::in_room(tx, LOBBY)?.unwrap().id;
        queue::put(tx, queue::Queue::Inbox, "late", LOBBY, &Step::LobbyTimeout { id }, 0)
    });
    failed.await.unwrap();
    let done = bench.work().await;
    let [note] = said(&done, NOTES).try_into().unwrap();
    assert!(
        note.starts_with("⚠️ lobby failed for @crowd0:hs, ") && note.contains("@crowd7:hs and 1992 more"),
        "{note}"
    );
    assert!(note.len() < 1000 && note.contains("reason=timeout"), "{note}");
}

/// Who knocks, leaves and knocks again makes no room each time.
#[tokio::test(start_paused = true)]
async fn who_knocks_again_and_again_waits() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let more = bench.store.run(|tx| {
        tx.execute("UPDATE code SET uses_remaining = 100", [])?;
        Ok::<_, crate::storage::StoreError>(())
    });
    more.await.unwrap();
    let mut made = 0;
    for _ in 0..20 {
        let done = bench.knocks(ANN, CODE).await;
        made += done.iter().filter(|line| line.starts_with("create")).count();
        let room = format!("!made{made}:hs");
        bench.homeserver.set_member(&room, ANN, Membership::Out, "");
        tokio::time::advance(Duration::from_secs(10)).await;
    }
    assert_eq!(made, 6);
    let others = bench.knocks("@bob:hs", CODE).await;
    assert!(others.contains(&"create !made7:hs".to_owned()), "{others:?}");
    let later = bench.after(Duration::from_secs(3600)).await;
    let made = later.iter().filter(|line| line.starts_with("create")).count();
    assert_eq!(made, 1, "who still knocks is served then: {later:?}");
    assert!(later.iter().all(|line| !line.contains(FEED)));
}
