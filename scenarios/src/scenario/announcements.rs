//! What the operators are told of lobbies: each event once, ever.

use crate::community::InCommunity as _;
use async_trait::async_trait;
use harness::{
    client::{NewRoom, User},
    step::{Failure, Stop, ensure, seen},
    world::{World, WorldOptions},
};
use rusqlite::Connection;
use serde_json::json;

use super::{MIDDLE, Scenario, Stage};
use crate::actors::{
    Seen,
    notes::Notes,
    old_lobbies::{self, OldLobby},
    rooms, vetting,
};

/// The scenario.
#[derive(Clone, Copy, Debug)]
pub struct Announcements;

/// How long lobbies stay open, in seconds; those of the old approver are nearly over.
const TIMEOUT: f64 = 3600.0;

/// Names of the people in the old approver's lobbies.
const CLOSED: &str = "gone";
const PROMOTED: &str = "member";
const ANNOUNCED: &str = "late";
const UNTOLD: &str = "untold";

const STEPS: &[&str] = &[
    "an old open lobby that was not announced is announced once",
    "nothing is announced of old closed lobbies, nor again of what was announced before",
    "a stranger who enters a fresh lobby is announced once",
    "the stranger misses the last try",
    "the failure is announced once",
    "the old open lobby that times out is announced as failed once",
    "the lobby that nobody joined has timed out too, without a word",
    "nothing is announced again after a restart",
    "nothing is announced again after a kill",
    "nothing is announced again when the list of what was announced is lost",
    "nothing is announced again on a first start over the same old files",
];

#[async_trait]
impl Scenario for Announcements {
    fn name(&self) -> &'static str {
        "announcements"
    }

    fn summary(&self) -> &'static str {
        "the operators are told once of each lobby that began or failed, whatever was lost meanwhile"
    }

    fn steps(&self) -> &'static [&'static str] {
        STEPS
    }

    fn middle(&self) -> &'static [&'static str] {
        MIDDLE
    }

    fn spoiled_by(&self) -> &'static [(&'static str, &'static str)] {
        const GONE: &str = "the old approver's files, which the scenario is about, are lost with the data directory";
        &[
            ("data-directory-lost", GONE),
            ("data-directory-lost-device-stays", GONE),
        ]
    }

    fn waits(&self) -> bool {
        true
    }

    fn prepare(&self, options: WorldOptions) -> WorldOptions {
        options
            .with_env("LOBBY_MAX_TRIES", "1")
            .with_env("LOBBY_TIMEOUT_SEC", &TIMEOUT.to_string())
    }

    async fn arrange(&self, world: &mut World) -> Result<(), Failure> {
        let approver = world.approver().user_id().to_owned();
        let operators = NewRoom::preset("private_chat")
            .named("operators")
            .invite([approver.as_str()]);
        let operators = world.owner().create_room(&operators).await?;
        world.approver().first.join(&operators).await?;
        world.bot.set("OPERATOR_NOTIFY_ROOM", &operators);
        world.knows_room(&operators);
        let lobbies = [
            left(
                world,
                CLOSED,
                json!({ "closed": true, "closed_reason": "timeout" }),
                -7200.0,
            )
            .await?,
            left(
                world,
                PROMOTED,
                json!({ "closed": true, "closed_reason": "promoted", "promoted": true }),
                -7200.0,
            )
            .await?,
            announced(left(world, ANNOUNCED, json!({}), 12.0 - TIMEOUT).await?),
            left(world, UNTOLD, json!({}), -60.0).await?,
            OldLobby {
                room: old_lobbies::room(world, None).await?,
                began: 10.0 - TIMEOUT,
                ..OldLobby::default()
            },
        ];
        old_lobbies::write(world, &lobbies)
    }

    async fn run(&self, stage: &mut Stage) -> Result<(), Stop> {
        let room = stage.world.bot.env().get("OPERATOR_NOTIFY_ROOM").cloned();
        let notes = Notes::new(&stage.world, &room.unwrap_or_default());
        let mut told = Vec::new();
        imported(stage, &notes, &mut told).await?;
        fresh(stage, &notes, &mut told).await?;
        timed_out(stage, &notes, &mut told).await?;
        started_again(stage, &notes, &mut told).await?;
        forgotten(stage, &notes, &mut told).await
    }
}

/// A lobby with a visitor in it.
async fn left(world: &World, visitor: &str, state: serde_json::Value, began: f64) -> Result<OldLobby, Failure> {
    let (visitor, _) = vetting::register(world, visitor).await?;
    Ok(OldLobby {
        room: old_lobbies::room(world, Some(&visitor)).await?,
        visitor: Some(visitor.user_id().to_owned()),
        state,
        began,
        announced: None,
    })
}

/// It was told of its visitor, and not that it failed.
fn announced(lobby: OldLobby) -> OldLobby {
    let started: Vec<&String> = lobby.visitor.iter().collect();
    OldLobby {
        announced: Some(json!({ "started": started, "failed": false })),
        ..lobby
    }
}

