use std::{collections::BTreeMap, iter::repeat_n, ops::Range};

use super::Snapshot;
use crate::{
    front_door::{Entrance, Exchange},
    history::{Account, Allowed, Event, Record, Subject},
};

/// What a history says about one drill, laid out for checks.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The history itself.
    pub record: Record,
    /// Who is tested.
    pub subject: Subject,
    /// Every exchange.
    pub exchanges: Vec<Exchange>,
    /// The last look at the world that counts: the one in the end, the one before the next fault, or the last one before a scenario broke
    /// things itself.
    pub after: Option<Snapshot>,
    /// The fault that is judged, where there was one.
    pub breakage: Option<Breakage>,
    /// Every fault of the drill's schedule, in the order in which they happened.
    pub schedule: Vec<Breakage>,
}

/// What a history says about a fault.
#[derive(Clone, Debug)]
pub struct Breakage {
    /// Its name.
    pub fault: String,
    /// What the bot may and must make of it.
    pub allowed: Allowed,
    /// The look at the world before it.
    pub before: Snapshot,
    /// The look at the world while the bot needed its operator, or was weaker than it should be.
    pub needing: Option<Snapshot>,
    /// What shows that it happened, by the name of the account that it hit.
    pub fired: BTreeMap<String, String>,
    /// Milliseconds on the history's clock at which the injection began.
    pub began_ms: u64,
    /// When the operator did the last thing that the bot may have waited for.
    pub operator_ms: Option<u64>,
    /// When the bot served again, and nothing of it was weaker than it should be.
    pub whole_ms: Option<u64>,
    /// The entries of the history by which it is judged: from the injection to the end, or to the scenario's own losses.
    pub during: Range<usize>,
}

impl Breakage {
    /// Milliseconds that healing took: from the injection, or from the last thing that the operator did; none where it never healed.
    pub fn healed_in_ms(&self) -> Option<u64> {
        let began = self.operator_ms.map_or(self.began_ms, |did| did.max(self.began_ms));
        self.whole_ms.map(|whole| whole.saturating_sub(began))
    }
}

impl Evidence {
    /// Lays out a history for its last fault.
    pub fn of(record: Record) -> Self {
        let windows = Window::all(&record);
        let last = windows.last().copied().unwrap_or_default();
        Self::whole(record, &windows).within(windows.len() - 1, last)
    }

    /// Lays out a history for each fault of its schedule, in the order in which they happened; once where nothing was broken.
    pub fn each(record: Record) -> Vec<Self> {
        let windows = Window::all(&record);
        let whole = repeat_n(Self::whole(record, &windows), windows.len());
        let each = whole.zip(windows).enumerate();
        each.map(|(place, (whole, window))| whole.within(place, window))
            .collect()
    }

    /// What is the same for every fault.
    fn whole(record: Record, windows: &[Window]) -> Self {
        let schedule = windows.iter().filter_map(|window| Breakage::of(&record, *window));
        Self {
            subject: record.subject(),
            exchanges: record.exchanges(),
            after: None,
            breakage: None,
            schedule: schedule.collect(),
            record,
        }
    }

    /// The same for the fault at this place of the schedule.
    fn within(self, place: usize, window: Window) -> Self {
        Self {
            after: window.after(&self.record),
            breakage: self.schedule.get(place).cloned(),
            ..self
        }
    }

    /// The exchanges by which a fault is judged: those between the looks before and after it.
    pub fn traffic(&self) -> impl Iterator<Item = &Exchange> {
        let from = self.breakage.as_ref().map_or(0, |breakage| breakage.before.seq);
        let until = self.after.as_ref().map_or(u64::MAX, |after| after.seq);
        self.exchanges
            .iter()
            .filter(move |exchange| exchange.seq > from && exchange.seq <= until)
    }

    /// The logins that the bot asked for after the fault, whatever came back.
    pub fn logins(&self) -> impl Iterator<Item = &Exchange> {
        self.traffic().filter(|exchange| is_login(exchange))
    }

