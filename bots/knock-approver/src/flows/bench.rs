//! The flows and the outbox over a database and a homeserver of their own, worked on by hand.

use std::{path::Path, sync::Arc, time::Duration};

use matrix_sdk::ruma::OwnedRoomId;
use serde_json::Value;

use super::Flows;
use crate::{
    breaker::Breaker,
    challenge::{Challenge, Source},
    config::{Config, Role},
    health::{Board, Health, IdentityHealth},
    intake::{Inlet, News, Update},
    lanes::Worker,
    matrix::{
        Membership,
        fake::{BOT, Fake},
    },
    metrics::Metrics,
    outbox::Sender,
    storage::{
        Store, StoreError,
        codes::{self, Code, Kind},
        queue::{self, Queue},
    },
    work::Step,
};

pub(crate) const SPACE: &str = "!space:hs";
pub(crate) const CHILD: &str = "!child:hs";
pub(crate) const FEED: &str = "!feed:hs";
pub(crate) const NOTES: &str = "!notes:hs";
pub(crate) const COMMANDS: &str = "!commands:hs";
pub(crate) const ANN: &str = "@ann:hs";
pub(crate) const CODE: &str = "live";
pub(crate) const HAIKU: &str = "An old silent pond\nA frog jumps into the pond\nSplash! Silence again";

pub(crate) struct Bench {
    pub(crate) homeserver: Arc<Fake>,
    pub(crate) store: Store,
    pub(crate) board: Board,
    pub(crate) flows: Flows,
    sender: Arc<Sender>,
    inlet: Inlet,
    events: u32,
}

pub(crate) fn config(settings: &[(&str, &str)]) -> Config {
    let lookup = |name: &str| {
        let set = settings.iter().find(|(key, _)| *key == name);
        let value = match (set, name) {
            (Some((_, value)), _) => value,
            (None, "HS") => "http://hs.example",
            (None, "SPACE_ID") => SPACE,
            (None, "SPACE_CHILD_IDS") => CHILD,
            (None, "FEED_ROOM") => FEED,
            (None, "OPERATOR_NOTIFY_ROOM") => NOTES,
            (None, "ADMIN_COMMAND_ROOM") => COMMANDS,
            (None, "COMMUNITY_NAME") => "pond",
            _ => return None,
        };
        Some(value.to_owned())
    };
    Config::from_lookup(&lookup).unwrap()
}

impl Bench {
    pub(crate) async fn new(dir: &Path) -> Self {
        Self::with(dir, Arc::default(), &[]).await
    }

    /// A process over a data directory and a homeserver that may have seen another one before.
    pub(crate) async fn with(dir: &Path, homeserver: Arc<Fake>, settings: &[(&str, &str)]) -> Self {
        let config = Arc::new(config(settings));
        let store = Store::open(dir).unwrap();
        store
            .run(|tx| {
                let code = Code {
                    code: CODE.to_owned(),
                    kind: Kind::Knock,
                    label: String::new(),
                    inviter: None,
                    uses_remaining: 5,
                };
                codes::add(tx, &code)
            })
            .await
            .unwrap();
        homeserver.state().device = "DEVICE".to_owned();
        homeserver.state().names.insert(ANN.to_owned(), "Ann".to_owned());
        let (board, metrics) = (Board::new(&config.roles()), Metrics::default());
        let source = Source::only(Challenge {
            title: "Frog".to_owned(),
            keyword: "frog".to_owned(),
        });
        let breaker = Arc::new(Breaker::new(config.breaker));
        let flows = Flows::new(
            config.clone(),
            store.clone(),
            homeserver.clone(),
            source,
            board.clone(),
            metrics.clone(),
        );
        let inlet = Inlet::new(store.clone(), config.flow.clone());
        let sender = Sender::new(
            config,
            store.clone(),
            homeserver.clone(),
            breaker,
            board.clone(),
            metrics,
        );
        Self {
            sender: Arc::new(sender.await.unwrap()),
            homeserver,
            store,
            board,
            flows,
            inlet,
            events: 0,
        }
    }

    /// Works until nothing is due; answers what was done on the homeserver. What fails is tried again later.
    pub(crate) async fn work(&self) -> Vec<String> {
        let mut again = true;
        while again {
            again = self.drain(Queue::Inbox, &self.flows).await;
            again |= self.drain(Queue::Outbox, &*self.sender).await;
        }
        self.homeserver.done()
    }

    /// Works on what has come in, and does nothing about it yet.
    pub(crate) async fn take_in(&self) {
        while self.drain(Queue::Inbox, &self.flows).await {}
    }

    /// Does what is to be done, and does not go on from there.
    pub(crate) async fn send(&self) {
        while self.drain(Queue::Outbox, &*self.sender).await {}
    }

    async fn drain(&self, queue: Queue, worker: &dyn Worker) -> bool {
        let mut any = false;
        let (lanes, _) = self.store.run(move |tx| queue::lanes(tx, queue)).await.unwrap();
        for lane in lanes {
            let next = move |tx: &rusqlite::Transaction<'_>| queue::next(tx, queue, &lane);
            while let Some(entry) = self.store.run(next.clone()).await.unwrap() {
                if worker.work(entry).await.is_err() {
                    break;
                }
                any = true;
            }
        }
        any
    }

