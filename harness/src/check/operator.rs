//! In time, or the operator told, and only then.

use super::{Check, Evidence, Finding, Need, evidence::Breakage, harm::UNBROKEN, judge::check};
use crate::{
    bot::{Condition, IdentityState, Ready},
    history::{Account, AllowedOutcome, Event},
};

const IN_TIME: &str = "in-time";
const TOLD: &str = "operator-told";
const ALARM: &str = "no-false-alarm";

/// A bot that was asking when the operator acted has its answer, and says what it makes of it, a moment later.
const ANSWERED_MS: u64 = 1_000;

pub(super) fn checks() -> [Check; 3] {
    [
        check(
            IN_TIME,
            "healed in time, the operator's own work not counted",
            &[Need::State],
            in_time,
        ),
        check(
            TOLD,
            "where it cannot heal, the operator is told what to do",
            &[Need::State],
            told,
        ),
        check(
            ALARM,
            "the operator is never called for what heals by itself",
            &[Need::State],
            no_alarm,
        ),
    ]
}

fn in_time(evidence: &Evidence) -> Finding {
    let Some(breakage) = &evidence.breakage else {
        return Finding::not_applicable(IN_TIME, UNBROKEN);
    };
    let within = breakage.allowed.within_ms;
    let said = |took: u64| format!("healed in {:.1} s, allowed are {:.0} s", seconds(took), seconds(within));
    match breakage.healed_in_ms() {
        None => Finding::broken(IN_TIME, "it never healed"),
        Some(took) if took > within => Finding::broken(IN_TIME, said(took)),
        Some(took) => Finding::holds(IN_TIME, said(took)),
    }
}

fn seconds(ms: u64) -> f64 {
    std::time::Duration::from_millis(ms).as_secs_f64()
}

fn told(evidence: &Evidence) -> Finding {
    let Some(breakage) = &evidence.breakage else {
        return Finding::not_applicable(TOLD, UNBROKEN);
    };
    match &breakage.allowed.outcome {
        AllowedOutcome::Heals => Finding::not_applicable(TOLD, "it heals alone"),
        AllowedOutcome::NeedsOperator { next_step_says, tries } => {
            let mut told = of_each(evidence, breakage, |ready, identity| needed(ready, identity, next_step_says));
            let cured = breakage.needing.as_ref().map_or(0, |needing| needing.seq);
            let tried = evidence.logins().filter(|exchange| exchange.seq <= cured).count();
            if tried > *tries {
                told.broken.push(format!("{tried} logins before the cure, allowed are {tries}"));
            }
            told.finding()
        }
        AllowedOutcome::ServesDegraded { note_says } => of_each(evidence, breakage, |ready, identity| {
            noted(ready, identity, note_says)
        })
        .finding(),
    }
}

/// What the operator was told, and what was wrong with it.
#[derive(Default)]
struct Told {
    right: Vec<String>,
    broken: Vec<String>,
}

impl Told {
    fn finding(&self) -> Finding {
        Finding::of(TOLD, &self.broken, self.right.join("; "))
    }
}

/// What the bot said before the cure about each account that the fault hit: what it told, or all that is wrong with that.
fn of_each(
    evidence: &Evidence,
    breakage: &Breakage,
    judge: impl Fn(&Ready, &IdentityState) -> Result<String, Vec<String>>,
) -> Told {
    let mut told = Told::default();
    let Some(needing) = &breakage.needing else {
        told.broken.push("it never said that it needs the operator".to_owned());
        return told;
    };
    let Some(ready) = &needing.ready else {
        let nothing = "it said nothing of itself while it needed the operator";
        told.broken.push(nothing.to_owned());
        return told;
    };
    for Account { name, .. } in evidence.hit() {
        match ready.identity(name).map(|identity| judge(ready, identity)) {
            Some(Ok(right)) => told.right.push(format!("the {name}: {right}")),
            Some(Err(broken)) => told
                .broken
                .extend(broken.into_iter().map(|what| format!("the {name}: {what}"))),
            None => told
                .broken
                .push(format!("it does not tell about the {name}: {}", ready.line())),
        }
    }
    if told.right.is_empty() && told.broken.is_empty() {
        let nobody = "no account of the bot's is known that the fault hit";
        told.broken.push(nobody.to_owned());
    }
    told
}