async fn imported(stage: &mut Stage, notes: &Notes, told: &mut Vec<String>) -> Result<(), Stop> {
    let Stage { world, steps, .. } = stage;
    let untold = format!("@{UNTOLD}");
    let note = steps
        .step(
            STEPS[0],
            notes.once(world.owner(), &["🚪", &untold, "started lobby flow"]),
        )
        .await?;
    told.push(note);
    steps
        .step(STEPS[1], async {
            // The time-out of the one that was announced may come early; it is looked at in its own step.
            let seen_now = notes.all(world.owner()).await?;
            let about = |name: &str| format!("@{name}-");
            let wrong: Vec<&String> = seen_now
                .iter()
                .filter(|note| {
                    let closed = note.contains(&about(CLOSED)) || note.contains(&about(PROMOTED));
                    closed || (note.contains(&about(ANNOUNCED)) && note.contains("started"))
                })
                .collect();
            ensure(wrong.is_empty(), || format!("told was {wrong:#?}"))?;
            seen(format!("{} note, none of them", seen_now.len()))
        })
        .await
}

/// A stranger enters, misses, and the lobby fails. The middle lies between the miss and the announcement.
async fn fresh(stage: &mut Stage, notes: &Notes, told: &mut Vec<String>) -> Result<(), Stop> {
    let Stage { world, steps, .. } = &mut *stage;
    let (stranger, room) = steps
        .step(STEPS[2], async {
            let ((stranger, open), _) = notes.stranger_enters(world, "fresh").await?;
            let (note, evidence) = notes.once(world.owner(), &["🚪", stranger.user_id()]).await?;
            told.push(note);
            Ok(((stranger, open.room), evidence))
        })
        .await?;
    steps.step(STEPS[3], missed(&stranger, &room)).await?;

    stage.middle().await?;

    let Stage { world, steps, .. } = stage;
    let words = ["⚠️ lobby failed for", stranger.user_id(), "reason=tries_exhausted"];
    let note = steps.step(STEPS[4], notes.once(world.owner(), &words)).await?;
    told.push(note);
    Ok(())
}

async fn missed(stranger: &User, room: &str) -> Seen {
    vetting::challenged(stranger, room).await?;
    seen(stranger.say(room, "no haiku at all").await?)
}

async fn timed_out(stage: &mut Stage, notes: &Notes, told: &mut Vec<String>) -> Result<(), Stop> {
    let Stage { world, steps, .. } = stage;
    let late = format!("@{ANNOUNCED}-");
    let words = ["⚠️ lobby failed for", late.as_str(), "reason=timeout"];
    let note = steps.step(STEPS[5], notes.once(world.owner(), &words)).await?;
    told.push(note);
    steps
        .step(STEPS[6], async {
            let unvisited = old_lobbies::find(world, None)?;
            let left = rooms::left_by_bot(world, &unvisited, 0).await?;
            let ((), evidence) = notes.nothing_else(world, told).await?;
            seen(format!("{left}; {evidence}"))
        })
        .await
}

async fn started_again(stage: &mut Stage, notes: &Notes, told: &mut Vec<String>) -> Result<(), Stop> {
    let Stage { world, steps, .. } = stage;
    steps
        .step(STEPS[7], async {
            world.bot.restart().await?;
            world.bot.wait_ready(world.contract().boot()).await?;
            notes.nothing_else(world, told).await
        })
        .await?;
    steps
        .step(STEPS[8], async {
            world.bot.kill().await?;
            world.bot.start().await?;
            world.bot.wait_ready(world.contract().boot()).await?;
            notes.nothing_else(world, told).await
        })
        .await
}

async fn forgotten(stage: &mut Stage, notes: &Notes, told: &mut Vec<String>) -> Result<(), Stop> {
    stage.before_own_losses().await?;
    let Stage { world, steps, .. } = stage;
    steps
        .step(STEPS[9], async {
            world.bot.stop().await?;
            let rows = forget_announced(world)?;
            world.bot.start().await?;
            world.bot.wait_ready(world.contract().boot()).await?;
            let ((), evidence) = notes.nothing_else(world, told).await?;
            seen(format!("{rows} rows were lost; {evidence}"))
        })
        .await?;
    steps
        .step(STEPS[10], async {
            world.bot.stop().await?;
            let files = world.bot.lose_database()?;
            let since = world.traffic().last_seq();
            world.bot.start().await?;
            world.bot.wait_ready(world.contract().boot()).await?;
            // It times out once more in the bot's eyes, and has been dealt with when the bot wants to leave it.
            let late = old_lobbies::find(world, Some(ANNOUNCED))?;
            rooms::left_by_bot(world, &late, since).await?;
            let ((), evidence) = notes.nothing_else(world, told).await?;
            seen(format!("{} was lost; {evidence}", files.join(", ")))
        })
        .await
}

/// Empties the bot's list of what it announced, and takes its note away that the old files are imported, as a bookkeeping that was lost.
fn forget_announced(world: &World) -> Result<usize, Failure> {
    let path = world.bot.data_dir().join("knock-approver.sqlite");
    let database = Connection::open(path)?;
    let told = database.execute("DELETE FROM announcement", [])?;
    let imported = database.execute("DELETE FROM meta WHERE key = 'imported'", [])?;
    ensure(told > 0 && imported == 1, || "there was nothing to forget".to_owned())?;
    Ok(told + imported)
}
