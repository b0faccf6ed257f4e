//! Says back what it is told, and survives losing its token.
//!
//! ```text
//! HOMESERVER=https://matrix.example.org LOCALPART=echo DATA_DIR=echo-data cargo run -p session-keeper --example echo
//! ```
//!
//! with the password in `echo-data/password`. Invite it to a room, reset its token, delete its device: it goes on.

use std::{env, path::PathBuf};

use session_keeper::{
    Keeper,
    identity::Handle,
    matrix_sdk::{
        self, Room, RoomState,
        ruma::events::room::{
            member::StrippedRoomMemberEvent,
            message::{MessageType, OriginalSyncRoomMessageEvent, RoomMessageEventContent},
        },
    },
};

type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt().init();
    let keeper = keep(
        &env::var("HOMESERVER")?,
        env::var("DATA_DIR")?.into(),
        &env::var("LOCALPART")?,
        env::var("TOKEN").ok(),
    )?;
    let mut health = keeper.health();
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => break,
            changed = health.changed() => changed?,
        }
        let now = health.borrow_and_update().clone();
        tracing::info!(state = ?now.state, why = now.why, next_step = now.next_step, "health");
    }
    keeper.end().await?;
    Ok(())
}

/// Begins to keep the account; each of its clients joins and echoes.
pub(crate) fn keep(homeserver: &str, data: PathBuf, localpart: &str, token: Option<String>) -> Result<Keeper, Error> {
    let keeper = Keeper::builder(homeserver.parse()?, data)
        .user(localpart)
        .token(token)
        .device_name("echo")
        .on_client(|handle: Handle| async move {
            handle.client.add_event_handler(echo);
            handle.client.add_event_handler(join);
            Ok::<_, Error>(())
        })
        .start()?;
    Ok(keeper)
}

/// Joins where it is invited.
async fn join(event: StrippedRoomMemberEvent, room: Room) -> Result<(), matrix_sdk::Error> {
    if event.state_key == room.own_user_id() && room.state() == RoomState::Invited {
        room.join().await?;
    }
    Ok(())
}

async fn echo(event: OriginalSyncRoomMessageEvent, room: Room) -> Result<(), matrix_sdk::Error> {
    let MessageType::Text(text) = event.content.msgtype else {
        return Ok(());
    };
    if event.sender != room.own_user_id() {
        // A try that is repeated after a crash is the same message: its transaction id comes from what it answers.
        let transaction = format!("echo-{}", event.event_id);
        room.send(RoomMessageEventContent::text_plain(text.body))
            .with_transaction_id(transaction.into())
            .await?;
    }
    Ok(())
}
