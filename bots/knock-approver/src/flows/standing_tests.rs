//! Knocks that stand, or do not, after the bot was away or its database was put back.

use std::{path::Path, time::Duration};

use rstest::rstest;
use serde_json::{Value, json};

use super::bench::{ANN, Bench, CODE, HAIKU, SPACE};
use crate::{
    matrix::{Knock, Membership, fake::No},
    storage::Store,
    work::Step,
};

const TIMEOUT: Duration = Duration::from_secs(2 * 3600);

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn knock_event(event: &str) -> Value {
    json!({
        "type": "m.room.member", "event_id": event, "state_key": ANN, "sender": ANN,
        "content": { "membership": "knock", "reason": CODE },
    })
}

fn standing(event: &str, user: &str) -> Knock {
    Knock {
        user: user.try_into().unwrap(),
        event: event.to_owned(),
        reason: CODE.to_owned(),
        sent: 0,
    }
}

/// Copies the database as it is now.
fn copied(from: &Path, to: &Path) {
    let source = rusqlite::Connection::open(from.join(Store::FILE)).unwrap();
    let target = to.join(Store::FILE);
    source.execute("VACUUM INTO ?", [target.to_str().unwrap()]).unwrap();
}

/// The folder is put back as it was before the knock: the sync brings the knock once more.
#[rstest]
#[case::out_of_time(true)]
#[case::still_asked(false)]
#[tokio::test(start_paused = true)]
async fn a_knock_is_handled_once_although_an_older_database_is_put_back(#[case] to_the_end: bool) {
    let (first, older) = (dir(), dir());
    let mut bench = Bench::new(first.path()).await;
    copied(first.path(), older.path());
    let room = bench.asked(ANN).await;
    let knock = bench.knock_of(ANN).await;
    bench.homeserver.state().knocks = vec![standing(&knock, ANN)];
    if to_the_end {
        assert_eq!(bench.after(TIMEOUT).await, [format!("leave {room}")]);
    }

    let restored = Bench::with(older.path(), bench.homeserver.clone(), &[]).await;
    let done = restored.catches_up(SPACE, vec![knock_event(&knock)]).await;
    let asked_there = format!("say {room}: hi! to join pond,");
    match to_the_end {
        true => assert!(done.is_empty(), "asked again: {done:?}"),
        false => assert_eq!(done, [asked_there], "the room is there"),
    }
    assert_eq!(restored.uses().await, if to_the_end { 5 } else { 4 });
    assert!(restored.step("find", "find-knocks", Step::FindKnocks).await.is_empty());
}

/// The copy was made while the room was about to be made.
#[tokio::test(start_paused = true)]
async fn a_room_that_was_about_to_be_made_when_the_copy_was_is_found() {
    let (first, older) = (dir(), dir());
    let mut bench = Bench::new(first.path()).await;
    bench.homeserver.refuse("member !space:hs", No::Unclear);
    assert!(bench.knocks(ANN, CODE).await.is_empty());
    bench.homeserver.allow("member !space:hs");
    // From here on the room alone is missing.
    bench.take_in().await;
    copied(first.path(), older.path());
    assert_eq!(bench.work().await[0], "create !made1:hs");
    let restored = Bench::with(older.path(), bench.homeserver.clone(), &[]).await;
    assert_eq!(restored.work().await, ["say !made1:hs: hi! to join pond,"]);
}

/// Someone said no while the bot was not there to hear it, or the sync left it out.
#[rstest]
#[case::declined(Membership::Out)]
#[case::banned(Membership::Banned)]
#[tokio::test(start_paused = true)]
async fn whoever_is_declined_unheard_is_not_let_in(#[case] now: Membership) {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let room = bench.asked(ANN).await;
    bench.homeserver.set_member(SPACE, ANN, now, "");
    assert_eq!(bench.says(ANN, &room, HAIKU).await, [format!("leave {room}")]);
    assert_eq!(bench.signup_codes().await, 0);
    let withdrawn = "SELECT count(*) FROM vetting WHERE closed_reason = 'withdrawn' AND promoted IS NULL";
    assert_eq!(bench.count(withdrawn).await, 1);
}

/// The same between the haiku and an invite that had to wait.
#[rstest]
#[case::declined(Membership::Out)]
#[case::banned(Membership::Banned)]
#[tokio::test(start_paused = true)]
async fn whoever_is_declined_while_the_invite_waits_is_not_let_in(#[case] now: Membership) {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let room = bench.asked(ANN).await;
    bench.homeserver.refuse("invite !space:hs", No::Limited(TIMEOUT));
    assert!(bench.says(ANN, &room, HAIKU).await.is_empty());
    bench.homeserver.set_member(SPACE, ANN, now, "");
    bench.homeserver.allow("invite !space:hs");
    assert_eq!(bench.after(TIMEOUT).await, [format!("leave {room}")]);
    assert_eq!(bench.signup_codes().await, 0);
}

/// Where the sync leaves things out, those who are asked are compared with those who knock.
#[rstest]
#[case::declined(Membership::Out, true)]
#[case::banned(Membership::Banned, true)]
#[case::invited_meanwhile(Membership::Invited, false)]
#[case::knocking(Membership::Knocking, false)]
#[tokio::test(start_paused = true)]
async fn a_look_at_the_knocks_finds_who_knocks_no_more(#[case] now: Membership, #[case] ends: bool) {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let room = bench.asked(ANN).await;
    bench.homeserver.set_member(SPACE, ANN, now, "");
    let done = bench.step("find", "find-knocks", Step::FindKnocks).await;
    assert_eq!(
        done,
        ends.then(|| format!("leave {room}")).into_iter().collect::<Vec<_>>()
    );
}

/// The whole of a room leaves out who has knocked and does so no more.
#[rstest]
#[case::whole(true)]
#[case::a_part(false)]
#[tokio::test(start_paused = true)]
async fn the_knocks_are_looked_at_where_the_space_shows_itself_as_a_whole(#[case] whole: bool) {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let room = bench.asked(ANN).await;
    bench.homeserver.set_member(SPACE, ANN, Membership::Out, "");
    let kind = if whole { "m.room.create" } else { "m.room.topic" };
    let state = json!({ "type": kind, "event_id": "$state", "state_key": "", "content": {} });
    let done = bench.syncs(SPACE, vec![state], vec![]).await;
    assert_eq!(
        done,
        whole.then(|| format!("leave {room}")).into_iter().collect::<Vec<_>>()
    );
}
