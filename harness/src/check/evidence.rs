use std::{collections::BTreeMap, ops::Range};

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
    /// The last look at the world that counts: the one in the end, or the last one before a scenario broke things itself.
    pub after: Option<Snapshot>,
    /// The fault, where there was one.
    pub breakage: Option<Breakage>,
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
    /// Lays out a history.
    pub fn of(record: Record) -> Self {
        let entries = record.entries();
        // A fault is judged by what happened until the scenario breaks things itself, unless it came only then.
        let breaking = entries
            .iter()
            .position(|entry| matches!(entry.event, Event::Breaking { drilled: true, .. }));
        let losses = entries
            .iter()
            .position(|entry| matches!(entry.event, Event::OwnLosses))
            .filter(|losses| breaking.is_some_and(|breaking| breaking < *losses));
        let until = losses.unwrap_or(entries.len());
        let after = entries[..until].iter().rev().find_map(|entry| match &entry.event {
            Event::Look { when, snapshot } if when == "after" => Some(snapshot.as_ref().clone()),
            _ => None,
        });
        let breakage = breaking.and_then(|breaking| Breakage::of(&record, breaking, until));
        Self {
            subject: record.subject(),
            exchanges: record.exchanges(),
            after,
            breakage,
            record,
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

impl Breakage {
    fn of(record: &Record, breaking: usize, until: usize) -> Option<Self> {
        let entries = record.entries();
        let Event::Breaking { fault, allowed, .. } = &entries[breaking].event else {
            return None;
        };
        let look = |wanted: &str, among: Range<usize>| {
            entries[among].iter().rev().find_map(|entry| match &entry.event {
                Event::Look { when, snapshot } if when == wanted => Some(snapshot.as_ref().clone()),
                _ => None,
            })
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
            before: look("before", 0..breaking).unwrap_or_default(),
            needing: look("needing", breaking..until),
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
