//! The task that watches.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use matrix_sdk::{
    RoomState,
    ruma::{OwnedRoomId, OwnedUserId, RoomId},
};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    News,
    judge::{Found, judge},
    look::{Absence, Departure, View, look},
    place::{Place, places},
    power::Powers,
};
use crate::{
    config::{Config, Role},
    finding::Standing,
    health::Board,
    identity::{Identity, Live},
    matrix::{self, Failure},
    secret::Secret,
    session::Server,
    storage::{
        Store, StoreError, audit, facts, now_ms,
        queue::{self, Queue},
    },
    work::Step,
};

/// How often all rooms are looked at, for what the sync may have left out.
const ALL_WELL: Duration = Duration::from_secs(600);
/// The same while something is missing, or could not be asked.
const NOT_WELL: Duration = Duration::from_secs(20);
/// For one room.
const PATIENCE: Duration = Duration::from_secs(60);

/// Watches the community's rooms for the approver.
#[derive(Debug)]
pub struct Monitor {
    config: Arc<Config>,
    store: Store,
    approver: Identity,
    server: Server,
    board: Board,
    news: News,
    places: BTreeMap<OwnedRoomId, Vec<Place>>,
    /// What was last found of each room.
    found: BTreeMap<OwnedRoomId, Vec<Found>>,
    /// How the bot went out of those that it is not in.
    absences: BTreeMap<OwnedRoomId, Absence>,
    /// Those that could not be looked at the last time.
    unseen: BTreeSet<OwnedRoomId>,
}

impl Monitor {
    /// A monitor over these parts, which has looked at nothing yet.
    pub fn new(
        config: Arc<Config>,
        store: Store,
        approver: Identity,
        server: Server,
        board: Board,
        news: News,
    ) -> Self {
        Self {
            places: places(&config).into_iter().collect(),
            config,
            store,
            approver,
            server,
            board,
            news,
            found: BTreeMap::new(),
            absences: BTreeMap::new(),
            unseen: BTreeSet::new(),
        }
    }

    /// Watches until the shutdown.
    pub async fn run(mut self, shutdown: CancellationToken) {
        shutdown.clone().run_until_cancelled(self.watch()).await;
    }

    async fn watch(&mut self) {
        let mut all = Instant::now() + ALL_WELL;
        loop {
            let rooms: BTreeSet<OwnedRoomId> = tokio::select! {
                changed = self.news.next() => {
                    let rooms = changed.keys().cloned().collect();
                    self.absences.extend(changed.into_iter().filter_map(|(room, absence)| Some((room, absence?))));
                    rooms
                }
                () = sleep_until(all) => self.places.keys().cloned().collect(),
            };
            let mut is_well = true;
            for room in &rooms {
                is_well &= self.examine(room).await;
            }
            let complains = |found: &Vec<Found>| found.iter().any(|found| found.finding.standing() != Standing::Well);
            is_well &= !self.found.values().any(complains);
            let next = Instant::now() + if is_well { ALL_WELL } else { NOT_WELL };
            all = if is_well && rooms.len() < self.places.len() {
                all
            } else {
                next
            };
        }
    }

    /// Looks at a room and says what was found; `false` where it could not be asked. Then what was found before still stands.
    async fn examine(&mut self, room: &RoomId) -> bool {
        let Some(places) = self.places.get(room).cloned() else {
            return true;
        };
        let Ok(view) = timeout(PATIENCE, self.view(room)).await else {
            return false;
        };
        let (view, user) = match view {
            Some((View::Unknown(why), user)) => {
                tracing::debug!(%room, why, "the room could not be looked at");
                if !self.unseen.insert(room.to_owned()) {
                    self.say_unseen(room, judge(&places, &user, &View::Unknown(why)));
                }
                return false;
            }
            Some(view) => view,
            None => return false,
        };
        self.unseen.remove(room);
        self.publish(room, judge(&places, &user, &view));
        true
    }

    /// Says that a room cannot be looked at, beside what was found there before.
    fn say_unseen(&mut self, room: &RoomId, unseen: Vec<Found>) {
        let mut found = self.found.get(room).cloned().unwrap_or_default();
        found.retain(|old| !unseen.iter().any(|new| new.key == old.key));
        found.extend(unseen);
        self.publish(room, found);
    }

    /// The room as it is, after the bot went in where somebody with power had asked it to.
    async fn view(&mut self, room: &RoomId) -> Option<(View, OwnedUserId)> {
        let (token, user) = self.session().await?;
        let view = look(&self.server, &token, &user, room).await;
        let view = match view {
            View::Inside(inside) => {
                self.absences.remove(room);
                self.keep_powers(room, &inside.powers).await;
                View::Inside(inside)
            }
            View::Outside(seen) => match self.outside(room, &token, seen).await {
                Some(absence) => View::Outside(absence),
                None => look(&self.server, &token, &user, room).await,
            },
            View::Unknown(why) => View::Unknown(why),
        };
        Some((view, user))
    }

    /// The token of the session that lives, without holding its client.
    async fn session(&self) -> Option<(Secret, OwnedUserId)> {
        let live = self.approver.live().await;
        let token = live.client.access_token()?;
        Some((Secret::new(token), live.user_id.clone()))
    }

