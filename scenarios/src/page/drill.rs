//! One drill.

use harness::{
    report::{FindingRecord, Record, Verdict},
    step::{Outcome, Step},
    timeline::Timeline,
};
use maud::{Markup, PreEscaped, html};

use super::{anchor, lanes, matrix, words};

/// How a drill is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telling {
    /// Its homeserver is named: there are several.
    pub(super) homeserver: bool,
    /// If it passed, in short.
    pub(super) short: bool,
}

/// A drill that can be opened.
pub(super) fn details(number: usize, record: &Record, telling: Telling) -> Markup {
    let (class, word) = words::verdict(&record.verdict);
    let inside = match (&record.verdict, telling.short) {
        (Verdict::Passed, true) => in_short(record),
        _ => inside(record, telling.short),
    };
    html! {
        details.drill id=(anchor(number)) data-text=(matrix::searchable(record)) data-verdicts=(class) {
            summary {
                span class={ "word " (class) } { (word) }
                span.name { (record.name) @if telling.homeserver { i { " on " (record.homeserver) } } }
                span.side { (side(record)) }
                @if let Some(why) = words::why(record) { span.why { (words::plain(why)) } }
            }
            // What is escaped already is not escaped again: a browser without JavaScript reads it as it is.
            noscript { (PreEscaped(inside.into_string())) }
        }
    }
}

/// What a row says beside the name.
fn side(record: &Record) -> String {
    let healed = record
        .healed_in_ms
        .map(|ms| format!("healed in {}", words::seconds(ms)));
    let logins = record.logins.filter(|logins| *logins > 0);
    let logins = logins.map(|logins| format!("{logins} login{}", if logins == 1 { "" } else { "s" }));
    let parts: Vec<String> = healed.into_iter().chain(logins).collect();
    parts.join(" · ")
}

fn inside(record: &Record, short: bool) -> Markup {
    html! {
        div.inside {
            @match &record.verdict {
                Verdict::Failed { why } => p.verdict.failed { (words::plain(why)) },
                Verdict::NotRun { why } => p.verdict { "Not run, because " (words::plain(why)) },
                Verdict::Passed => {},
            }
            @if let Some(timeline) = &record.timeline { (lanes::figure(timeline, short)) (log(timeline)) }
            (steps(&record.steps))
            (findings(&record.findings))
            @if !record.marks.is_empty() {
                h3 { "Branches of the healing code" }
                p.note { (record.marks.join(", ")) }
            }
            (again(record))
        }
    }
}

/// What happened, which steps there were and what held.
fn in_short(record: &Record) -> Markup {
    let steps: Vec<&str> = record.steps.iter().map(|step| step.name.as_str()).collect();
    let checks = |applies: bool| {
        let found = record.findings.iter().filter(move |finding| finding.applies == applies);
        found
            .map(|finding| finding.check.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    html! {
        div.inside {
            @if let Some(timeline) = &record.timeline { (lanes::in_short(timeline)) }
            h3 { "Steps" }
            p.note { (steps.join(" · ")) }
            h3 { "Checks" }
            p.note { "held: " (checks(true)) "; no case here: " (checks(false)) }
            (again(record))
        }
    }
}

/// How it is repeated, and where the rest is.
fn again(record: &Record) -> Markup {
    html! {
        h3 { "Again" }
        div.replay {
            pre tabindex="0" { code { (record.replay) } }
            button type="button" data-copy { "Copy" }
        }
        p.note {
            "On " (record.homeserver) ", in " (words::seconds(record.took_ms)) " with everything around it."
            @if let Some(folder) = &record.artifacts { " Its history, logs and traffic: " code { (folder) } }
        }
    }
}

fn log(timeline: &Timeline) -> Markup {
    html! {
        @if !timeline.log.is_empty() {
            h3 { "What the bot printed around the fault and the failure" }
            pre.log tabindex="0" role="region" aria-label="The bot's log" {
                @for line in &timeline.log {
                    span { (format!("{:>8.3}  ", seconds(line.at_ms.saturating_sub(timeline.from_ms)))) }
                    (words::plain(&line.text)) "\n"
                }
            }
        }
    }
}

fn seconds(ms: u64) -> f64 {
    std::time::Duration::from_millis(ms).as_secs_f64()
}

fn steps(steps: &[Step]) -> Markup {
    html! {
        @if !steps.is_empty() {
            table.list {
                caption { h3 { "Steps" } }
                tbody {
                    @for step in steps {
                        @let (class, word) = outcome(step.outcome);
                        tr {
                            td { span class={ "word " (class) } { (word) } }
                            th scope="row" { (step.name) }
                            td.what { (words::plain(&step.evidence)) }
                            td.num { @if step.outcome != Outcome::NotReached { (words::seconds(step.took_ms)) } }
                        }
                    }
                }
            }
        }
    }
}

const fn outcome(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Passed => ("passed", "passed"),
        Outcome::Failed => ("failed", "failed"),
        Outcome::NotReached => ("not-run", "not reached"),
    }
}

fn findings(findings: &[FindingRecord]) -> Markup {
    // What did not hold stands first.
    let mut findings: Vec<&FindingRecord> = findings.iter().collect();
    findings.sort_by_key(|finding| (finding.held, !finding.applies));
    html! {
        @if !findings.is_empty() {
            table.list {
                caption { h3 { "Checks" } }
                tbody {
                    @for finding in findings {
                        @let (class, word) = held(finding);
                        tr {
                            td { span class={ "word " (class) } { (word) } }
                            th scope="row" { (finding.check) }
                            td.what { (words::plain(&finding.what)) }
                        }
                    }
                }
            }
        }
    }
}

const fn held(finding: &FindingRecord) -> (&'static str, &'static str) {
    match (finding.held, finding.applies) {
        (false, _) => ("failed", "broken"),
        (true, true) => ("passed", "held"),
        (true, false) => ("not-run", "no case"),
    }
}
