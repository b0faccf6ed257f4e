use std::{fmt, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use matrix_sdk::{
    Client, Room, RoomMemberships, SessionMeta, SessionTokens,
    authentication::matrix::MatrixSession,
    config::SyncSettings,
    room::MessagesOptions,
    ruma::{
        RoomId, UInt, UserId,
        api::client::uiaa::{AuthData, MatrixUserIdentifier, Password, UserIdentifier},
        events::{
            AnySyncMessageLikeEvent, AnySyncTimelineEvent,
            room::{member::MembershipState, message::RoomMessageEventContent},
        },
    },
};
use tokio::{
    sync::{Mutex, watch},
    task::JoinHandle,
};
use url::Url;

use super::{Error, Received, Result, Trust, User, plain_client, received::seen};
use crate::wait::{self, Poll};

/// How long the server may wait for news: conduwuit 0.5.0 can miss to wake a poll, see the bot's own.
const POLL: Duration = Duration::from_secs(2);
/// How many events are asked for at once.
const PAGE: u32 = 100;

/// The SDK's client behind a pointer. Each future that holds a [`Peer`] has to be proven `Send`: through the client's own type that costs
/// the compiler seconds a function, here nothing.
trait Sdk: Send + Sync {
    fn get(&self) -> &Client;
}

impl Sdk for Client {
    fn get(&self) -> &Client {
        self
    }
}

/// A member with end-to-end encryption, logged in on a device of its own, independent of the bot.
pub struct Peer {
    client: Arc<dyn Sdk>,
    syncs: watch::Receiver<u64>,
    sync: JoinHandle<()>,
    /// Held by each sync, and by what no sync may meet.
    quiet: Arc<Mutex<()>>,
    user: User,
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
        async move {
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
            let quiet = Arc::default();
            let sync = tokio::spawn(keep_syncing(client.clone(), tick, Arc::clone(&quiet)));
            Ok(Self {
                client: Arc::new(client),
                syncs,
                sync,
                quiet,
                user,
            })
        }
        .boxed()
        .await
    }

    /// The same account as a plain client.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// The client of matrix-sdk, for everything not here.
    pub fn client(&self) -> &Client {
        self.client.get()
    }

    /// Joins a room.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn join(&self, room: &str) -> Result<()> {
        async move {
            let id = RoomId::parse(room).map_err(|error| Error::sdk(format!("name the room {room}"), error))?;
            // Through the client, which then knows of it: a sync that conduwuit answers in this moment may show neither side of it.
            let joined = self.client().join_room_by_id(&id).await;
            joined.map_err(|error| Error::sdk(format!("join {room}"), error))?;
            self.room(room, Duration::from_secs(10)).await.map(drop)
        }
        .boxed()
        .await
    }

    /// Waits until this client has seen somebody join: before, it does not encrypt for them.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] when it does not.
    pub async fn see_member(&self, room: &str, user: &str, patience: Duration) -> Result<()> {
        async move {
            let id = UserId::parse(user).map_err(|error| Error::sdk(format!("name the user {user}"), error))?;
            let room = self.room(room, patience).await?;
            let what = format!("{} to see {user} in {}", self.user.user_id(), room.room_id());
            let seen = wait::until(what, patience, || async {
                // It asks the server where a sync has left something out, as sending does.
                match room.get_member(&id).await {
                    Ok(Some(member)) if *member.membership() == MembershipState::Join => Poll::Ready(()),
                    Ok(member) => Poll::Pending(format!("{:?}", member.map(|member| member.membership().clone()))),
                    Err(error) => Poll::Pending(error.to_string()),
                }
            });
            Ok(seen.await?)
        }
        .boxed()
        .await
    }

    /// Sends a text, encrypted where the room is; answers the event's id.
    ///
    /// # Errors
    ///
    /// When the room is not joined or the server refuses.
    pub async fn say(&self, room: &str, text: &str) -> Result<String> {
        async move {
            let room = self.room(room, Duration::from_secs(10)).await?;
            let content = RoomMessageEventContent::text_plain(text);
            let sent = room
                .send(content)
                .await
                .map_err(|error| Error::sdk("send a message", error))?;
            Ok(sent.response.event_id.to_string())
        }
        .boxed()
        .await
    }

    /// Accepts an invite, and with it the room's earlier keys where the inviter has shared them.
    ///
    /// # Errors
    ///
    /// When no invite comes or the server refuses.
    pub async fn accept(&self, room: &str, patience: Duration) -> Result<()> {
        async move {
            let id = RoomId::parse(room).map_err(|error| Error::sdk(format!("name the room {room}"), error))?;
            let what = format!("{} to see an invite to {room}", self.user.user_id());
            let invited = wait::until(what, patience, || async {
                match self.client().get_room(&id) {
                    Some(room) if room.state() == matrix_sdk::RoomState::Invited => Poll::Ready(room),
                    Some(room) => Poll::Pending(format!("{:?}", room.state())),
                    None => Poll::Pending("unknown".to_owned()),
                }
            });
            let invited = invited.await?;
            // The SDK takes a room's earlier keys only where it has noted the invite that was accepted, and it notes none where a sync
            // brings the join before the answer to it: so nothing is synced meanwhile. A sync under way is waited for: the room is seen
            // as one to which one is invited before everything about the invite is stored.
            let _quiet = self.quiet.lock().await;
            invited
                .join()
                .await
                .map(drop)
                .map_err(|error| Error::sdk(format!("join {room}"), error))
        }
        .boxed()
        .await
    }

    /// Sees to it that the next message of this device in a room has a key of its own.
    ///
    /// # Errors
    ///
    /// When the room is not joined.
    pub async fn change_room_key(&self, room: &str) -> Result<()> {
        async move {
            let room = self.room(room, Duration::from_secs(10)).await?;
            let discarded = room.discard_room_key().await;
            discarded.map_err(|error| Error::sdk("discard the room's key", error))
        }
        .boxed()
        .await
    }

    /// Makes the account's cross-signing identity, as people's clients do at the first login, and signs this device with it.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn make_identity(&self) -> Result<()> {
        async move {
            let failed = |error: matrix_sdk::Error| Error::sdk("make a cross-signing identity", error);
            let encryption = self.client().encryption();
            let Err(error) = encryption.bootstrap_cross_signing(None).await else {
                return Ok(());
            };
            let Some(asked) = error.as_uiaa_response() else {
                return Err(failed(error));
            };
            let user = MatrixUserIdentifier::new(self.user.user_id().to_owned());
            let mut auth = Password::new(UserIdentifier::Matrix(user), self.user.password().to_owned());
            auth.session.clone_from(&asked.session);
            let made = encryption.bootstrap_cross_signing(Some(AuthData::Password(auth))).await;
            made.map_err(failed)
        }
        .boxed()
        .await
    }

    /// Opens the account's secret storage with the recovery key: from here on this device is signed and can ask the key backup.
    ///
    /// # Errors
    ///
    /// When the key does not open it.
    pub async fn recover(&self, recovery_key: &str) -> Result<()> {
        async move {
            let recovered = self.client().encryption().recovery().recover(recovery_key).await;
            recovered.map_err(|error| Error::sdk("open the secret storage with the recovery key", error))
        }
        .boxed()
        .await
    }

    /// Fetches the keys of a room's messages from the account's key backup.
    ///
    /// # Errors
    ///
    /// When there is no backup that this device can open.
    pub async fn fetch_backed_up_keys(&self, room: &str) -> Result<()> {
        async move {
            let id = RoomId::parse(room).map_err(|error| Error::sdk(format!("name the room {room}"), error))?;
            let backups = self.client().encryption().backups();
            if !backups.are_enabled().await {
                return Err(Error::sdk("ask the key backup", "it cannot be opened"));
            }
            let fetched = backups.download_room_keys_for_room(&id).await;
            fetched.map_err(|error| Error::sdk("fetch keys from the key backup", error))
        }
        .boxed()
        .await
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
        async move {
            let what = || format!("look at device {device} of {user}");
            let user = UserId::parse(user).map_err(|error| Error::sdk(what(), error))?;
            let encryption = self.client().encryption();
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
        .boxed()
        .await
    }

    /// The room, once a sync has brought it as joined and encrypted rooms know their members.
    async fn room(&self, room: &str, patience: Duration) -> Result<Room> {
        async move {
            let id = RoomId::parse(room).map_err(|error| Error::sdk(format!("name the room {room}"), error))?;
            let found = wait::until(
                format!("{} to see the room {room}", self.user.user_id()),
                patience,
                || async {
                    match self.client().get_room(&id) {
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
        .boxed()
        .await
    }

    /// Page by page: homeservers answer a hundred events at most.
    async fn look_back(&self, room: &str, limit: u32) -> Result<(Vec<Received>, usize)> {
        async move {
            let room = self.room(room, Duration::from_secs(10)).await?;
            let mut messages = Vec::new();
            let mut unreadable = 0;
            let (mut left, mut from) = (limit, None);
            while left > 0 {
                let mut options = MessagesOptions::backward();
                options.limit = UInt::from(left.min(PAGE));
                options.from = from;
                let page = room
                    .messages(options)
                    .await
                    .map_err(|error| Error::sdk("read the room's messages", error))?;
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
                        Ok(AnySyncTimelineEvent::MessageLike(AnySyncMessageLikeEvent::RoomEncrypted(_))) => {
                            unreadable += 1;
                        }
                        _ => {}
                    }
                }
                left = left.saturating_sub(u32::try_from(page.chunk.len()).unwrap_or(left));
                from = page.end.filter(|_| !page.chunk.is_empty());
                if from.is_none() {
                    break;
                }
            }
            Ok((messages, unreadable))
        }
        .boxed()
        .await
    }
}

/// Syncs until it is aborted. A server that is away for a while is part of many drills: the sync goes on when it is back.
async fn keep_syncing(client: Client, tick: watch::Sender<u64>, quiet: Arc<Mutex<()>>) {
    let settings = || SyncSettings::default().timeout(POLL);
    loop {
        let under_way = quiet.lock().await;
        let synced = client.sync_once(settings()).await;
        drop(under_way);
        match synced {
            Ok(_) => tick.send_modify(|syncs| *syncs += 1),
            Err(error) => {
                tracing::debug!(%error, "a peer's sync failed");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}
