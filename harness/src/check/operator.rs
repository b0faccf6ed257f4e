//! In time, or the operator told.

use super::{Evidence, Finding};
use crate::{
    bot::{IdentityState, Ready},
    fault::Outcome,
};

pub(super) const IN_TIME: &str = "in-time";
pub(super) const TOLD: &str = "operator-told";

pub(super) fn in_time(evidence: &Evidence) -> Finding {
    let within = evidence.expectation.within;
    match evidence.healed_in {
        None => Finding::broken(IN_TIME, "it never healed"),
        Some(took) if took > within => {
            Finding::broken(IN_TIME, format!("healed in {took:.1?}, allowed are {within:?}"))
        }
        Some(took) => Finding::holds(IN_TIME, format!("healed in {took:.1?}, allowed are {within:?}")),
    }
}

pub(super) fn told(evidence: &Evidence) -> Finding {
    match evidence.expectation.outcome {
        Outcome::Heals => Finding::holds(TOLD, "it heals alone"),
        Outcome::NeedsOperator { next_step_says, tries } => needed(evidence, next_step_says, tries),
        Outcome::ServesDegraded { note_says } => noted(evidence, note_says),
    }
}

/// What `/ready` said about the approver before the cure.
fn approver(evidence: &Evidence) -> Result<(&Ready, IdentityState), String> {
    let needing = evidence
        .needing
        .as_ref()
        .ok_or("it never said that it needs the operator")?;
    let ready = needing
        .ready
        .as_ref()
        .ok_or("its HTTP side was down while it needed the operator")?;
    let identity = ready.identity("approver");
    let identity = identity.ok_or_else(|| format!("/ready does not tell about the approver: {}", ready.line()))?;
    Ok((ready, identity))
}

fn needed(evidence: &Evidence, next_step_says: &[&str], tries: usize) -> Finding {
    let (ready, identity) = match approver(evidence) {
        Ok(said) => said,
        Err(why) => return Finding::broken(TOLD, why),
    };
    let mut broken = Vec::new();
    if identity.state != "needs_operator" {
        broken.push(format!("the state is {}", identity.state));
    }
    if ready.status != 503 {
        broken.push(format!("/ready answers {}", ready.status));
    }
    if identity.why.trim().is_empty() {
        broken.push("it does not say why".to_owned());
    }
    let step = identity.next_step.unwrap_or_default();
    if !next_step_says.iter().any(|word| step.to_lowercase().contains(word)) {
        broken.push(format!("the next step is {step:?}, without any of {next_step_says:?}"));
    }
    let cured = evidence.needing.as_ref().map_or(0, |needing| needing.seq);
    let tried = evidence.logins().filter(|exchange| exchange.seq <= cured).count();
    if tried > tries {
        broken.push(format!("{tried} logins before the cure, allowed are {tries}"));
    }
    Finding::of(TOLD, &broken, format!("{}; next step: {step}", identity.why))
}

/// A note that names what is weaker and how to cure it, while the bot serves on.
fn noted(evidence: &Evidence, note_says: &[&str]) -> Finding {
    let (ready, identity) = match approver(evidence) {
        Ok(said) => said,
        Err(why) => return Finding::broken(TOLD, why),
    };
    let mut broken = Vec::new();
    if !ready.is_ok() || identity.state != "ok" {
        broken.push(format!("it does not serve: {}", ready.line()));
    }
    let note = identity.note(note_says);
    let Some(note) = note else {
        return Finding::broken(
            TOLD,
            format!("/ready has no note with any of {note_says:?}: {}", ready.line()),
        );
    };
    if note.cure.trim().is_empty() {
        broken.push(format!("the note {:?} names no cure", note.what));
    }
    Finding::of(TOLD, &broken, format!("{}; cure: {}", note.what, note.cure))
}
