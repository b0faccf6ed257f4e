//! Goes along with those who verify the bot.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId, UserId};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    heard::{Heard, Request},
    listening::Words,
    sas,
    stage::{self, Act, Kept, Seen},
};
use crate::{
    config::{Config, Role},
    identity::Live,
    matrix,
    storage::{
        Store, StoreError, audit, now_ms,
        verification::{self, Verification},
    },
    team::{Team, may_command},
};

/// How long one may take, in milliseconds: after ten minutes the other side gives up by itself.
const LONGEST: i64 = 10 * 60 * 1000;
/// How often it is looked whether another process has written what a person says.
const LOOK: Duration = Duration::from_secs(1);
/// For a question to the homeserver.
const PATIENCE: Duration = Duration::from_secs(20);
/// Of so many strangers it is known that they were declined.
const STRANGERS: usize = 1000;
/// More steps one look does not lead to.
const STEPS: usize = 4;

/// Goes along with those who may command, and declines everybody else.
#[derive(Debug)]
pub struct Verifier {
    config: Arc<Config>,
    store: Store,
    team: Team,
    words: Words,
    /// Whose requests were declined, so that each is said once.
    declined: HashSet<OwnedUserId>,
    /// The direct chats that the bot goes into and has not heard anything of yet.
    chats: HashSet<OwnedRoomId>,
}

impl Verifier {
    /// One that acts on what it hears.
    pub fn new(config: Arc<Config>, store: Store, team: Team, words: Words) -> Self {
        Self {
            config,
            store,
            team,
            words,
            declined: HashSet::new(),
            chats: HashSet::new(),
        }
    }

