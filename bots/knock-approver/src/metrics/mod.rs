//! Counters and gauges for Prometheus, in the OpenMetrics text format.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::{
    health::{Health, Snapshot},
    storage::audit,
};

/// The content type of what [`Metrics::render`] answers.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The one label that a metric of ours has.
type Label = [(&'static str, String); 1];

/// What came of an effect.
const EFFECT: &[&str] = &["done", "refused", "moot"];

/// All that is counted, with what can come of it. It is told of before it first happens: a rate of what was not there is none.
const COUNTED: &[(&str, &[&str])] = &[
    ("answered_knocks", EFFECT),
    ("breaker", &["opened"]),
    ("commands", &["answered", "refused"]),
    ("haiku", &["passed", "missed"]),
    ("held", &["account", "creation", "limit", "room"]),
    ("history_shares", &["done", "left", "refused"]),
    ("http", &["limited"]),
    ("invites", EFFECT),
    ("knocks", &["accepted", "repeated", "stale", "unknown_code"]),
    ("leaves", EFFECT),
    ("lobbies", &["opened"]),
    ("messages", EFFECT),
    ("promotions", &["refused", "welcomed", "withdrawn"]),
    ("rooms_created", EFFECT),
    ("signups", &["done", "failed"]),
];

/// The counters: cheap to clone, all clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    counters: Arc<Mutex<BTreeMap<&'static str, Family<Label, Counter>>>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let families = COUNTED.iter().map(|(name, outcomes)| {
            let family = Family::default();
            for outcome in *outcomes {
                drop(family.get_or_create(&label("outcome", outcome)));
            }
            (*name, family)
        });
        Self {
            counters: Arc::new(Mutex::new(families.collect())),
        }
    }
}

/// What is measured when asked.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    /// Rows of the inbox that are not done, those due later included.
    pub inbox: i64,
    /// Rows of the outbox that are not done.
    pub outbox: i64,
    /// Open vetting rooms.
    pub vettings: i64,
    /// Open lobbies.
    pub lobbies: i64,
    /// Entries that were ever written to the audit, by type.
    pub audit: Vec<(String, u64)>,
    /// Whether the circuit breaker is open.
    pub breaker_open: bool,
}

impl Metrics {
    /// Counts one of `name` with the given outcome.
    pub fn count(&self, name: &'static str, outcome: &str) {
        let is_known = |(known, outcomes): &(&str, &[&str])| *known == name && outcomes.contains(&outcome);
        debug_assert!(
            COUNTED.iter().any(is_known),
            "{name} {outcome} is not among what is counted"
        );
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let family = counters.entry(name).or_default();
        family.get_or_create(&label("outcome", outcome)).inc();
    }

    /// Everything as text.
    ///
    /// # Errors
    ///
    /// What the encoder met; writing into a text does not fail by itself.
    pub fn render(&self, health: &Snapshot, gauges: &Gauges) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("knock_approver");
        let mut gauge = |name: &str, help: &str, name_of: &'static str, values: &[(&str, i64)]| {
            let family = Family::<Label, Gauge>::default();
            for (value, number) in values {
                family.get_or_create(&label(name_of, value)).set(*number);
            }
            registry.register(name, help, family);
        };
        let up = health
            .iter()
            .map(|(role, health)| (role.name(), i64::from(health.state == Health::Ok)));
        let up: Vec<_> = up.collect();
        gauge("identity_up", "1 while the identity serves", "identity", &up);
        let rows = [("inbox", gauges.inbox), ("outbox", gauges.outbox)];
        gauge("pending", "Rows that are not done", "queue", &rows);
        let rooms = [("vetting", gauges.vettings), ("lobby", gauges.lobbies)];
        gauge("open_rooms", "Rooms where newcomers are asked", "kind", &rooms);
        let breaker = Gauge::<i64>::default();
        breaker.set(i64::from(gauges.breaker_open));
        registry.register("breaker_open", "1 while the circuit breaker is open", breaker);
        let audit = Family::<Label, Counter>::default();
        for kind in audit::KINDS {
            drop(audit.get_or_create(&label("type", kind)));
        }
        for (kind, count) in &gauges.audit {
            audit.get_or_create(&label("type", kind)).inc_by(*count);
        }
        registry.register("audit", "Entries of the audit", audit);
        let counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, family) in counters.iter() {
            registry.register(*name, "Since the start of the process", family.clone());
        }
        drop(counters);
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}

/// The encoder writes values as they are: what would end one is taken out.
fn label(name: &'static str, value: &str) -> Label {
    [(name, value.replace(['\\', '"', '\n'], "_"))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Role, health::IdentityHealth};

    #[test]
    fn everything_is_told_under_its_name() {
        let metrics = Metrics::default();
        metrics.count("lobbies", "opened");
        metrics.clone().count("lobbies", "opened");
        let health = Snapshot::from([(Role::Approver, IdentityHealth::now(Health::Ok, "serving"))]);
        let gauges = Gauges {
            inbox: 3,
            lobbies: 2,
            audit: vec![("sign\"up\n".to_owned(), 7)],
            ..Gauges::default()
        };
        let text = metrics.render(&health, &gauges).unwrap();
        for line in [
            "knock_approver_identity_up{identity=\"approver\"} 1",
            "knock_approver_pending{queue=\"inbox\"} 3",
            "knock_approver_open_rooms{kind=\"lobby\"} 2",
            "knock_approver_breaker_open 0",
            "knock_approver_audit_total{type=\"sign_up_\"} 7",
            "knock_approver_lobbies_total{outcome=\"opened\"} 2",
            "knock_approver_knocks_total{outcome=\"accepted\"} 0",
            "knock_approver_messages_total{outcome=\"refused\"} 0",
            "knock_approver_http_total{outcome=\"limited\"} 0",
            "knock_approver_audit_total{type=\"promoted\"} 0",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
