//! A world on a real homeserver, without a bot: the community is what production's is, and its clients see it so.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::time::{Duration, Instant};

use harness::{
    bot::BotCommand,
    front_door::Matcher,
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
