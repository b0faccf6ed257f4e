//! Counters for Prometheus.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
};

use crate::health::{Health, Snapshot};

/// The counters: cheap to clone, all clones count together.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    counters: Arc<Mutex<BTreeMap<(&'static str, String), u64>>>,
}

/// What is measured when asked.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    /// Rows of the inbox that are not done, those due later included.
    pub inbox: u64,
    /// Rows of the outbox that are not done.
    pub outbox: u64,
    /// Open vetting rooms.
    pub vettings: u64,
    /// Open lobbies.
    pub lobbies: u64,
    /// Entries of the audit by type, over the whole life of the data directory.
    pub audit: Vec<(String, u64)>,
    /// Whether the circuit breaker is open.
    pub breaker_open: bool,
}

impl Metrics {
    /// Counts one of `name` with the given outcome.
    pub fn count(&self, name: &'static str, outcome: &str) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        *counters.entry((name, outcome.to_owned())).or_default() += 1;
    }

    /// Everything as Prometheus's text format.
    pub fn render(&self, health: &Snapshot, gauges: &Gauges) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, u64)]| {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in samples {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let label = |name: &str, value: &str| format!("{{{name}=\"{}\"}}", value.replace(['\\', '"', '\n'], "_"));
        let up = health
            .iter()
            .map(|(role, health)| (label("identity", role.name()), u64::from(health.state == Health::Ok)))
            .collect::<Vec<_>>();
        family(
            "knock_approver_identity_up",
            "gauge",
            "1 while the identity serves.",
            &up,
        );
        let plain = |value: u64| [(String::new(), value)];
        let rows = [
            (label("queue", "inbox"), gauges.inbox),
            (label("queue", "outbox"), gauges.outbox),
        ];
        family("knock_approver_pending", "gauge", "Rows that are not done.", &rows);
        let rooms = [
            (label("kind", "vetting"), gauges.vettings),
            (label("kind", "lobby"), gauges.lobbies),
        ];
        family(
            "knock_approver_open_rooms",
            "gauge",
            "Rooms where newcomers are asked.",
            &rooms,
        );
        let open = plain(u64::from(gauges.breaker_open));
        family(
            "knock_approver_breaker_open",
            "gauge",
            "1 while the circuit breaker is open.",
            &open,
        );
        let audit = gauges
            .audit
            .iter()
            .map(|(kind, count)| (label("type", kind), *count))
            .collect::<Vec<_>>();
        family("knock_approver_audit_total", "counter", "Entries of the audit.", &audit);
        let counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names = counters.keys().map(|(name, _)| *name).collect::<Vec<_>>();
        names.dedup();
        for name in names {
            let samples = counters
                .iter()
                .filter(|((counter, _), _)| *counter == name)
                .map(|((_, outcome), value)| (label("outcome", outcome), *value))
                .collect::<Vec<_>>();
            family(
                &format!("knock_approver_{name}_total"),
                "counter",
                "Since the start of the process.",
                &samples,
            );
        }
        text
    }
}
