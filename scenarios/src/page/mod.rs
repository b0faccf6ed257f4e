//! One run as one file of HTML that needs no network: readable without JavaScript, in the dark, on a phone, by keyboard and screen reader.
//!
//! What is inside a drill stands in `noscript`: a browser with JavaScript parses it when somebody opens the drill, so that a page of many
//! drills opens at once; one without shows all of it. The page's policy lets nothing run or load but the page's own script and style, so that
//! not even a flaw here would let a bot's words do anything.

mod changes;
mod drill;
mod healing;
mod lanes;
mod matrix;
mod top;
mod words;

#[cfg(test)]
mod tests;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use harness::report::{Record, Report, Verdict};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::compare::Comparison;

const STYLE: &str = include_str!("style.css");
/// From so many drills on those that passed are told in short: the page has to open at once, also where each was long.
const MANY: usize = 300;
const SCRIPT: &str = include_str!("script.js");

/// The page of a run; with what has changed since another one where there is one to compare it with.
pub fn page(report: &Report, comparison: Option<&Comparison>) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (top::title(report)) " · Knockproof" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#drills" { "To the drills" }
                (top::head(report))
                main {
                    @if let Some(comparison) = comparison { (changes::section(report, comparison)) }
                    (top::causes(report))
                    (matrix::section(report))
                    (healing::section(report))
                    (drills(report))
                }
                footer { (foot(report)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    // What a browser would not take as text: it has no place in a page, wherever it came from.
    let mut text = markup.into_string();
    text.retain(|sign| !sign.is_control() || sign == '\n' || sign == '\t');
    text
}

/// Nothing is loaded, and no script runs but this one.
fn policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(SCRIPT));
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
    )
}

/// Every drill, those that failed first.
fn drills(report: &Report) -> Markup {
    let numbered = || report.drills.iter().enumerate();
    let of = |wanted: fn(&Verdict) -> bool| {
        let drills = numbered().filter(move |(_, record)| wanted(&record.verdict));
        drills.collect::<Vec<(usize, &Record)>>()
    };
    let parts = [
        ("Failed", of(|verdict| matches!(verdict, Verdict::Failed { .. }))),
        ("Passed", of(|verdict| matches!(verdict, Verdict::Passed))),
        ("Not run", of(|verdict| matches!(verdict, Verdict::NotRun { .. }))),
    ];
    let telling = drill::Telling {
        homeserver: homeservers(report).len() > 1,
        short: report.drills.len() > MANY,
    };
    html! {
        h2 #drills { "Drills" }
        p.note { "Open one for what happened: its timeline, its steps and checks, and the line that repeats it." }
        @for (title, drills) in &parts {
            @if !drills.is_empty() {
                section.part aria-label=(title) {
                    h3 { (title) " (" (drills.len()) ")" }
                    div.drills { @for (number, record) in drills { (drill::details(*number, record, telling)) } }
                }
            }
        }
    }
}

fn foot(report: &Report) -> Markup {
    html! {
        p { "Beside this page: report.json for programs, junit.xml for what shows tests. Secrets are masked." }
        @if !report.marks.missed.is_empty() {
            p { "No drill reached these branches of the healing code: " (report.marks.missed.join(", ")) "." }
        }
    }
}

/// The homeservers that drills ran on, each once.
fn homeservers(report: &Report) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for record in &report.drills {
        if !names.contains(&record.homeserver.as_str()) {
            names.push(&record.homeserver);
        }
    }
    names
}

/// What links lead to a drill by.
fn anchor(number: usize) -> String {
    format!("d{}", number + 1)
}