    /// The account of a user, if it is the bot's.
    pub fn account(&self, user: &str) -> Option<&Account> {
        self.subject.accounts.iter().find(|account| account.user_id == user)
    }

    /// The accounts that faults hit.
    pub fn hit(&self) -> impl Iterator<Item = &Account> {
        self.subject.accounts.iter().filter(|account| account.hit)
    }

    /// Whether a user was registered through the bot, as somebody who signs up with it is.
    pub fn is_newcomer(&self, user: &str) -> bool {
        self.exchanges.iter().any(|exchange| {
            exchange.entrance == Entrance::Bot
                && exchange.path.ends_with("/register")
                && exchange.answer["user_id"] == user
        })
    }
}

/// The entries of a history by which a fault is judged.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    /// Where it begins to be injected; nothing where nothing is broken.
    breaking: Option<usize>,
    /// The first entry that is not its business any more.
    until: usize,
    /// Whether the next fault begins there.
    is_followed: bool,
}

impl Window {
    /// One for each fault; one for the whole history where nothing is broken.
    fn all(record: &Record) -> Vec<Self> {
        let entries = record.entries();
        let starts: Vec<usize> = (0..entries.len())
            .filter(|place| matches!(entries[*place].event, Event::Breaking { drilled: true, .. }))
            .collect();
        let losses = entries.iter().position(|entry| matches!(entry.event, Event::OwnLosses));
        let window = |place: usize| {
            let breaking = starts.get(place).copied();
            // A fault is judged by what happened until the scenario breaks things itself, unless it came only then.
            let losses = losses.filter(|losses| breaking.is_some_and(|breaking| breaking < *losses));
            let next = starts.get(place + 1).copied();
            Self {
                breaking,
                until: next.or(losses).unwrap_or(entries.len()),
                is_followed: next.is_some(),
            }
        };
        (0..starts.len().max(1)).map(window).collect()
    }

    /// The last look at the world in it. What is seen before the next fault is what came of this one.
    fn after(self, record: &Record) -> Option<Snapshot> {
        let wanted = if self.is_followed { "before" } else { "after" };
        look(record, wanted, 0..self.until)
    }
}

/// The last look of that name among these entries.
fn look(record: &Record, wanted: &str, among: Range<usize>) -> Option<Snapshot> {
    record.entries()[among]
        .iter()
        .rev()
        .find_map(|entry| match &entry.event {
            Event::Look { when, snapshot } if when == wanted => Some(snapshot.as_ref().clone()),
            _ => None,
        })
}

impl Breakage {
    fn of(record: &Record, window: Window) -> Option<Self> {
        let (breaking, until) = (window.breaking?, window.until);
        let entries = record.entries();
        let Event::Breaking { fault, allowed, .. } = &entries[breaking].event else {
            return None;
        };
        let during = &entries[breaking..until];
        let whole = during.iter().find(|entry| matches!(entry.event, Event::Whole));
        let whole_ms = whole.map(|entry| entry.at_ms);
        let operator = during.iter().rev().find(|entry| {
            matches!(entry.event, Event::Operator { .. }) && whole_ms.is_none_or(|whole| entry.at_ms <= whole)
        });
        let fired = during.iter().filter_map(|entry| match &entry.event {
            Event::Fired { account, evidence } => Some((account.clone(), evidence.clone())),
            _ => None,
        });
        Some(Self {
            fault: fault.clone(),
            allowed: allowed.clone(),
            before: look(record, "before", 0..breaking).unwrap_or_default(),
            needing: look(record, "needing", breaking..until),
            fired: fired.collect(),
            began_ms: entries[breaking].at_ms,
            operator_ms: operator.map(|entry| entry.at_ms),
            whole_ms,
            during: breaking..until,
        })
    }
}

pub(super) fn is_login(exchange: &Exchange) -> bool {
    exchange.entrance == Entrance::Bot && exchange.method == "POST" && exchange.path.ends_with("/login")
}
