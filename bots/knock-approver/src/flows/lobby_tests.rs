//! Whoever asks for a lobby is told what is true.

use std::{pin::pin, time::Duration};

use futures_util::poll;

use super::{
    bench::{Bench, CODE},
    lobby::OpenError,
};
use crate::{
    outcome::{Made, Purpose},
    work::Step,
};

/// The HTTP side answers after this, whatever comes.
const HTTP_DEADLINE: Duration = Duration::from_secs(50);

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
