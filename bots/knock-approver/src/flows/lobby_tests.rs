//! Whoever asks for a lobby is told what is true.

use std::{pin::pin, time::Duration};

use futures_util::poll;
use serde_json::json;

use super::{
    bench::{ANN, Bench, CODE},
    lobby::OpenError,
};
use crate::{
    matrix::Membership,
    outcome::{Made, Purpose},
    storage::lobby,
    work::Step,
};

/// The HTTP side answers after this, whatever comes.
const HTTP_DEADLINE: Duration = Duration::from_secs(50);

const LOBBY: &str = "!lobby:hs";

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// The homeserver takes its time to make a room.
#[tokio::test]
async fn whoever_is_told_of_no_lobby_finds_none_later_and_keeps_the_use() {
    let dir = dir();
    let bench = Bench::new(dir.path()).await;
    let mut open = pin!(bench.flows.open_lobby(CODE.to_owned()));
    while bench.count("SELECT count(*) FROM outbox").await == 0 {
        assert!(poll!(&mut open).is_pending());
    }
    // From here on nothing is to be had of the database.
    tokio::time::pause();
    assert!(poll!(&mut open).is_pending());
    tokio::time::advance(HTTP_DEADLINE.saturating_sub(Duration::from_secs(5))).await;
    tokio::time::resume();
    let opened = tokio::time::timeout(Duration::from_secs(3), open).await;
    assert!(
        matches!(opened, Ok(Err(OpenError::Unavailable))),
        "still waiting for it: {opened:?}"
    );
    assert_eq!(bench.uses().await, 5);
    assert!(bench.work().await.is_empty(), "no room is made for nobody");
    let made = Made {
        purpose: Purpose::Lobby {
            id: 1,
            alias: "alias".to_owned(),
        },
        room: Ok("!late:hs".try_into().unwrap()),
    };
    let done = bench.step("late", "!late:hs", Step::Made(made)).await;
    assert_eq!(done, ["leave !late:hs"], "the one that was being made is left");
}

/// The identity dies between the room and the answer.
#[tokio::test]
async fn a_lobby_needs_no_identity_to_be_told_of() {
    let dir = dir();
    let bench = Bench::new(dir.path()).await;
    let mut open = pin!(bench.flows.open_lobby(CODE.to_owned()));
    while bench.count("SELECT count(*) FROM outbox").await == 0 {
        assert!(poll!(&mut open).is_pending());
    }
    let (opened, _) = tokio::join!(tokio::time::timeout(Duration::from_secs(10), open), async {
        // The flows hear of the room when nobody serves any more.
        bench.send().await;
        bench.homeserver.state().absent = true;
        bench.take_in().await;
    });
    let opened = opened.unwrap().unwrap();
    assert!(opened.alias.ends_with(":hs"), "{}", opened.alias);
    assert_eq!(opened.room, "!made1:hs");
}

/// A join is what an event said then: nobody is asked, or told of, who has left before their turn.
#[tokio::test(start_paused = true)]
async fn who_has_left_before_being_asked_is_asked_when_they_come_again() {
    let dir = dir();
    let bench = Bench::new(dir.path()).await;
    let opened = bench.store.run(|tx| {
        let id = lobby::begin(tx, "approver", "lobby-1", CODE)?;
        lobby::set_room(tx, id, LOBBY)?;
        lobby::set_challenge(tx, id, "Frog", "frog")
    });
    opened.await.unwrap();
    let joins = |id: &str| {
        json!({
            "type": "m.room.member", "event_id": id, "state_key": ANN, "sender": ANN, "content": { "membership": "join" },
        })
    };
    bench.homeserver.set_member(LOBBY, ANN, Membership::Out, "");
    bench.syncs(LOBBY, vec![], vec![joins("$one")]).await;
    assert!(bench.after(Duration::from_secs(7)).await.is_empty());
    assert!(bench.after(Duration::from_secs(121)).await.is_empty());

    bench.homeserver.set_member(LOBBY, ANN, Membership::Joined, "");
    bench.syncs(LOBBY, vec![], vec![joins("$two")]).await;
    let done = bench.after(Duration::from_secs(6)).await;
    assert!(
        done.contains(&format!("say {LOBBY}: hi Ann! to join pond,")),
        "{done:?}"
    );

    bench.homeserver.set_member(LOBBY, ANN, Membership::Out, "");
    assert!(
        bench.after(Duration::from_secs(121)).await.is_empty(),
        "nobody is there to be asked again"
    );
}
