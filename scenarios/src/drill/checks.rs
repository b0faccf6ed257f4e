//! What must hold after a drill.

use std::{collections::BTreeSet, time::Duration};

use harness::{
    check::{self, Checks, Evidence, Finding, Question, Snapshot, Verdict},
    history::Record,
    world::World,
};

use crate::{
    report::FindingRecord,
    step::{Failure, ensure},
};

/// How long the bot may take to answer a member.
const PATIENCE: Duration = Duration::from_secs(15);

/// What the bot is asked in the end, and what its answer names.
const HELP: &str = "!help";
const COMMANDS: [&str; 2] = ["!help", "!mint"];

/// How many devices the bot's accounts own.
pub(super) fn devices(snapshot: &Snapshot) -> usize {
    snapshot.devices.values().map(BTreeSet::len).sum()
}

/// Looks at a world through the eyes of a member who logged in independently; what is seen goes into the history.
pub(super) async fn look(world: &World, now: &Snapshot) -> Result<(), Failure> {
    let member = world.owner_peer().await?;
    let approver = world.approver();
    let device = now.device(approver.role.name()).unwrap_or_default();
    let question = Question {
        room: world.admin_room(),
        words: HELP,
        bot: approver.user_id(),
        expected: &COMMANDS,
    };
    let history = world.artifacts.history();
    history.add(check::ask(&member, question, PATIENCE).await);
    history.add(check::look_at_trust(&member, approver.user_id(), &device).await);
    if !world.memories().is_empty() {
        history.add(check::read_back(world, PATIENCE).await);
    }
    Ok(())
}

/// Judges a history, and what it says about the fault.
pub(super) fn judged(record: &Record) -> (Vec<FindingRecord>, Evidence) {
    let findings = Checks::standard().judge(record.clone());
    (findings.into_iter().map(said).collect(), Evidence::of(record.clone()))
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
