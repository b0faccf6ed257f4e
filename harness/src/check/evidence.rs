use std::{fs, time::Duration};

use super::Snapshot;
use crate::{
    fault::{Expectation, Fault, Moment},
    front_door::{Entrance, Exchange},
    secrets::Secrets,
    world::World,
};

/// A log to be searched for secrets.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Its name.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Everything that was recorded about a drill.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Before the fault.
    pub before: Snapshot,
    /// After the scenario that followed it.
    pub after: Snapshot,
    /// How `/ready` was while the bot needed the operator.
    pub needing: Option<Snapshot>,
    /// The traffic after `before`.
    pub traffic: Vec<Exchange>,
    /// Every exchange of the world, for what needs the time before too.
    pub all_traffic: Vec<Exchange>,
    /// The user ids of the bot's accounts, by role.
    pub bots: Vec<(String, String)>,
    /// The ids of the community's own rooms.
    pub rooms: Vec<String>,
    /// What the fault allows.
    pub expectation: Expectation,
    /// How long the bot took from the injection (of the cure, where it needed one) until it was ready.
    pub healed_in: Option<Duration>,
    /// What was written down anywhere.
    pub logs: Vec<Log>,
    /// What must not be in it.
    pub secrets: Secrets,
}

impl Evidence {
    /// Gathers what a world recorded since `before`.
    pub fn gather(
        world: &World,
        fault: &dyn Fault,
        moment: Moment,
        before: Snapshot,
        needing: Option<Snapshot>,
        after: Snapshot,
        healed_in: Option<Duration>,
    ) -> Self {
        let all_traffic = world.traffic().snapshot();
        let traffic = all_traffic
            .iter()
            .filter(|exchange| exchange.seq > before.seq)
            .cloned()
            .collect();
        let bots = world
            .accounts
            .iter()
            .map(|account| (account.role.name().to_owned(), account.user_id().to_owned()));
        let rooms = world
            .children()
            .chain([world.space(), world.admin_room()])
            .map(str::to_owned);
        Self {
            traffic,
            all_traffic,
            bots: bots.collect(),
            rooms: rooms.collect(),
            expectation: fault.expectation(moment),
            healed_in,
            logs: logs(world, &after),
            secrets: world.secrets().clone(),
            before,
            needing,
            after,
        }
    }

    /// The logins that the bot asked for after the fault, whatever came back.
    pub fn logins(&self) -> impl Iterator<Item = &Exchange> {
        self.traffic.iter().filter(|exchange| is_login(exchange))
    }
}

pub(super) fn is_login(exchange: &Exchange) -> bool {
    exchange.entrance == Entrance::Bot && exchange.method == "POST" && exchange.path.ends_with("/login")
}

/// The bot's log, the front door's records, the timeline, and what `/ready` says. The homeserver's log is its own affair.
fn logs(world: &World, after: &Snapshot) -> Vec<Log> {
    let log = |name: &str, text: String| Log {
        name: name.to_owned(),
        text,
    };
    vec![
        log("the bot's log", world.bot.log_text()),
        log("the recorded traffic", world.traffic().jsonl()),
        log(
            "the timeline",
            fs::read_to_string(world.artifacts.path("timeline.jsonl")).unwrap_or_default(),
        ),
        log(
            "/ready",
            after
                .ready
                .as_ref()
                .map(|ready| ready.body.to_string())
                .unwrap_or_default(),
        ),
    ]
}
