//! In time, or the operator told.

use super::{Evidence, Finding};
use crate::fault::Outcome;

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
    let Outcome::NeedsOperator { next_step_says, tries } = evidence.expectation.outcome else {
        return Finding::holds(TOLD, "it heals alone");
    };
    let Some(needing) = &evidence.needing else {
        return Finding::broken(TOLD, "it never said needs_operator");
    };
    let Some(ready) = &needing.ready else {
        return Finding::broken(TOLD, "its HTTP side was down while it needed the operator");
    };
    let Some(identity) = ready.identity("approver") else {
        return Finding::broken(
            TOLD,
            format!("/ready does not tell about the approver: {}", ready.line()),
        );
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
    let tried = evidence.logins().filter(|exchange| exchange.seq <= needing.seq).count();
    if tried > tries {
        broken.push(format!("{tried} logins before the cure, allowed are {tries}"));
    }
    Finding::of(TOLD, &broken, format!("{}; next step: {step}", identity.why))
}
