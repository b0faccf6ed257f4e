//! A world on a real homeserver, without a bot: the community is what production's is, and its clients see it so.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::time::{Duration, Instant};

use harness::{
    bot::BotCommand,
    check::{self, Checks, Question},
    front_door::Matcher,
    history::{Entry, Event, Record},
    world::{Verdict, World, WorldOptions},
};

const PATIENCE: Duration = Duration::from_secs(15);

async fn world(name: &str) -> World {
    let options = WorldOptions::from_env(name).unwrap();
    World::build_with(options, BotCommand::from_words("true").unwrap())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_community_can_be_knocked_on_invited_to_and_talked_in() {
    let world = world("a_community").await;
    let visitor = world.new_user("visitor").await.unwrap();

    visitor.knock(world.space(), world.knock_code()).await.unwrap();
    let approver = &world.approver().first;
    assert_eq!(
        approver.membership(world.space(), visitor.user_id()).await.unwrap(),
        "knock"
    );

    approver.invite(world.space(), visitor.user_id()).await.unwrap();
    visitor
        .wait_invite("an invite to the space", PATIENCE, |room| room == world.space())
        .await
        .unwrap();
    visitor.join(world.space()).await.unwrap();
    for child in world.children() {
        visitor.join_as_member(child, PATIENCE).await.unwrap();
    }
    let stranger = world.new_user("stranger").await.unwrap();
    let refused = stranger.join(world.child("general").unwrap()).await.unwrap_err();
    assert_eq!(refused.errcode(), "M_FORBIDDEN");

    let knock = Matcher::endpoint("POST", "/knock/*").by(visitor.user_id());
    assert_eq!(world.traffic().count(&knock), 1);
    world.finish(Verdict::Passed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_peers_read_each_other_in_an_encrypted_room() {
    let world = world("two_peers").await;
    let owner = world.owner_peer().await.unwrap();
    let approver = world.peer(&world.approver().first).await.unwrap();

    let sent = owner.say(world.admin_room(), "!help").await.unwrap();
    let read = approver
        .wait_message(world.admin_room(), "the owner's command", PATIENCE, |message| {
            message.event_id == sent
        })
        .await
        .unwrap();
    assert!(read.encrypted);
    assert_eq!(read.body, "!help");
    world.finish(Verdict::Passed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_world_is_built_fast_and_leaves_nothing_behind() {
    let world = world("a_fast_world").await;
    let folder = world.artifacts.folder().to_owned();
    let began = Instant::now();
    world.new_user("visitor").await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(world.finish(Verdict::Passed).await.unwrap().is_none());
    assert!(!folder.exists());
}

/// Whether what was seen turns a check red.
fn is_red(check: &str, event: Event) -> bool {
    let record = Record::of(vec![Entry { at_ms: 0, event }]);
    let findings = Checks::standard().judge(record);
    let finding = findings.into_iter().find(|finding| finding.check == check);
    finding.unwrap().is_broken()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_its_owner_has_not_signed_is_found() {
    let world = world("an_unsigned_device").await;
    let owner = world.owner_peer().await.unwrap();
    let bot = world.peer(&world.approver().first).await.unwrap();
    let (user, device) = (bot.user().user_id(), bot.user().device_id());
    assert!(is_red("trust", check::look_at_trust(&owner, user, device).await));
    assert!(is_red(
        "trust",
        check::look_at_trust(&owner, user, "NOSUCHDEVICE").await
    ));
    bot.make_identity().await.unwrap();
    assert!(!is_red("trust", check::look_at_trust(&owner, user, device).await));
    world.finish(Verdict::Passed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_is_deaf_or_answers_in_cleartext_is_found() {
    let world = world("a_deaf_bot").await;
    let owner = world.owner_peer().await.unwrap();
    let bot = world.peer(&world.approver().first).await.unwrap();
    owner
        .see_member(world.admin_room(), bot.user().user_id(), PATIENCE)
        .await
        .unwrap();
    let question = |words| Question {
        room: world.admin_room(),
        words,
        bot: bot.user().user_id(),
        expected: &["pong"],
    };
    let deaf = check::ask(&owner, question("first"), Duration::from_secs(1)).await;
    assert!(is_red("encrypted-round-trip", deaf));

    let heard = async |words: &str| {
        bot.wait_message(world.admin_room(), words, PATIENCE, |message| message.body == words)
            .await
            .unwrap();
    };
    let open = async {
        heard("second").await;
        world.approver().first.say(world.admin_room(), "pong").await.unwrap();
    };
    let (open, ()) = tokio::join!(check::ask(&owner, question("second"), PATIENCE), open);
    assert!(is_red("encrypted-round-trip", open));

    let encrypted = async {
        heard("third").await;
        bot.say(world.admin_room(), "pong").await.unwrap();
    };
    let (encrypted, ()) = tokio::join!(check::ask(&owner, question("third"), PATIENCE), encrypted);
    assert!(!is_red("encrypted-round-trip", encrypted));
    world.finish(Verdict::Passed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_cannot_be_read_any_more_is_found() {
    let world = world("a_lost_history").await;
    let owner = world.owner_peer().await.unwrap();
    let said = owner.say(world.admin_room(), "remember this").await.unwrap();
    world.remember(world.admin_room(), &said);
    // The bot has never run: there is neither a backup nor a recovery key.
    let looked = check::read_back(&world, Duration::from_secs(1)).await;
    assert!(check::history(&looked).is_broken());
    assert!(is_red("history-readable", looked));
    world.finish(Verdict::Passed).await.unwrap();
}
