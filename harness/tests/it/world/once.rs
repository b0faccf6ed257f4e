//! What is said twice is found in real rooms: in one that the bot has left, and in one whose messages are encrypted.

use knockproof_harness::{
    check::{Checks, Finding},
    client::{NewRoom, Peer, User},
    world::{Verdict, World},
};
use rstest::rstest;

use super::{room, world};

const TWICE: [&str; 2] = ["welcome", "welcome"];
const ONCE: [&str; 2] = ["welcome", "be well"];

/// The bot's session at the bot's entrance: what is done with it is recorded as the bot's.
fn bot(world: &World) -> User {
    let first = &world.account().first;
    let base = world.front_door.bot_url();
    User::from_session(
        base,
        first.user_id(),
        first.device_id(),
        first.token(),
        first.password(),
    )
}

/// What the check makes of all that was seen.
async fn judged(mut world: World) -> Finding {
    world.conclude().await.unwrap();
    let record = world.artifacts.history().record().unwrap();
    world.finish(Verdict::Passed).await.unwrap();
    let findings = Checks::standard().judge(record);
    let found = findings.into_iter().find(|finding| finding.check == "exactly-once");
    found.unwrap()
}

fn is_said(finding: &Finding, broken: bool) {
    assert_eq!(finding.is_broken(), broken, "{finding:?}");
    let seen = match broken {
        true => "said twice in",
        false => "none twice",
    };
    assert!(finding.evidence.contains(seen), "{finding:?}");
}

#[rstest]
#[case::twice(TWICE, true)]
#[case::once(ONCE, false)]
#[tokio::test(flavor = "multi_thread")]
async fn in_a_room_that_the_bot_has_left(#[case] words: [&str; 2], #[case] broken: bool) {
    let world = world("said_in_a_room_that_was_left").await;
    let (bot, visitor) = (bot(&world), world.new_user("visitor").await.unwrap());
    let left = NewRoom::preset("private_chat").invite([visitor.user_id()]);
    let left = bot.create_room(&left).await.unwrap();
    visitor.join(&left).await.unwrap();
    for words in words {
        bot.say(&left, words).await.unwrap();
    }
    bot.leave(&left).await.unwrap();
    is_said(&judged(world).await, broken);
}

#[rstest]
#[case::twice(TWICE, true)]
#[case::once(ONCE, false)]
#[tokio::test(flavor = "multi_thread")]
async fn in_encrypted_messages_that_a_witness_reads(#[case] words: [&str; 2], #[case] broken: bool) {
    let mut world = world("said_in_encrypted_messages").await;
    world.bring_witness().await.unwrap();
    let bot = Peer::with_session(bot(&world)).await.unwrap();
    for words in words {
        bot.say(room(&world), words).await.unwrap();
    }
    is_said(&judged(world).await, broken);
}
