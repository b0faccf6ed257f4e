//! The smallest honest bot on `session-keeper`: it joins where it is invited, and answers `!ping` with `pong`, in rooms
//! that are encrypted and in rooms that are not.
//!
//! | variable | meaning |
//! |---|---|
//! | `HOMESERVER` | required: the homeserver's base URL |
//! | `USER_ID` | the account: a user id or a localpart; without it, the user of the first living token |
//! | `TOKEN` | an access token: a hint, never the source of truth |
//! | `PASSWORD_FILE` | the file that holds the password; without it `password` in `DATA_DIR` |
//! | `DATA_DIR` | required: everything that must outlive a restart |
//! | `RUST_LOG` | what is logged; without it `info` |
//!
//! Each change of its health is one line of the log, `health state=…`, with what the operator has to do. It ends on
//! SIGTERM and Ctrl-C with exit code 0; 1 says that something went wrong, in one line.

use std::{env, process::ExitCode};

use matrix_sdk::{
    Room,
    deserialized_responses::TimelineEvent,
    ruma::events::{
        AnySyncMessageLikeEvent, AnySyncTimelineEvent, SyncMessageLikeEvent, room::message::RoomMessageEventContent,
    },
    sync::SyncResponse,
};
use session_keeper::{
    Keeper,
    healing::{About, Refusal},
    identity::Handle,
    session::refusal_of,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
#[expect(clippy::print_stderr, reason = "the one line that says why it ended")]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,matrix_sdk=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ping-matrix-sdk: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Error> {
    let required = |name: &str| env::var(name).map_err(|_| format!("{name} is not set"));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut keeper = Keeper::builder(required("HOMESERVER")?.parse()?, required("DATA_DIR")?)
        .token(env::var("TOKEN").ok())
        .device_name("ping-matrix-sdk")
        .on_client(|handle| async move { join_all(&handle).await })
        .on_sync(|handle, batch| async move { answer(&handle, batch).await });
    if let Ok(user) = env::var("USER_ID") {
        keeper = keeper.user(user);
    }
    if let Ok(path) = env::var("PASSWORD_FILE") {
        keeper = keeper.password_file(path);
    }
    let keeper = keeper.start()?;
    let mut health = keeper.health();
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = tokio::signal::ctrl_c() => break,
            changed = health.changed() => changed?,
        }
        let now = health.borrow_and_update().clone();
        tracing::info!(state = ?now.state, why = now.why, next_step = now.next_step, "health");
    }
    keeper.end().await?;
    Ok(())
}

/// Joins where it is invited. An invite that was taken back, or that the server refuses, is not worth another try.
async fn join_all(handle: &Handle) -> Result<(), Error> {
    for room in handle.client.invited_rooms() {
        match room.join().await {
            Err(error) if is_refusal(&error) => tracing::warn!(room = %room.room_id(), %error, "cannot join"),
            joined => joined?,
        }
    }
    Ok(())
}

async fn answer(handle: &Handle, batch: SyncResponse) -> Result<(), Error> {
    join_all(handle).await?;
    for (id, update) in batch.rooms.joined {
        let Some(room) = handle.client.get_room(&id) else {
            continue;
        };
        for event in &update.timeline.events {
            match pong(&room, event).await {
                Err(error) if is_refusal(&error) => tracing::warn!(room = %id, %error, "cannot answer"),
                answered => answered?,
            }
        }
    }
    Ok(())
}

/// Answers one event, if it is a ping of somebody else's. A try that is repeated is the same message to the server: its
/// transaction id is that of the ping.
async fn pong(room: &Room, event: &TimelineEvent) -> Result<(), matrix_sdk::Error> {
    let Ok(AnySyncTimelineEvent::MessageLike(AnySyncMessageLikeEvent::RoomMessage(SyncMessageLikeEvent::Original(
        message,
    )))) = event.raw().deserialize()
    else {
        return Ok(());
    };
    if message.sender != room.own_user_id() && message.content.body().trim() == "!ping" {
        let transaction = format!("pong-{}", message.event_id);
        room.send(RoomMessageEventContent::text_plain("pong"))
            .with_transaction_id(transaction.into())
            .await?;
    }
    Ok(())
}

/// The server's no to what was asked in a room, which no other try changes by itself. What is about the account as a whole is
/// waited for instead.
fn is_refusal(error: &matrix_sdk::Error) -> bool {
    match refusal_of(About::Room, error) {
        Refusal::Final(_) => true,
        Refusal::Operator(blocker) => !blocker.is_of_account(),
        _ => false,
    }
}
