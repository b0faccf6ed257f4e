use std::{fmt, time::Duration};

use matrix_sdk::{
    Client, Room, RoomMemberships, SessionMeta, SessionTokens,
    authentication::matrix::MatrixSession,
    config::SyncSettings,
    room::MessagesOptions,
    ruma::{
        RoomId, UInt, UserId,
        events::{AnySyncMessageLikeEvent, AnySyncTimelineEvent, room::message::RoomMessageEventContent},
    },
};
use tokio::{sync::watch, task::JoinHandle};
use url::Url;

use super::{Error, Result, User, plain_client};
use crate::wait::{self, Poll};

/// How long the server may wait for news: conduwuit 0.5.0 can miss to wake a poll, see the bot's own.
const POLL: Duration = Duration::from_secs(2);

/// A member with end-to-end encryption, logged in on a device of its own, independent of the bot.
pub struct Peer {
    client: Client,
    syncs: watch::Receiver<u64>,
    sync: JoinHandle<()>,
    user: User,
}

/// A message as a member sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The event's id.
    pub event_id: String,
    /// Who sent it.
    pub sender: String,
    /// Its text.
    pub body: String,
    /// Whether it came encrypted.
    pub encrypted: bool,
    /// The server's time, in milliseconds since 1970.
    pub at_ms: u64,
}

/// What a member's client makes of somebody else's device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The server hands out no keys for it.
    Unknown,
    /// Its owner has not signed it: clients show a warning.
    Unsigned,
    /// Its owner's cross-signing identity has signed it.
    Signed,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.sync.abort();
    }
}

