//! What must hold after a drill.

use std::collections::BTreeSet;

use crate::{
    check::{Checks, Evidence, Finding, Snapshot, Verdict},
    history::Record,
    report::FindingRecord,
    step::{Failure, ensure},
    world::World,
};

/// How many devices the bot's accounts own.
pub(super) fn devices(snapshot: &Snapshot) -> usize {
    snapshot.devices.values().map(BTreeSet::len).sum()
}

/// Judges a history, and what it says about each fault.
pub(super) fn judged(checks: &Checks, record: Record) -> (Vec<FindingRecord>, Vec<Evidence>) {
    let evidence = Evidence::each(record);
    let findings = checks.judge_each(&evidence);
    (findings.into_iter().map(said).collect(), evidence)
}

fn said(finding: Finding) -> FindingRecord {
    FindingRecord {
        held: finding.verdict != Verdict::Broken,
        applies: finding.verdict != Verdict::NotApplicable,
        check: finding.check,
        what: finding.evidence,
    }
}

/// A history must be whole to be judged: it is read back from the disk, where it went as things happened.
pub(super) fn read(world: &World) -> Result<Record, Failure> {
    let record = Record::read(&world.artifacts.path("history.jsonl"))?;
    let (on_disk, in_memory) = (
        record.entries().len(),
        world.artifacts.history().record()?.entries().len(),
    );
    ensure(on_disk == in_memory, || {
        format!("the history on disk has {on_disk} entries of {in_memory}")
    })?;
    Ok(record)
}
