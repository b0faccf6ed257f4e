//! Knocks, invites and rooms, as they are and not as they should be.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;

use super::bench::{ANN, Bench, CODE, COMMANDS, HAIKU, NOTES, SPACE, in_front};
use crate::{
    config::Role,
    matrix::{
        Knock, Membership, Standing,
        fake::{Creation, No},
    },
    outbox::account,
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
    assert!(bench.is_blocked(), "nobody is let in without the space");

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
    assert_eq!(bench.says(ANN, &room, HAIKU).await, [format!("leave {room}")]);
    assert_eq!(bench.signup_codes().await, 0);
    assert!(bench.ready().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_audit_tells_no_code() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let secret = "k3y-of-somebody";
    bench.says("@admin:hs", COMMANDS, &format!("!revoke {secret}")).await;
    bench.says("@admin:hs", COMMANDS, "!mint signup -n 3 friends").await;
    bench.knocks("@eve:hs", secret).await;
    let room = bench.asked(ANN).await;
    bench.says(ANN, &room, HAIKU).await;
    let entries = "SELECT count(*) FROM audit";
    assert!(bench.count(entries).await >= 5);
    let codes = "SELECT count(*) FROM audit, (SELECT code FROM code UNION SELECT 'k3y-of-somebody') AS known \
                 WHERE instr(detail, known.code)";
    assert_eq!(bench.count(codes).await, 0);
}

/// The database is lost while knocks stand: who was asked to the end is not asked again, who was not is served.
#[rstest]
#[case::out_of_time(None)]
#[case::out_of_tries(Some("no haiku"))]
#[tokio::test(start_paused = true)]
async fn who_was_asked_to_the_end_is_not_asked_again_by_a_new_database(#[case] answer: Option<&str>) {
    let (first, second) = (dir(), dir());
    let mut bench = Bench::new(first.path()).await;
    let room = bench.asked(ANN).await;
    let knock = bench.knock_of(ANN).await;
    let standing = |event: &str, user: &str| Knock {
        user: user.try_into().unwrap(),
        event: event.to_owned(),
        reason: CODE.to_owned(),
        sent: 0,
    };
    bench.homeserver.state().knocks = vec![standing(&knock, ANN), standing("$other", "@bob:hs")];
    bench.homeserver.state().answered = ["$gone".to_owned()].into();
    match answer {
        None => drop(bench.after(Duration::from_secs(2 * 3600)).await),
        Some(text) => {
            for _ in 0..3 {
                bench.says(ANN, &room, text).await;
            }
        }
    }
    assert_eq!(
        bench.homeserver.state().answered,
        [knock].into(),
        "what does not stand is not kept"
    );

    let homeserver = bench.homeserver.clone();
    homeserver.set_member(SPACE, "@bob:hs", Membership::Knocking, CODE);
    let anew = Bench::with(second.path(), homeserver, &[]).await;
    let done = anew.step("find", "find-knocks", Step::FindKnocks).await;
    assert_eq!(
        done.iter().filter(|line| line.starts_with("create")).count(),
        1,
        "{done:?}"
    );
    assert_eq!(
        anew.count("SELECT count(*) FROM vetting WHERE mxid = '@bob:hs'").await,
        1
    );
}

/// A module of the homeserver may forbid what power and membership allow: its operator can lift that, however late.
#[tokio::test(start_paused = true)]
async fn a_refusal_without_a_reason_that_shows_is_kept() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let room = bench.asked(ANN).await;
    bench.homeserver.refuse("invite !space:hs", FORBIDDEN);
    assert!(bench.says(ANN, &room, HAIKU).await.is_empty());
    for _ in 0..24 {
        assert!(bench.after(60 * MINUTE).await.is_empty(), "nobody is turned away");
    }
    let [note] = bench.ready().try_into().unwrap();
    assert!(note.contains(SPACE) && note.contains("module"), "{note}");
    assert!(!bench.is_blocked(), "others are let in");
    bench.homeserver.allow("invite !space:hs");
    assert_eq!(bench.after(60 * MINUTE).await[0], "invite !space:hs @ann:hs");
    assert!(bench.ready().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_is_gone_from_the_homeserver_is_not_waited_for() {
    let dir = dir();
    let mut bench = Bench::new(dir.path()).await;
    let room = bench.asked(ANN).await;
    bench
        .homeserver
        .refuse("invite !space:hs", No::Refused(404, "M_NOT_FOUND"));
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
#[case("M_USER_SUSPENDED", "suspended")]
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
    assert_eq!(bench.after(MINUTE).await, ["invite !child:hs @ann:hs"], "lifted early");
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
