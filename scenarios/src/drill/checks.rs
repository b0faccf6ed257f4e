//! What must hold after a drill.

use std::time::Duration;

use harness::{
    check::{self, Evidence, Finding, Snapshot},
    client::Peer,
    world::World,
};

use super::breakage::Breakage;
use crate::{breaking::Happened, report::FindingRecord, step::Failure};

/// How long the bot may take to answer a member.
const PATIENCE: Duration = Duration::from_secs(15);

/// How many devices the bot's accounts own.
pub(super) fn devices(snapshot: &Snapshot) -> usize {
    snapshot.devices.values().map(std::collections::BTreeSet::len).sum()
}

/// Judges a world after a fault: by the recorded evidence, and through the eyes of a member who logged in independently.
pub(super) async fn judged(
    world: &World,
    breakage: Option<(&Breakage, Happened)>,
    member: &Peer,
    after: Snapshot,
) -> Result<Vec<FindingRecord>, Failure> {
    let approver = world.approver();
    let device = after.device(approver.role.name()).unwrap_or_default();
    let mut findings = vec![
        check::encrypted_round_trip(member, world.admin_room(), approver.user_id(), PATIENCE).await,
        check::trust(member, approver.user_id(), &device).await,
    ];
    if !world.memories().is_empty() {
        findings.push(check::history(world, PATIENCE).await);
    }
    if let Some((breakage, happened)) = breakage {
        let Happened {
            before,
            needing,
            healed_in,
            ..
        } = happened;
        let (fault, moment) = (breakage.fault.as_ref(), breakage.moment);
        let evidence = Evidence::gather(world, fault, moment, before, needing, after, Some(healed_in));
        findings.extend(check::all().iter().map(|check| check.judge(&evidence)));
    }
    Ok(findings.into_iter().map(record).collect())
}

fn record(finding: Finding) -> FindingRecord {
    FindingRecord {
        check: finding.check.to_owned(),
        held: finding.holds,
        what: finding.evidence,
    }
}
