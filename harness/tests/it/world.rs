//! A world on a real homeserver, without a bot: what people's clients see of it.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod once;

use std::time::{Duration, Instant};

use knockproof_harness::{
    bot::{self, BotCommand},
    check::{self, Checks, Question},
    contract::Contract,
    history::{Entry, Event, Record},
    homeserver::Choice,
    world::{self, Verdict, World, WorldOptions},
};

const PATIENCE: Duration = Duration::from_secs(15);

const CONTRACT: &str = r#"
name = "nobody"
command = "true"
ready = { log = "up" }
ping.encrypted = { say = "!help", expect = "help" }
identities = [{ name = "bot", localpart = "bot" }]
state = { recovery_key = "recovery_key" }
capabilities = { encryption = true, cross_signing = true, backup = true }
"#;

async fn world(name: &str) -> World {
    let options = WorldOptions::from_env(name).unwrap();
    let contract = Contract::from_toml(CONTRACT).unwrap();
    World::build_with(options, contract.into(), BotCommand::new("true", [""; 0]))
        .await
        .unwrap()
}

fn room(world: &World) -> &str {
    world.rooms().encrypted.as_deref().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_peers_read_each_other_in_an_encrypted_room() {
    let world = world("two_peers").await;
    let owner = world.owner_peer().await.unwrap();
    let bot = world.peer(&world.account().first).await.unwrap();

    let sent = owner.say(room(&world), "!help").await.unwrap();
    let read = bot
        .wait_message(room(&world), "the owner's command", PATIENCE, |message| {
            message.event_id == sent
        })
        .await
        .unwrap();
    assert!(read.encrypted);
    assert_eq!(read.body, "!help");
    world.finish(Verdict::Passed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_ends_is_not_waited_for() {
    let mut world = world("one_that_ends").await;
    world.bot.start().await.unwrap();
    let began = Instant::now();
    let refused = world.ping(PATIENCE).await.unwrap_err();
    assert!(
        matches!(&refused, world::Error::Bot(bot::Error::Ended { .. })),
        "{refused}"
    );
    assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
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

#[tokio::test(flavor = "multi_thread")]
async fn a_world_has_the_line_that_repeats_its_test() {
    let world = world("a_world_to_repeat").await;
    let line = std::fs::read_to_string(world.artifacts.path("replay")).unwrap();
    let words = shlex::split(&line).unwrap();
    let homeserver = Choice::Exactly(world.selection.flavor, world.selection.driver);
    assert!(words.contains(&format!("KNOCKPROOF_HOMESERVER={homeserver}")), "{line}");
    assert!(words.contains(&format!("KNOCKPROOF_SEED={}", world.seed())), "{line}");
    let is_set = |word: &&String| {
        word.split_once('=')
            .is_some_and(|(name, _)| name.starts_with("KNOCKPROOF_"))
    };
    let command: Vec<&String> = words.iter().skip_while(is_set).collect();
    match std::env::var("NEXTEST_TEST_NAME") {
        Ok(name) => assert!(
            name.ends_with("repeats_its_test") && command[5].ends_with(&format!("test(={name})")),
            "{line}"
        ),
        Err(_) => assert_eq!(*command[0], std::env::args().next().unwrap()),
    }
    world.finish(Verdict::Passed).await.unwrap();
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
    let bot = world.peer(&world.account().first).await.unwrap();
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
    let bot = world.peer(&world.account().first).await.unwrap();
    owner
        .see_member(room(&world), bot.user().user_id(), PATIENCE)
        .await
        .unwrap();
    let question = |words| Question {
        room: room(&world),
        words,
        bot: bot.user().user_id(),
        expected: &["pong"],
    };
    let deaf = check::ask(&owner, question("first"), Duration::from_secs(1)).await;
    assert!(is_red("encrypted-round-trip", deaf));

    let heard = async |words: &str| {
        bot.wait_message(room(&world), words, PATIENCE, |message| message.body == words)
            .await
            .unwrap();
    };
    let open = async {
        heard("second").await;
        world.account().first.say(room(&world), "pong").await.unwrap();
    };
    let (open, ()) = tokio::join!(check::ask(&owner, question("second"), PATIENCE), open);
    assert!(is_red("encrypted-round-trip", open));

    let encrypted = async {
        heard("third").await;
        bot.say(room(&world), "pong").await.unwrap();
    };
    let (encrypted, ()) = tokio::join!(check::ask(&owner, question("third"), PATIENCE), encrypted);
    assert!(!is_red("encrypted-round-trip", encrypted));
    world.finish(Verdict::Passed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_cannot_be_read_any_more_is_found() {
    let world = world("a_lost_history").await;
    let owner = world.owner_peer().await.unwrap();
    let said = owner.say(room(&world), "remember this").await.unwrap();
    world.remember(room(&world), &said);
    // The bot has never run: there is neither a backup nor a recovery key.
    let looked = check::read_back(&world, world.account(), Duration::from_secs(1)).await;
    assert!(check::history(&looked).is_broken());
    assert!(is_red("history-readable", looked));
    world.finish(Verdict::Passed).await.unwrap();
}
