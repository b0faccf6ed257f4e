//! Requests that fail for a while, for whatever reason.

use std::time::Duration;

use rstest::rstest;

use super::bench::{ANN, Bench, CODE, HAIKU, in_front};
use crate::{
    matrix::{Membership, fake::No},
    storage::queue::{self, Queue},
};

const MINUTE: Duration = Duration::from_secs(60);
const FORBIDDEN: No = No::Refused(403, "M_FORBIDDEN");

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Whatever refuses what is to be said in a room of the bot's own, it is said once that is over.
#[rstest]
#[case::forbidden(FORBIDDEN, false)]
#[case::unknown(No::Refused(404, "M_NOT_FOUND"), false)]
#[case::told_nothing_at_all(FORBIDDEN, true)]
#[tokio::test(start_paused = true)]
async fn a_refusal_in_a_room_of_its_own_is_waited_out(#[case] no: No, #[case] everywhere: bool) {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    if everywhere {
        bench.homeserver.refuse("joined", FORBIDDEN);
    }
    bench.homeserver.refuse("send !made1:hs", no.clone());
    assert_eq!(bench.knocks(ANN, CODE).await, ["create !made1:hs"]);
    let [note] = bench.ready().try_into().unwrap();
    assert!(note.contains("!made1:hs") && note.contains("@bot:hs"), "{note}");
    for _ in 0..5 {
        assert!(bench.after(Duration::from_secs(5)).await.is_empty());
    }
    bench.homeserver.allow("send !made1:hs");
    assert_eq!(
        bench.after(Duration::from_secs(25)).await,
        ["say !made1:hs: hi! to join pond,"]
    );
    assert!(bench.ready().is_empty());

    bench.homeserver.set_member("!made1:hs", ANN, Membership::Joined, "");
    bench.homeserver.refuse("send !made1:hs", no.clone());
    bench.homeserver.refuse("leave !made1:hs", no);
    let done = bench.says(ANN, "!made1:hs", HAIKU).await;
    assert_eq!(in_front(&done), ["invite !space:hs @ann:hs"]);
    bench.homeserver.allow("send !made1:hs");
    let welcome = "say !made1:hs: nice — invited you to pond";
    assert_eq!(bench.after(Duration::from_secs(5)).await, [welcome]);
    bench.homeserver.allow("leave !made1:hs");
    assert_eq!(bench.after(MINUTE).await, ["leave !made1:hs"]);
    assert!(bench.ready().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nothing_waits_for_a_room_of_its_own_that_the_bot_is_out_of() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let room = bench.asked(ANN).await;
    bench.homeserver.refuse("send !made1:hs", FORBIDDEN);
    bench.homeserver.refuse("leave !made1:hs", FORBIDDEN);
    bench.homeserver.set_member(&room, "@bot:hs", Membership::Out, "");
    bench.says(ANN, &room, HAIKU).await;
    assert_eq!(bench.count("SELECT count(*) FROM outbox WHERE done IS NULL").await, 0);
    assert!(bench.ready().is_empty());
}

/// Whatever keeps failing at this or that, also while everything else is well, is said after about 30 s, until it succeeds.
#[rstest]
#[case::no_room("create", No::Unclear, "creation of rooms", "connection")]
#[case::no_room_500("create", No::Refused(500, "M_UNKNOWN"), "creation of rooms", "HTTP 500")]
#[case::stripped("send !made1:hs", No::Refused(401, "M_MISSING_TOKEN"), "messages", "M_MISSING_TOKEN")]
#[case::redirected("send !made1:hs", No::Refused(307, ""), "messages", "redirects")]
#[case::dead("send !made1:hs", No::Refused(401, "M_UNKNOWN_TOKEN"), "messages", "token")]
#[case::wrong_path("send !made1:hs", No::Refused(404, "M_UNRECOGNIZED"), "messages", "M_UNRECOGNIZED")]
#[case::inbox("member !space:hs", No::Unclear, "knocks", "connection")]
#[tokio::test(start_paused = true)]
async fn what_keeps_failing_is_said(#[case] request: &str, #[case] no: No, #[case] kind: &str, #[case] reason: &str) {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    bench.homeserver.refuse(request, no);
    bench.knocks(ANN, CODE).await;
    bench.after(Duration::from_secs(5)).await;
    assert!(bench.ready().is_empty(), "one failure is no news: {:?}", bench.ready());
    bench.after(Duration::from_secs(25)).await;
    let [note] = bench.ready().try_into().unwrap();
    for word in ["approver", kind, reason] {
        assert!(note.contains(word), "{note}");
    }
    bench.homeserver.allow(request);
    bench.work().await;
    assert!(bench.ready().is_empty(), "{:?}", bench.ready());
}

/// Several people wait for the same: it is one note, and it stays until nobody waits.
#[tokio::test(start_paused = true)]
async fn what_fails_for_many_is_one_note() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let (one, other) = (bench.asked(ANN).await, bench.asked("@bob:hs").await);
    let requests = [format!("send {one}"), format!("send {other}")];
    for request in &requests {
        bench.homeserver.refuse(request, No::Unclear);
    }
    bench.says(ANN, &one, "no haiku").await;
    bench.says("@bob:hs", &other, "no haiku").await;
    bench.after(Duration::from_secs(30)).await;
    assert_eq!(bench.ready().len(), 1, "{:?}", bench.ready());
    bench.homeserver.allow(&requests[0]);
    bench.work().await;
    assert_eq!(bench.ready().len(), 1);
    bench.homeserver.allow(&requests[1]);
    bench.work().await;
    assert!(bench.ready().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_row_that_cannot_be_read_is_said() {
    let dir = dir();
    let bench = Bench::new(dir.path()).await;
    let put = bench.store.run(|tx| {
        queue::put(tx, Queue::Inbox, "odd", "odd", &"no step", 0)?;
        queue::put(tx, Queue::Outbox, "odd", "odd", &"no effect", 0)
    });
    put.await.unwrap();
    bench.work().await;
    bench.after(Duration::from_secs(30)).await;
    let notes = bench.ready();
    assert_eq!(notes.len(), 2, "{notes:?}");
}

/// A limit may be lifted long before its time, and whoever is next finds out; the others follow one by one.
#[tokio::test(start_paused = true)]
async fn a_limit_is_over_for_all_once_one_has_come_through() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let hours = No::Limited(Duration::from_secs(3 * 3600));
    bench.homeserver.refuse("create", hours);
    for user in [ANN, "@bob:hs", "@cat:hs"] {
        assert!(bench.knocks(user, CODE).await.is_empty());
        bench.after(Duration::from_secs(5)).await;
    }
    let [note] = bench.ready().try_into().unwrap();
    assert!(note.contains("limits") && note.contains("10800 s"), "{note}");
    bench.homeserver.allow("create");
    // That is when the first is tried again; the others would be later.
    let done = bench.after(Duration::from_secs(46)).await;
    let made = done.iter().filter(|line| line.starts_with("create"));
    assert_eq!(made.count(), 3, "{done:?}");
    assert!(bench.ready().is_empty());
}