impl Peer {
    /// Logs in on a new device and starts to sync.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn login(base: &Url, user: &str, password: &str) -> Result<Self> {
        Self::with_session(User::login(base, user, password, None).await?).await
    }

    /// Takes a session that exists; its device must be one that no other client keeps keys for.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn with_session(user: User) -> Result<Self> {
        let sdk = |error: &dyn fmt::Display| Error::sdk(format!("start the client of {}", user.user_id()), error);
        let client = Client::builder()
            .homeserver_url(user.base())
            .http_client(plain_client().build().unwrap_or_default())
            .build()
            .await
            .map_err(|error| sdk(&error))?;
        let session = MatrixSession {
            meta: SessionMeta {
                user_id: UserId::parse(user.user_id()).map_err(|error| sdk(&error))?,
                device_id: user.device_id().into(),
            },
            tokens: SessionTokens {
                access_token: user.token().to_owned(),
                refresh_token: None,
            },
        };
        client.restore_session(session).await.map_err(|error| sdk(&error))?;
        client.encryption().wait_for_e2ee_initialization_tasks().await;
        client
            .sync_once(SyncSettings::default())
            .await
            .map_err(|error| sdk(&error))?;
        let (tick, syncs) = watch::channel(0);
        let sync = tokio::spawn(keep_syncing(client.clone(), tick));
        Ok(Self {
            client,
            syncs,
            sync,
            user,
        })
    }

    /// The same account as a plain client.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// The client of matrix-sdk, for everything not here.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Joins a room.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn join(&self, room: &str) -> Result<()> {
        let id = RoomId::parse(room).map_err(|error| Error::sdk(format!("name the room {room}"), error))?;
        // Through the client, which then knows of it: a sync that conduwuit answers in this moment may show neither side of it.
        let joined = self.client.join_room_by_id(&id).await;
        joined.map_err(|error| Error::sdk(format!("join {room}"), error))?;
        self.room(room, Duration::from_secs(10)).await.map(drop)
    }

    /// Sends a text, encrypted where the room is; answers the event's id.
    ///
    /// # Errors
    ///
    /// When the room is not joined or the server refuses.
    pub async fn say(&self, room: &str, text: &str) -> Result<String> {
        let room = self.room(room, Duration::from_secs(10)).await?;
        let content = RoomMessageEventContent::text_plain(text);
        let sent = room
            .send(content)
            .await
            .map_err(|error| Error::sdk("send a message", error))?;
        Ok(sent.response.event_id.to_string())
    }

    /// The last messages of a room which this device can read, newest first. What cannot be decrypted (yet) is left out; see
    /// [`unreadable`](Self::unreadable).
    ///
    /// # Errors
    ///
    /// When the room is not joined.
    pub async fn history(&self, room: &str, limit: u32) -> Result<Vec<Received>> {
        Ok(self.look_back(room, limit).await?.0)
    }

    /// How many of the last events of a room this device cannot decrypt.
    ///
    /// # Errors
    ///
    /// When the room is not joined.
    pub async fn unreadable(&self, room: &str, limit: u32) -> Result<usize> {
        Ok(self.look_back(room, limit).await?.1)
    }

    /// Waits for a message that this device can read.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] with the last messages seen and the number of those that stayed unreadable.
    pub async fn wait_message(
        &self,
        room: &str,
        what: &str,
        patience: Duration,
        wanted: impl Fn(&Received) -> bool,
    ) -> Result<Received> {
        self.wait_among(room, what, patience, |messages| {
            messages.iter().find(|message| wanted(message))
        })
        .await
    }

    /// The same for messages after an event of the room.
    ///
    /// # Errors
    ///
    /// As [`wait_message`](Self::wait_message).
    pub async fn wait_answer(
        &self,
        room: &str,
        after: &str,
        what: &str,
        patience: Duration,
        wanted: impl Fn(&Received) -> bool,
    ) -> Result<Received> {
        self.wait_among(room, what, patience, |messages| {
            // Newest first: everything before the question's place is newer than it.
            let newer = messages.iter().take_while(|message| message.event_id != after);
            newer.filter(|message| wanted(message)).last()
        })
        .await
    }

    /// Waits until `pick` finds its message among the readable ones, which it is given newest first.
    async fn wait_among(
        &self,
        room: &str,
        what: &str,
        patience: Duration,
        pick: impl Fn(&[Received]) -> Option<&Received>,
    ) -> Result<Received> {
        let found = wait::until(what, patience, || async {
            let mut syncs = self.syncs.clone();
            match self.look_back(room, 50).await {
                Ok((messages, unreadable)) => match pick(&messages) {
                    Some(found) => Poll::Ready(found.clone()),
                    None => {
                        // The next look is worth it after the next sync; a key may also come without any event.
                        let _ = tokio::time::timeout(Duration::from_millis(500), syncs.changed()).await;
                        Poll::Pending(seen(&messages, unreadable))
                    }
                },
                Err(error) => Poll::Pending(error.to_string()),
            }
        })
        .await?;
        Ok(found)
    }

    /// What this device makes of a device of somebody else, after asking the server again.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn trust(&self, user: &str, device: &str) -> Result<Trust> {
        let what = || format!("look at device {device} of {user}");
        let user = UserId::parse(user).map_err(|error| Error::sdk(what(), error))?;
        let encryption = self.client.encryption();
        encryption
            .request_user_identity(&user)
            .await
            .map_err(|error| Error::sdk(what(), error))?;
        let device = encryption
            .get_device(&user, device.into())
            .await
            .map_err(|error| Error::sdk(what(), error))?;
        Ok(match device {
            None => Trust::Unknown,
            Some(device) if device.is_cross_signed_by_owner() => Trust::Signed,
            Some(_) => Trust::Unsigned,
        })
    }

    /// The room, once a sync has brought it as joined and encrypted rooms know their members.
    async fn room(&self, room: &str, patience: Duration) -> Result<Room> {
        let id = RoomId::parse(room).map_err(|error| Error::sdk(format!("name the room {room}"), error))?;
        let found = wait::until(
            format!("{} to see the room {room}", self.user.user_id()),
            patience,
            || async {
                match self.client.get_room(&id) {
                    Some(room) if room.state() == matrix_sdk::RoomState::Joined => Poll::Ready(room),
                    Some(room) => Poll::Pending(format!("{:?}", room.state())),
                    None => Poll::Pending("unknown".to_owned()),
                }
            },
        )
        .await?;
        found
            .members(RoomMemberships::ACTIVE)
            .await
            .map_err(|error| Error::sdk("list the members", error))?;
        Ok(found)
    }

    async fn look_back(&self, room: &str, limit: u32) -> Result<(Vec<Received>, usize)> {
        let room = self.room(room, Duration::from_secs(10)).await?;
        let mut options = MessagesOptions::backward();
        options.limit = UInt::from(limit);
        let page = room
            .messages(options)
            .await
            .map_err(|error| Error::sdk("read the room's messages", error))?;
        let mut messages = Vec::new();
        let mut unreadable = 0;
        for event in &page.chunk {
            match event.raw().deserialize() {
                Ok(AnySyncTimelineEvent::MessageLike(AnySyncMessageLikeEvent::RoomMessage(message))) => {
                    if let Some(message) = message.as_original() {
                        messages.push(Received {
                            event_id: message.event_id.to_string(),
                            sender: message.sender.to_string(),
                            body: message.content.body().to_owned(),
                            encrypted: event.encryption_info().is_some(),
                            at_ms: message.origin_server_ts.get().into(),
                        });
                    }
                }
                Ok(AnySyncTimelineEvent::MessageLike(AnySyncMessageLikeEvent::RoomEncrypted(_))) => unreadable += 1,
                _ => {}
            }
        }
        Ok((messages, unreadable))
    }
}

/// Syncs until it is aborted. A server that is away for a while is part of many drills: the sync goes on when it is back.
async fn keep_syncing(client: Client, tick: watch::Sender<u64>) {
    let settings = || SyncSettings::default().timeout(POLL);
    loop {
        match client.sync_once(settings()).await {
            Ok(_) => tick.send_modify(|syncs| *syncs += 1),
            Err(error) => {
                tracing::debug!(%error, "a peer's sync failed");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

fn seen(messages: &[Received], unreadable: usize) -> String {
    let last: Vec<String> = messages
        .iter()
        .take(3)
        .map(|message| {
            format!(
                "{}: {:?}",
                message.sender,
                message.body.chars().take(80).collect::<String>()
            )
        })
        .collect();
    format!("{unreadable} unreadable; last messages [{}]", last.join(", "))
}
