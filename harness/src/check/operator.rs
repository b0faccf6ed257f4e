//! In time, or the operator told, and only then.

use std::collections::BTreeSet;

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
            &[],
            in_time,
        ),
        check(TOLD, "where it cannot heal, the operator is told what to do", &[], told),
        check(
            ALARM,
            "the operator is never called for what heals by itself",
            &[Need::Cries],
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
    let lacks = |need| evidence.subject.lacks.contains(&need);
    match &breakage.allowed.outcome {
        AllowedOutcome::Heals => Finding::not_applicable(TOLD, "it heals alone"),
        AllowedOutcome::NeedsOperator { .. } if lacks(Need::Cries) => {
            Finding::not_applicable(TOLD, Need::Cries.missing())
        }
        AllowedOutcome::ServesDegraded { .. } if lacks(Need::State) => {
            Finding::not_applicable(TOLD, Need::State.missing())
        }
        AllowedOutcome::NeedsOperator { next_step_says, tries } => {
            let mut told = match &evidence.subject.operator_log {
                Some(words) => cried(evidence, breakage, words),
                None => of_each(evidence, breakage, |ready, identity| {
                    needed(ready, identity, next_step_says)
                }),
            };
            let cured = breakage.needing.as_ref().map_or(0, |needing| needing.seq);
            let tried = evidence.logins().filter(|exchange| exchange.seq <= cured).count();
            if tried > *tries {
                told.broken
                    .push(format!("{tried} logins before the cure, allowed are {tries}"));
            }
            told.finding()
        }
        AllowedOutcome::ServesDegraded { note_says } => {
            of_each(evidence, breakage, |ready, identity| noted(ready, identity, note_says)).finding()
        }
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

/// What the bot printed between the fault and the cure, where it calls for its operator in its log alone.
fn cried(evidence: &Evidence, breakage: &Breakage, words: &str) -> Told {
    let during = &evidence.record.entries()[breakage.during.clone()];
    let before_the_cure = |at_ms: u64| breakage.operator_ms.is_none_or(|cured| at_ms <= cured);
    let cry = during.iter().find_map(|entry| match &entry.event {
        Event::Cried { line } if before_the_cure(entry.at_ms) => Some(line.clone()),
        _ => None,
    });
    let mut told = Told::default();
    match cry {
        Some(line) => told.right.push(format!("it printed {line:?}")),
        None => told.broken.push(format!("it never printed {words:?}")),
    }
    told
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

/// The accounts that call for the operator and did not before, each with the reason. What goes on until it has its answer is no new call.
fn new_cries<'a>(
    said: &'a Ready,
    accounts: &'a [Account],
    crying: &mut BTreeSet<String>,
) -> impl Iterator<Item = (&'a Account, &'a str)> {
    let cry = |account: &'a Account| {
        let identity = said.identity(&account.name)?;
        (identity.condition == Condition::NeedsOperator).then_some((account, identity.why.as_str()))
    };
    let cries: Vec<_> = accounts.iter().filter_map(cry).collect();
    let before = std::mem::replace(crying, cries.iter().map(|(account, _)| account.name.clone()).collect());
    cries
        .into_iter()
        .filter(move |(account, _)| !before.contains(&account.name))
}

/// The bot may call for its operator from a fault that it cannot heal until the cure, and while the operator is still at work on a fault
/// that it can. At any other time it is a false alarm.
fn no_alarm(evidence: &Evidence) -> Finding {
    let entries = evidence.record.entries();
    let excused = |at_ms: u64| {
        evidence.schedule.iter().any(|breakage| {
            let until = match breakage.allowed.outcome {
                AllowedOutcome::NeedsOperator { .. } => breakage.whole_ms,
                AllowedOutcome::Heals | AllowedOutcome::ServesDegraded { .. } => breakage.operator_ms,
            };
            breakage.began_ms <= at_ms && until.is_some_and(|until| at_ms <= until + ANSWERED_MS)
        })
    };
    let any_hit = evidence.hit().next().is_some();
    let by_log = evidence.subject.operator_log.is_some();
    let (mut looks, mut crying) = (0, BTreeSet::new());
    let mut broken = Vec::new();
    for entry in entries {
        match &entry.event {
            // What the scenario's own losses lead to is the business of its steps.
            Event::OwnLosses => break,
            Event::Ready { said, .. } => {
                looks += 1;
                let new = new_cries(said, &evidence.subject.accounts, &mut crying);
                // An account that the fault did not hit has nothing to call for.
                let needless = new.filter(|(account, _)| !(account.hit && excused(entry.at_ms)));
                broken.extend(needless.map(|(Account { name, .. }, why)| {
                    format!("after {:.1} s, the {name}: {why}", seconds(entry.at_ms))
                }));
            }
            Event::Started { .. } => crying.clear(),
            // Whose a line is, nobody can tell.
            Event::Cried { line } if !(any_hit && excused(entry.at_ms)) => {
                broken.push(format!("after {:.1} s, {line}", seconds(entry.at_ms)));
            }
            Event::Line { .. } if by_log => looks += 1,
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