    /// Runs until `shutdown`.
    pub async fn run(mut self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.listen()).await;
    }

    async fn listen(&mut self) {
        let left = self
            .store
            .run(|tx| verification::clear(tx, "lost: the bot was restarted; begin anew"));
        if let Err(error) = left.await {
            tracing::error!(%error, "what is left of earlier verifications cannot be ended");
        }
        let mut changes = self.store.changes();
        let mut tick = interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut open = false;
        loop {
            tokio::select! {
                heard = self.words.next() => match heard {
                    Some((role, heard)) => self.hear(role, heard).await,
                    // No identity is left that could hear anything.
                    None => return std::future::pending().await,
                },
                _ = changes.changed(), if open => {}
                _ = tick.tick(), if open => {}
            }
            changes.mark_unchanged();
            open = match self.review().await {
                Ok(open) => open,
                Err(error) => {
                    tracing::error!(%error, "verifications cannot be looked at");
                    true
                }
            };
        }
    }

    async fn hear(&mut self, role: Role, heard: Heard) {
        match heard {
            Heard::GoesOn => {}
            Heard::Invited { room, by } => self.invited(role, room, &by).await,
            Heard::CameInto(room) => self.came_into(role, &room).await,
            Heard::Asked(asked) => self.asked(role, asked).await,
        }
    }

    async fn asked(&mut self, role: Role, asked: Request) {
        let Some(live) = self.team.identity(role).try_live() else {
            return;
        };
        let why = match self.may_verify(role, &asked.user).await {
            None => return,
            Some(false) => {
                self.say_declined(role, &asked.user);
                "only those who may command the bot can verify it"
            }
            Some(true) if sas::look(&live, &asked.user, &asked.flow).await == Seen::Nothing => {
                if let Ok(Err(error)) = timeout(PATIENCE, sas::get_to_know(&live, &asked.user)).await {
                    tracing::debug!(error = %matrix::Failure::from(error), "somebody's devices are not known yet");
                }
                "the bot did not know this device yet: ask again"
            }
            Some(true) if self.begin(role, &asked).await => return,
            Some(true) => "too many verify the bot at once: ask again later",
        };
        self.refuse(&live, &asked, why).await;
    }

    async fn refuse(&self, live: &Live, asked: &Request, why: &str) {
        if let Ok(Err(error)) = timeout(PATIENCE, sas::refuse(live, asked, why)).await {
            let error = matrix::Failure::from(error);
            tracing::debug!(user = %asked.user, %error, "a request to verify the bot could not be refused");
        }
    }

    /// Whether somebody may; `None` where it cannot be told. Whoever has the bot's own account is no person who could compare: its
    /// other devices would get its keys.
    async fn may_verify(&self, role: Role, user: &UserId) -> Option<bool> {
        if self.team.identity(role).try_live()?.user_id == *user {
            return Some(false);
        }
        match timeout(PATIENCE, may_command(&self.config, &self.team, user)).await {
            Ok(Ok(may)) => Some(may),
            Ok(Err(error)) => {
                tracing::warn!(%user, %error, "it cannot be told whether somebody may verify the bot");
                None
            }
            Err(_) => None,
        }
    }

    /// Begins one; answers whether it is begun, or was already.
    async fn begin(&self, role: Role, asked: &Request) -> bool {
        let Request { user, device, flow, .. } = asked.clone();
        let begun = self.store.run(move |tx| {
            let mut known = verification::open(tx)?.into_iter();
            let is_known = known.any(|one| one.role == role && one.mxid == user.as_str() && one.flow == flow);
            Ok::<_, StoreError>(is_known || verification::begin(tx, role, user.as_str(), &device, &flow)?)
        });
        match begun.await {
            Ok(begun) => {
                tracing::info!(
                    user = %asked.user,
                    role = role.name(),
                    begun,
                    "somebody verifies the bot: `knock-approver verify` shows the emoji"
                );
                begun
            }
            Err(error) => {
                tracing::error!(%error, "a verification cannot be kept");
                false
            }
        }
    }

    /// Once for each of them: strangers decide how often they ask.
    fn say_declined(&mut self, role: Role, user: &OwnedUserId) {
        if self.declined.len() >= STRANGERS {
            self.declined.clear();
        }
        if self.declined.insert(user.clone()) {
            tracing::warn!(%user, role = role.name(), "a request to verify the bot is declined: only those who may command do that");
        }
    }

    /// Clients ask in a direct chat, which they open for it.
    async fn invited(&mut self, role: Role, room: OwnedRoomId, by: &OwnedUserId) {
        let flow = &self.config.flow;
        let is_ours = room == flow.space || room == flow.command_room || flow.children.contains(&room);
        if is_ours || self.may_verify(role, by).await != Some(true) {
            return;
        }
        let via = [by.server_name().to_owned()];
        let joined = self.team.identity(role).call(|live| {
            let (room, via) = (&room, &via);
            async move { matrix::join(&live, room, via).await }
        });
        match timeout(PATIENCE, joined).await {
            Ok(Ok(())) => {
                tracing::info!(%room, %by, "went into a direct chat");
                self.chats.insert(room);
            }
            Ok(Err(error)) => {
                tracing::warn!(%room, %by, error = %matrix::Failure::from(error), "cannot go into a direct chat")
            }
            Err(_) => {}
        }
    }

    /// Some homeservers bring nothing of what was said in a room before the bot came, which the request was: its client would wait for
    /// ten minutes. It is told to ask again instead.
    async fn came_into(&mut self, role: Role, room: &OwnedRoomId) {
        let Some(live) = self.team.identity(role).try_live().filter(|_| self.chats.remove(room)) else {
            return;
        };
        match timeout(PATIENCE, sas::missed(&live, room)).await {
            Ok(Ok(missed)) => {
                for asked in missed {
                    self.refuse(&live, &asked, "the bot has only now come into this chat: ask again")
                        .await;
                }
            }
            Ok(Err(error)) => {
                tracing::debug!(%room, error = %matrix::Failure::from(error), "a direct chat is not looked at")
            }
            Err(_) => {}
        }
    }

    /// Looks at all that are under way; answers whether there are any.
    async fn review(&self) -> Result<bool, StoreError> {
        let open = self.store.run(verification::open).await?;
        for one in &open {
            self.go_on(one.clone()).await?;
        }
        Ok(!open.is_empty())
    }

    async fn go_on(&self, mut one: Verification) -> Result<(), StoreError> {
        // Without a client there is nothing to be done, and another one will know nothing of it.
        let (Some(live), Ok(user)) = (self.team.identity(one.role).try_live(), UserId::parse(&one.mxid)) else {
            return Ok(());
        };
        for _ in 0..STEPS {
            let kept = Kept {
                shown: one.emoji.clone(),
                same: one.same,
                late: now_ms() - one.created > LONGEST,
            };
            let act = stage::next(sas::look(&live, &user, &one.flow).await, &kept, self.config.confirm);
            let id = one.id;
            match &act {
                Act::Wait => break,
                Act::End(how) => return self.end(one, how.clone()).await,
                Act::Show(emoji) => {
                    one.emoji = Some(emoji.clone());
                    let emoji = emoji.clone();
                    self.store.run(move |tx| verification::show(tx, id, &emoji)).await?;
                }
                act => {
                    if !self.act(&live, &user, &one.flow, act).await {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Does what concerns the other side; answers whether it is done.
    async fn act(&self, live: &Live, user: &UserId, flow: &str, act: &Act) -> bool {
        let begun = Instant::now();
        match timeout(PATIENCE, sas::act(live, user, flow, act)).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                let error = matrix::Failure::from(error);
                tracing::warn!(%user, %error, "a verification does not go on; it is tried again");
                false
            }
            Err(_) => {
                tracing::warn!(%user, waited = begun.elapsed().as_secs(), "a verification does not go on; it is tried again");
                false
            }
        }
    }

    async fn end(&self, one: Verification, how: String) -> Result<(), StoreError> {
        tracing::info!(user = one.mxid, device = one.device, how, "a verification is over");
        self.store
            .run(move |tx| {
                verification::end(tx, one.id, &how)?;
                let detail = json!({ "mxid": one.mxid, "device": one.device, "role": one.role, "how": how });
                audit::write(tx, "verification", &detail)
            })
            .await
    }
}