    /// Watches the breaker beside the test.
    pub(crate) fn watch_breaker(&self) {
        let sender = self.sender.clone();
        tokio::spawn(async move { sender.watch_breaker().await });
    }

    pub(crate) async fn after(&self, wait: Duration) -> Vec<String> {
        tokio::time::advance(wait).await;
        self.work().await
    }

    /// Somebody knocks and the sync brings it.
    pub(crate) async fn knocks(&mut self, user: &str, reason: &str) -> Vec<String> {
        self.homeserver.set_member(SPACE, user, Membership::Knocking, reason);
        self.hears_knock(user, reason).await
    }

    /// The sync brings a knock, whatever is true now.
    pub(crate) async fn hears_knock(&mut self, user: &str, reason: &str) -> Vec<String> {
        let event = self.event();
        let step = Step::Knock {
            user: user.try_into().unwrap(),
            event: event.clone(),
            reason: reason.to_owned(),
            found: false,
            sent: 0,
        };
        self.step(&format!("knock:{event}"), &format!("knock:{user}"), step)
            .await
    }

    pub(crate) async fn says(&mut self, user: &str, room: &str, body: &str) -> Vec<String> {
        let event = self.event();
        let step = Step::Message {
            role: Role::Approver,
            room: room.try_into().unwrap(),
            event: event.as_str().try_into().unwrap(),
            sender: user.try_into().unwrap(),
            body: body.to_owned(),
        };
        self.step(&format!("message:{event}"), room, step).await
    }

    pub(crate) async fn step(&self, key: &str, lane: &str, step: Step) -> Vec<String> {
        let (key, lane) = (key.to_owned(), lane.to_owned());
        self.store
            .run(move |tx| queue::put(tx, Queue::Inbox, &key, &lane, &step, 0))
            .await
            .unwrap();
        self.work().await
    }

    /// The sync brings these events of a room.
    pub(crate) async fn syncs(&self, room: &str, state: Vec<Value>, timeline: Vec<Value>) -> Vec<String> {
        self.takes(room, state, timeline, false).await
    }

    /// The same in the first batch after a start.
    pub(crate) async fn catches_up(&self, room: &str, timeline: Vec<Value>) -> Vec<String> {
        self.takes(room, vec![], timeline, true).await
    }

    async fn takes(&self, room: &str, state: Vec<Value>, timeline: Vec<Value>, catches_up: bool) -> Vec<String> {
        let room = OwnedRoomId::try_from(room).unwrap();
        let update = Update {
            room: &room,
            state,
            timeline,
            limited: false,
            catches_up,
        };
        let mut news = News::default();
        self.inlet
            .joined_room(Role::Approver, BOT.try_into().unwrap(), &update, "next", &mut news);
        self.store
            .run(move |tx| Inlet::keep(tx, Role::Approver, &news, "next"))
            .await
            .unwrap();
        self.work().await
    }

    /// From the knock to the challenge; answers the room.
    pub(crate) async fn asked(&mut self, user: &str) -> String {
        let done = self.knocks(user, CODE).await;
        let room = done[0].strip_prefix("create ").unwrap().to_owned();
        self.homeserver.set_member(&room, user, Membership::Joined, "");
        room
    }

    pub(crate) async fn uses(&self) -> u32 {
        let live = self.store.run(codes::live).await.unwrap();
        live.iter()
            .find(|code| code.code == CODE)
            .map_or(0, |code| code.uses_remaining)
    }

    pub(crate) async fn signup_codes(&self) -> usize {
        let live = self.store.run(codes::live).await.unwrap();
        live.iter().filter(|code| code.kind == Kind::Signup).count()
    }

    pub(crate) fn ready(&self) -> Vec<String> {
        let shown = self.board.snapshot();
        let notes = shown.values().flat_map(|health| &health.degraded);
        notes.map(|note| format!("{} | {}", note.what, note.cure)).collect()
    }

    /// The event by which somebody knocked last.
    pub(crate) async fn knock_of(&self, user: &str) -> String {
        let user = user.to_owned();
        let knock = self.store.run(move |tx| {
            let sql = "SELECT knock FROM vetting WHERE mxid = ? ORDER BY id DESC LIMIT 1";
            Ok::<_, StoreError>(tx.query_row(sql, [user], |row| row.get(0))?)
        });
        knock.await.unwrap()
    }

    /// Whether `/ready` says that an identity cannot do what it is for.
    pub(crate) fn is_blocked(&self) -> bool {
        // An account that is well but for that: the bench has none that would say so.
        let board = self.board.account(Role::Approver);
        board.set(IdentityHealth::now(Health::Ok, "serving"));
        let state = board.snapshot().state;
        board.set(IdentityHealth::now(Health::Healing, "starting"));
        state == Health::NeedsOperator
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        let count = self
            .store
            .run(move |tx| Ok::<_, StoreError>(tx.query_row(sql, [], |row| row.get(0))?));
        count.await.unwrap()
    }

    fn event(&mut self) -> String {
        self.events += 1;
        format!("$event{}n{:x}", self.events, rand::random::<u64>())
    }
}

/// What concerns neither the feed nor the child rooms, which have lanes of their own.
pub(crate) fn in_front(done: &[String]) -> Vec<&str> {
    let beside = |line: &&String| line.contains(FEED) || line.contains(CHILD);
    done.iter().filter(|line| !beside(line)).map(String::as_str).collect()
}
