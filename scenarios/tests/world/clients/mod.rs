//! Other people's clients in one encrypted room: two made with matrix-sdk, one with mautrix, one with matrix-nio.
//!
//! The last two are Python programs (`scenarios/clients`) in a virtual environment that `ci/test` prepares, or that
//! `KNOCKPROOF_CLIENTS_VENV` names.

mod member;
mod program;

use std::{
    env,
    path::{Path, PathBuf},
};

use futures_util::FutureExt;
use harness::{
    bot::BotCommand,
    client::NewRoom,
    front_door::{Action, Matcher},
    step::{Failure, ensure},
    world::{World, WorldOptions},
};
use scenarios::community;
use serde_json::json;

use libtest_mimic::Trial;
use member::Member;

use crate::outside::{self, Outcome, in_world, say};

/// Names the virtual environment with the libraries.
const VENV: &str = "KNOCKPROOF_CLIENTS_VENV";

/// The tests of suite `clients`.
pub(crate) fn trials() -> Vec<Trial> {
    outside::trials(
        "clients",
        venv().err(),
        &[
            ("every_client_reads_every_other", || {
                in_company("every_client_reads_every_other", every_client_reads_every_other).boxed_local()
            }),
            ("without_its_keys_nobody_reads_a_message", || {
                in_company("without_its_keys_nobody_reads_a_message", without_its_keys_nobody_reads).boxed_local()
            }),
        ],
    )
}

/// Each sends two messages (the second with the keys of the first), and each of the others reads both.
async fn every_client_reads_every_other(world: &World, room: &str, members: &mut [Member]) -> Outcome {
    let mut problems = Vec::new();
    for writer in 0..members.len() {
        for number in ["first", "second"] {
            let (name, user) = (members[writer].name, members[writer].user_id().to_owned());
            let text = format!("the {number} word of {name}");
            let event_id = members[writer]
                .say(room, &text)
                .await
                .map_err(|failure| failure.while_doing(name))?;
            is_encrypted_on_the_server(world, room, &event_id, &text).await?;
            for reader in members.iter().filter(|member| member.name != name) {
                match reader.wait_read(room, &event_id).await {
                    Ok(read) if read.encrypted && read.text == text && read.sender == user => {
                        say(&format!(
                            "{} reads {name}: {:?}, encrypted, {event_id}",
                            reader.name, read.text
                        ));
                    }
                    Ok(read) => problems.push(format!("{} reads {name} as {read:?}", reader.name)),
                    Err(failure) => problems.push(failure.to_string()),
                }
            }
        }
    }
    ensure(problems.is_empty(), || problems.join("\n"))
}

/// The proof that reading depends on the keys: where those of a message are lost on the way, it stays unreadable for all.
async fn without_its_keys_nobody_reads(world: &World, room: &str, members: &mut [Member]) -> Outcome {
    // Of those who write, so that each reader knows how many events of others it cannot read.
    let mut lost: Vec<usize> = vec![0; members.len()];
    for writer in 0..members.len() {
        let (name, user) = (members[writer].name, members[writer].user_id().to_owned());
        let keys = Matcher::endpoint("PUT", "/sendToDevice/*/*").by(&user);
        let thief = world.front_door.bend(keys, Action::json(200, &json!({})));
        let event_id = members[writer]
            .say(room, "for nobody")
            .await
            .map_err(|failure| failure.while_doing(name))?;
        ensure(thief.fired() > 0, || format!("{name} has sent no keys"))?;
        for (index, reader) in members.iter().enumerate().filter(|(index, _)| *index != writer) {
            lost[index] += 1;
            let why = reader.wait_unreadable(room, &event_id, lost[index]).await?;
            say(&format!("{} does not read {name}: {why}", reader.name));
        }
    }
    Ok(())
}

/// What the server keeps of a message holds no word of it.
async fn is_encrypted_on_the_server(world: &World, room: &str, event_id: &str, text: &str) -> Outcome {
    let events = world.owner().messages(room, 20).await?;
    let event = events.iter().find(|event| event["event_id"] == event_id);
    let event = event.ok_or_else(|| Failure::new(format!("{event_id} is not among the last events of {room}")))?;
    let is_megolm = event["type"] == "m.room.encrypted" && event["content"]["algorithm"] == "m.megolm.v1.aes-sha2";
    ensure(is_megolm && !event.to_string().contains(text), || {
        format!("the server has {event}")
    })
}

/// Plays among four members of an encrypted room which the world's owner has made.
async fn in_company(name: &str, play: impl AsyncFnOnce(&World, &str, &mut [Member]) -> Outcome) -> Outcome {
    let venv = venv().map_err(Failure::new)?;
    // Nothing here is a bot's work.
    let world = community::build_with(WorldOptions::from_env(name)?, BotCommand::from_words("true")?).await?;
    in_world(world, async |world| {
        let mut members = vec![
            Member::sdk("matrix-sdk", world).await?,
            Member::sdk("second-matrix-sdk", world).await?,
            Member::program("mautrix", &venv, world).await?,
            Member::program("nio", &venv, world).await?,
        ];
        let users: Vec<String> = members.iter().map(|member| member.user_id().to_owned()).collect();
        let room = NewRoom::preset("private_chat")
            .encrypted()
            .invite(users.iter().map(String::as_str));
        let room = world.owner().create_room(&room).await?;
        // One after another, each at rest before the next: conduwuit 0.5.0 may answer a sync that meets a join with a position behind it
        // and without it, and a client that does not ask by itself never learns of the room's state.
        for (before, member) in members.iter_mut().enumerate() {
            member.join(&room).await?;
            member.see(&room, &users[..=before]).await?;
        }
        for member in &mut members {
            member.see(&room, &users).await?;
        }
        play(world, &room, &mut members).await
    })
    .await
}

/// The virtual environment; else why there is none and how to get it.
fn venv() -> Result<PathBuf, String> {
    let named = env::var_os(VENV).filter(|value| !value.is_empty()).map(PathBuf::from);
    let prepared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/knockproof/clients-venv");
    let (venv, how) = match named {
        Some(named) => (named, format!("{VENV} names it")),
        None => (
            prepared,
            format!("run ci/test once, which prepares it, or name one with {VENV}"),
        ),
    };
    if venv.join("bin/python").exists() {
        Ok(venv)
    } else {
        Err(format!(
            "no virtual environment with mautrix and matrix-nio in {}: {how}",
            venv.display()
        ))
    }
}
