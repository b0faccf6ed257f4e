//! What is seen first: how the run went, and why.

use maud::{Markup, html};

use super::{anchor, homeservers, words};
use harness::report::{self, Record, Report, Verdict};

/// How many drills of a cause are linked.
const LINKED: usize = 6;
/// How many different things that were seen are told of a cause.
const SEEN: usize = 3;

/// How the run went, in a few words.
pub(super) fn title(report: &Report) -> String {
    let summary = &report.summary;
    let ran = summary.passed + summary.failed;
    match (summary.failed, ran) {
        (_, 0) => "No drill could be run".to_owned(),
        (0, 1) => "The drill passed".to_owned(),
        (0, _) => format!("All {ran} drills passed"),
        (failed, _) if failed == ran => format!("Every drill failed, all {ran}").replace("all 1", "the one there was"),
        (failed, _) => format!("{failed} of {ran} drills failed"),
    }
}

pub(super) fn head(report: &Report) -> Markup {
    let summary = &report.summary;
    let counts = [
        ("passed", "passed", summary.passed),
        ("failed", "failed", summary.failed),
        ("not-run", "not run", summary.not_run),
    ];
    html! {
        header.top {
            p.brand { "Knockproof" }
            h1 { (title(report)) }
            @if let Some(signal) = &report.interrupted { p.alert { "The run was ended by " (signal) " before its plan." } }
            div.bar aria-hidden="true" {
                @for (class, _, count) in counts {
                    @if count > 0 { span class=(class) style={ "flex:" (count) } {} }
                }
            }
            ul.counts {
                @for (class, word, count) in counts {
                    li { span class={ "dot " (class) } aria-hidden="true" {} strong { (count) } " " (word) }
                }
            }
            (facts(report))
        }
    }
}

/// What the run was of.
fn facts(report: &Report) -> Markup {
    let took: Vec<&str> = report
        .homeservers
        .iter()
        .map(|homeserver| homeserver.took.as_str())
        .collect();
    let homeservers = match took.is_empty() {
        true => homeservers(report).join(", "),
        false => took.join("; "),
    };
    html! {
        dl.facts {
            @if let Some(at) = &report.at { div { dt { "when" } dd { (at) } } }
            div { dt { "took" } dd { (words::seconds(report.summary.took_ms)) } }
            div { dt { "seed" } dd { (report.seed) } }
            div { dt { "homeserver" } dd { (homeservers) } }
        }
    }
}

/// Why drills failed, each cause once.
pub(super) fn causes(report: &Report) -> Markup {
    let causes = report::causes(&report.drills);
    let number = |record: &Record| report.drills.iter().position(|one| std::ptr::eq(one, record));
    html! {
        @if !causes.is_empty() {
            section aria-labelledby="causes" {
                h2 #causes { "What went wrong" }
                ul.causes {
                    @for cause in &causes {
                        li {
                            p { strong { (cause.what) } " in " (words::drills(cause.drills.len())) }
                            @for seen in cause.seen.iter().filter(|seen| !seen.is_empty()).take(SEEN) {
                                p.seen { (words::plain(seen)) }
                            }
                            @if cause.seen.len() > SEEN { p.seen { "… and " (cause.seen.len() - SEEN) " more" } }
                            p.where {
                                @for record in cause.drills.iter().take(LINKED) {
                                    @if let Some(number) = number(record) {
                                        a href={ "#" (anchor(number)) } { (record.name) } " "
                                    }
                                }
                                @if cause.drills.len() > LINKED { "and " (cause.drills.len() - LINKED) " more" }
                            }
                        }
                    }
                }
            }
        }
        (omissions(report))
    }
}

/// Why drills were not run, each reason once, where there are reasons.
fn omissions(report: &Report) -> Markup {
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for record in &report.drills {
        let Verdict::NotRun { why } = &record.verdict else {
            continue;
        };
        match reasons.iter_mut().find(|(reason, _)| reason == why) {
            Some((_, times)) => *times += 1,
            None => reasons.push((why, 1)),
        }
    }
    html! {
        @if !reasons.is_empty() {
            details.more {
                summary { (words::drills(report.summary.not_run)) " not run: why" }
                ul { @for (why, times) in &reasons { li { (words::drills(*times)) ", because " (why) } } }
            }
        }
    }
}