    /// Why the bot is not in the room; `None` where it has just gone in.
    async fn outside(&mut self, room: &RoomId, token: &Secret, seen: Absence) -> Option<Absence> {
        let live = self.approver.live().await;
        let (state, inviter) = matrix::presence(&live, room).await;
        drop(live);
        let Some(by) = inviter else {
            let told = self.absences.get(room).cloned();
            return Some(match (told, state) {
                (Some(told), _) => told,
                (None, Some(RoomState::Banned)) if seen == Absence::NeverThere => Absence::Banned(Departure::default()),
                _ => seen,
            });
        };
        match self.may_bring_in(room, token, &by).await {
            Some(true) => self.go_in(room, &by).await,
            judged => Some(Absence::Invited {
                by,
                known: judged.is_some(),
            }),
        }
    }

    /// Whether the bot goes into a room on somebody's word: by the power that was last seen there, or in the space. `None` where
    /// nothing is known of either.
    async fn may_bring_in(&self, room: &RoomId, token: &Secret, by: &OwnedUserId) -> Option<bool> {
        if self.config.flow.admins.contains(by) {
            return Some(true);
        }
        let mut known = None;
        for room in [room, &self.config.flow.space] {
            let powers = match self.kept_powers(room).await {
                Some(powers) => Some(powers),
                // Some rooms show their state to those who are invited.
                None => Powers::read(&self.server, token, room).await.ok(),
            };
            if let Some(powers) = powers {
                if powers.may_bring_in(by) {
                    return Some(true);
                }
                known = Some(false);
            }
        }
        if known.is_none() {
            // The database is lost, too. Whoever made the room stands above all others in it.
            let live = self.approver.live().await;
            return matrix::has_made(&live, room, by).then_some(true);
        }
        known
    }

    async fn go_in(&mut self, room: &RoomId, by: &OwnedUserId) -> Option<Absence> {
        let via = [by.server_name().to_owned()];
        let joined = self
            .approver
            .call(|live: Live| {
                let via = via.clone();
                async move { matrix::join(&live, room, &via).await }
            })
            .await;
        if let Err(error) = joined.map_err(Failure::from) {
            tracing::warn!(%room, %by, %error, "invited, and not let in");
            return Some(Absence::NotLetIn(error.to_string()));
        }
        tracing::info!(%room, %by, "joined again");
        self.absences.remove(room);
        let (detail, is_space) = (
            serde_json::json!({ "room_id": room, "by": by }),
            room == self.config.flow.space,
        );
        let written = self.store.run(move |tx| {
            audit::write(tx, "rejoined", &detail)?;
            // Who knocked meanwhile is not in what the sync brings.
            if is_space {
                let key = format!("find-knocks:rejoined:{}", now_ms());
                queue::put(tx, Queue::Inbox, &key, "find-knocks", &Step::FindKnocks, 0)?;
            }
            Ok::<_, StoreError>(())
        });
        if let Err(error) = written.await {
            tracing::error!(%room, %error, "joined, but the knocks are not looked for");
        }
        None
    }

    async fn kept_powers(&self, room: &RoomId) -> Option<Powers> {
        let key = powers_key(room);
        let kept: Result<_, StoreError> = self.store.run(move |tx| facts::value(tx, &key)).await;
        let kept: Option<String> = kept.ok().flatten();
        serde_json::from_str(&kept?).ok()
    }

    async fn keep_powers(&self, room: &RoomId, powers: &Powers) {
        let (key, Ok(powers)) = (powers_key(room), serde_json::to_string(powers)) else {
            return;
        };
        let kept: Result<(), StoreError> = self
            .store
            .run(move |tx| match facts::value(tx, &key)? {
                Some(before) if before == powers => Ok(()),
                _ => facts::set_value(tx, &key, &powers),
            })
            .await;
        if let Err(error) = kept {
            tracing::warn!(%room, %error, "who has power there is not kept");
        }
    }

    /// Puts what was found on the board, and takes down what is so no more.
    fn publish(&mut self, room: &RoomId, found: Vec<Found>) {
        let before = self.found.insert(room.to_owned(), found).unwrap_or_default();
        let now = self.found.get(room).map_or(&[][..], Vec::as_slice);
        for gone in before.iter().filter(|old| !now.iter().any(|new| new.key == old.key)) {
            self.board.weaker(Role::Approver, gone.key.clone(), None);
            self.board.block(Role::Approver, gone.key.clone(), None);
        }
        for found in now {
            let was = before.iter().find(|old| old.key == found.key);
            let complaint = found.finding.complaint();
            if was != Some(found) {
                match (&complaint, was.and_then(|was| was.finding.complaint())) {
                    (Some(complaint), _) => {
                        tracing::warn!(
                            role = "approver",
                            what = complaint.what,
                            cure = complaint.cure,
                            "a room is not as it should be"
                        );
                    }
                    (None, Some(was)) => tracing::info!(role = "approver", what = was.what, "cured"),
                    (None, None) => {}
                }
            }
            let (weaker, blocked) = match found.blocks {
                true => (None, complaint),
                false => (complaint, None),
            };
            self.board.weaker(Role::Approver, found.key.clone(), weaker);
            self.board.block(Role::Approver, found.key.clone(), blocked);
        }
    }
}

fn powers_key(room: &RoomId) -> String {
    format!("powers:{room}")
}
