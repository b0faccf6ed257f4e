//! The bot, its database or its homeserver comes back from an earlier time: nobody is handled twice, and nobody is passed over.

use std::{path::Path, process::Command, time::Duration};

use futures_util::FutureExt;
use harness::{
    client::User,
    front_door::{Matcher, Point},
    step::{Failure, ensure},
    world::{World, WorldOptions},
};
use libtest_mimic::Trial;
use scenarios::{
    actors::{SignUp, post_patiently, vetting},
    bot_build,
    chat::Challenge,
    community::{self, InCommunity as _},
};

use crate::outside::{self, Outcome, Play, in_world, say};

/// How long the bot's start may take.
const BOOT: Duration = Duration::from_secs(60);

/// The tests of suite `past`.
pub(crate) fn trials() -> Vec<Trial> {
    let plays: [Play; 4] = [
        ("an_older_data_directory_handles_no_knock_twice", || {
            played("older_data", "8", handled_once).boxed_local()
        }),
        ("what_is_said_to_a_homeserver_of_an_earlier_time_is_heard", || {
            played("older_server", "600", heard).boxed_local()
        }),
        ("what_is_said_in_a_room_that_no_sync_told_of_is_heard", || {
            played("untold_room", "600", heard_untold).boxed_local()
        }),
        ("a_signup_whose_answer_nobody_waited_for_is_had_by_asking_again", || {
            played("hung_up", "600", had_again).boxed_local()
        }),
    ];
    outside::trials("past", None, &plays)
}

/// Plays in a world whose bot serves, and asks people for so many seconds.
async fn played(name: &str, timeout: &str, play: impl AsyncFnOnce(&mut World) -> Outcome) -> Outcome {
    bot_build::ensure(&mut |line| say(line)).await?;
    let options = WorldOptions::from_env(name)?.with_env("VETTING_TIMEOUT_SEC", timeout);
    in_world(community::build(options).await?, async |world| {
        world.start_bot(BOOT).await?;
        play(world).await
    })
    .await
}

/// Copies a directory with all that is in it.
fn copy(from: &Path, to: &Path) -> Outcome {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    ensure(copied.success(), || format!("cp: {copied}"))
}

/// Somebody knocks and is asked until their time is up; then the directory is put back as it was before, while they still knock.
async fn handled_once(world: &mut World) -> Outcome {
    let keep = tempfile::tempdir()?;
    let (data, copied) = (world.bot.data_dir().to_owned(), keep.path().join("data"));
    world.bot.stop().await?;
    copy(&data, &copied)?;
    world.bot.start().await?;
    world.bot.wait_ready(BOOT).await?;
    let (knocker, _) = vetting::register(world, "knocker").await?;
    let (room, _) = vetting::until_challenged(world, &knocker).await?;
    vetting::left_by_bots(world, &knocker, &room).await?;
    let knock = world.owner().membership(world.space(), knocker.user_id()).await?;
    ensure(knock == "knock", || format!("the knock does not stand: {knock}"))?;

    world.bot.stop().await?;
    std::fs::remove_dir_all(&data)?;
    copy(&copied, &data)?;
    world.bot.start().await?;
    world.bot.wait_ready(BOOT).await?;
    // Whoever comes after has been dealt with: so has whoever came before.
    let (other, _) = vetting::register(world, "other").await?;
    vetting::until_challenged(world, &other).await?;
    let path = "/_matrix/client/v3/sync?timeout=0";
    let sync = knocker.request(reqwest::Method::GET, path, None).await?;
    let invites = sync["rooms"]["invite"].as_object().map_or(0, serde_json::Map::len);
    ensure(invites == 0, || {
        format!("they are asked again: {}", sync["rooms"]["invite"])
    })
}

/// The homeserver has not reached the position that the bot goes on from, as one has not that came back from a backup. Somebody answers
/// before the bot comes back.
async fn heard(world: &mut World) -> Outcome {
    let (knocker, _) = vetting::register(world, "knocker").await?;
    let (room, challenge) = vetting::until_challenged(world, &knocker).await?;
    world.bot.stop().await?;
    answered_meanwhile(world, &knocker, &room, &challenge).await
}

/// The same of a room that the bot has made and spoken in, and of which no sync has told its client when it ends.
async fn heard_untold(world: &mut World) -> Outcome {
    let (knocker, _) = vetting::register(world, "knocker").await?;
    let making = Matcher::endpoint("POST", "/createRoom").from_bot();
    let making = world.front_door.gate(making, Point::BeforeForward);
    let shared = &*world;
    let challenged = vetting::until_challenged(shared, &knocker);
    let synced = async move {
        making.reached(BOOT).await?;
        let sync = Matcher::endpoint("GET", "/sync").from_bot();
        let sync = shared.front_door.gate(sync, Point::BeforeForward);
        // Ends the poll that waits already.
        shared.owner().say(&shared.rooms().quiet, "is anybody there?").await?;
        sync.reached(BOOT).await?;
        making.open();
        Ok::<_, Failure>(sync)
    };
    let (challenged, held) = futures_util::join!(challenged, synced);
    let ((room, challenge), held) = (challenged?, held?);
    world.bot.stop().await?;
    drop(held);
    answered_meanwhile(world, &knocker, &room, &challenge).await
}

/// Somebody answers before the bot comes back, and the homeserver has not reached the bot's position.
async fn answered_meanwhile(world: &mut World, knocker: &User, room: &str, challenge: &Challenge) -> Outcome {
    knocker.say(room, &challenge.haiku()).await?;
    let database = rusqlite::Connection::open(world.bot.data_dir().join("knock-approver.sqlite"))?;
    let moved = database.execute("UPDATE position SET position = CAST(position AS INTEGER) + 100", [])?;
    drop(database);
    ensure(moved > 0, || "no position is kept".to_owned())?;
    world.bot.start().await?;
    world.bot.wait_ready(BOOT).await?;
    vetting::invited_to_space(world, knocker).await?;
    Ok(())
}

/// Somebody hangs up before the answer comes, and tries again.
async fn had_again(world: &mut World) -> Outcome {
    let form = SignUp::new(world, "hasty");
    let held = world
        .front_door
        .gate(Matcher::endpoint("POST", "/register").from_bot(), Point::AfterReply);
    let hasty = post_patiently(world, "/signup/api", &form.body(), Duration::from_secs(2)).await;
    ensure(hasty.is_err(), || "it was answered".to_owned())?;
    held.reached(BOOT).await?;
    held.open();
    let reply = form.post(world).await?;
    ensure(reply.status == 200, || reply.to_string())
}
