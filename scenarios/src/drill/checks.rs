//! What must hold after a drill.

use std::time::Duration;

use harness::{
    check::{self, Evidence, Finding, Snapshot},
    client::Peer,
    world::World,
};

use crate::report::FindingRecord;

/// How long the bot may take to answer a member.
const PATIENCE: Duration = Duration::from_secs(15);

/// How many devices the bot's accounts own.
pub(super) fn devices(snapshot: &Snapshot) -> usize {
    snapshot.devices.values().map(std::collections::BTreeSet::len).sum()
}

/// Looks at a world through the eyes of a member who logged in independently.
pub(super) async fn seen_by(member: &Peer, world: &World, now: &Snapshot) -> Vec<FindingRecord> {
    let approver = world.approver();
    let device = now.device(approver.role.name()).unwrap_or_default();
    let mut findings = vec![
        check::encrypted_round_trip(member, world.admin_room(), approver.user_id(), PATIENCE).await,
        check::trust(member, approver.user_id(), &device).await,
    ];
    if !world.memories().is_empty() {
        findings.push(check::history(world, PATIENCE).await);
    }
    findings.into_iter().map(record).collect()
}

/// Judges what was recorded about a fault.
pub(super) fn judged(evidence: &Evidence) -> Vec<FindingRecord> {
    check::all().iter().map(|check| record(check.judge(evidence))).collect()
}

fn record(finding: Finding) -> FindingRecord {
    FindingRecord {
        check: finding.check.to_owned(),
        held: finding.holds,
        what: finding.evidence,
    }
}
