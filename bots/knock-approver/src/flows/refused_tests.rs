//! Requests that fail for a while, for whatever reason.

use std::time::Duration;

use rstest::rstest;

use super::bench::{ANN, Bench, CODE, HAIKU, in_front};
use crate::matrix::{Membership, fake::No};

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