/// A state that calls for the operator, with the reason and the next step.
fn needed(ready: &Ready, identity: &IdentityState, next_step_says: &[String]) -> Result<String, Vec<String>> {
    let mut broken = Vec::new();
    if identity.condition != Condition::NeedsOperator {
        broken.push(format!("the state is {}", identity.state));
    }
    if ready.is_ok() {
        broken.push(format!("it says that it serves: {}", ready.line()));
    }
    if identity.why.trim().is_empty() {
        broken.push("it does not say why".to_owned());
    }
    let step = identity.next_step.as_deref().unwrap_or_default();
    if !next_step_says.iter().any(|word| step.to_lowercase().contains(word)) {
        broken.push(format!("the next step is {step:?}, without any of {next_step_says:?}"));
    }
    match broken.is_empty() {
        true => Ok(format!("{}; next step: {step}", identity.why)),
        false => Err(broken),
    }
}

/// A note that names what is weaker and how to cure it, while the bot serves on.
fn noted(ready: &Ready, identity: &IdentityState, note_says: &[String]) -> Result<String, Vec<String>> {
    let mut broken = Vec::new();
    if !ready.is_ok() || !identity.serves() {
        broken.push(format!("it does not serve: {}", ready.line()));
    }
    let words: Vec<&str> = note_says.iter().map(String::as_str).collect();
    let Some(note) = identity.note(&words) else {
        return Err(vec![format!(
            "it has no note with any of {note_says:?}: {}",
            ready.line()
        )]);
    };
    if note.cure.trim().is_empty() {
        broken.push(format!("the note {:?} names no cure", note.what));
    }
    match broken.is_empty() {
        true => Ok(format!("{}; cure: {}", note.what, note.cure)),
        false => Err(broken),
    }
}

/// The bot may call for its operator from a fault that it cannot heal until the cure, and while the operator is still at work on a fault
/// that it can. At any other time it is a false alarm.
fn no_alarm(evidence: &Evidence) -> Finding {
    let entries = evidence.record.entries();
    let excused = |at_ms: u64| {
        evidence.breakage.as_ref().is_some_and(|breakage| {
            let until = match breakage.allowed.outcome {
                AllowedOutcome::NeedsOperator { .. } => breakage.whole_ms,
                AllowedOutcome::Heals | AllowedOutcome::ServesDegraded { .. } => breakage.operator_ms,
            };
            breakage.began_ms <= at_ms && until.is_some_and(|until| at_ms <= until + ANSWERED_MS)
        })
    };
    let mut looks = 0;
    let mut broken = Vec::new();
    for entry in entries {
        match &entry.event {
            // What the scenario's own losses lead to is the business of its steps.
            Event::OwnLosses => break,
            Event::Ready { said, .. } => {
                looks += 1;
                let cries = evidence.subject.accounts.iter().filter_map(|account| {
                    let identity = said.identity(&account.name)?;
                    let cries = identity.condition == Condition::NeedsOperator;
                    // An account that the fault did not hit has nothing to call for.
                    let excused = account.hit && excused(entry.at_ms);
                    (cries && !excused).then(|| format!("the {}: {}", account.name, identity.why))
                });
                broken.extend(cries.map(|cry| format!("after {:.1} s, {cry}", seconds(entry.at_ms))));
            }
            _ => {}
        }
    }
    if looks == 0 {
        return Finding::broken(ALARM, "it never said how it is");
    }
    Finding::of(
        ALARM,
        &broken,
        format!("it said {looks} times how it is, and called for nobody without need"),
    )
}
