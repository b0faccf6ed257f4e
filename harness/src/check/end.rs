//! How the bot's processes ended.

use super::{Check, Evidence, Finding, Need, judge::check};
use crate::{
    contract::Healing,
    history::{Event, Exit},
};

const ENDS: &str = "ends-on-sigterm";
const PANIC: &str = "no-panic";

/// How Rust says that a thread has panicked, and what its runtime and that of Go say when they give up.
const PANICS: [&str; 3] = ["panicked at ", "fatal runtime error: ", "fatal error: "];
/// The signal that asks a program to end.
const SIGTERM: i32 = 15;
/// The exit status of a Rust program whose main thread has panicked.
const PANICKED: i32 = 101;
/// Signals by which a program that is broken is ended: `SIGILL`, `SIGABRT`, `SIGBUS`, `SIGFPE`, `SIGSEGV`.
const CRASHES: [i32; 5] = [4, 6, 7, 8, 11];

pub(super) fn checks() -> [Check; 2] {
    [
        check(
            ENDS,
            "asked to end, the bot ends in time, with exit status 0 where its contract says so; and by itself only where that says so",
            &[],
            ends,
        ),
        check(PANIC, "the bot never panics", &[], panic),
    ]
}

fn ends(evidence: &Evidence) -> Finding {
    let record = &evidence.record;
    let mut broken = Vec::new();
    for event in record.events() {
        if let Event::Overstayed { waited_ms } = event {
            broken.push(format!("it still ran {waited_ms} ms after SIGTERM and was killed"));
        }
    }
    let asked = |exit: &&Exit| exit.after.as_deref() == Some("SIGTERM");
    broken.extend(wrong_ends(evidence));
    let started = record.events().filter(|event| matches!(event, Event::Started { .. }));
    let (started, ended) = (started.count(), record.exits().count());
    if started == 0 {
        return Finding::broken(ENDS, "it was never started");
    }
    if ended < started {
        broken.push(format!("of {started} processes {ended} were seen to end"));
    }
    let slowest = record.exits().filter(asked).map(|exit| exit.took_ms).max();
    let Some(slowest) = slowest else {
        broken.push("it never ended because it was asked to".to_owned());
        return Finding::broken(ENDS, broken.join("; "));
    };
    let count = record.exits().filter(asked).count();
    Finding::of(ENDS, &broken, format!("{count} times, in {slowest} ms at most"))
}

/// How processes ended that should have ended otherwise, or not at all.
fn wrong_ends(evidence: &Evidence) -> Vec<String> {
    let promised = !evidence.subject.lacks.contains(&Need::CleanEnd);
    let restarts = evidence.subject.healing == Healing::ByRestart;
    let (mut is_broken, mut has_cried) = (false, false);
    let mut wrong = Vec::new();
    for event in evidence.record.events() {
        match event {
            Event::Breaking { .. } => is_broken = true,
            Event::Whole => is_broken = false,
            Event::Started { .. } => has_cried = false,
            Event::Cried { .. } => has_cried = true,
            Event::Exited(exit) if !is_crash(exit) => match (exit.after.as_deref(), exit.code) {
                (Some("SIGKILL"), _) | (Some("SIGTERM"), Some(0)) => {}
                // What a program does that minds no signal.
                (Some("SIGTERM"), None) if exit.signal == Some(SIGTERM) && !promised => {}
                (Some(signal), _) => wrong.push(format!("after {signal} it ended with {}", status(exit))),
                // Its supervisor starts it again, or its operator, for whom it has called.
                (None, _) if (restarts && is_broken) || has_cried => {}
                (None, _) => wrong.push(format!("it ended by itself with {}", status(exit))),
            },
            _ => {}
        }
    }
    wrong
}

fn panic(evidence: &Evidence) -> Finding {
    let record = &evidence.record;
    let lines = record.lines();
    let said = lines.filter(|line| PANICS.iter().any(|panic| line.contains(panic)));
    let mut broken: Vec<String> = said.map(|line| format!("it said {line:?}")).collect();
    let crashed = record.exits().filter(|exit| is_crash(exit));
    broken.extend(crashed.map(|exit| format!("it ended with {}", status(exit))));
    let (lines, exits) = (record.lines().count(), record.exits().count());
    if exits == 0 {
        broken.push("no process of it was seen to end".to_owned());
    }
    Finding::of(
        PANIC,
        &broken,
        format!("no panic in {lines} lines, none in {exits} ends"),
    )
}

fn is_crash(exit: &Exit) -> bool {
    exit.code == Some(PANICKED) || exit.signal.is_some_and(|signal| CRASHES.contains(&signal))
}

fn status(exit: &Exit) -> String {
    match (exit.code, exit.signal) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no status".to_owned(),
    }
}
