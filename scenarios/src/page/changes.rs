//! What has changed since another run.

use harness::report::Report;
use maud::{Markup, html};

use super::{anchor, words};
use crate::compare::{Change, Comparison};

pub(super) fn section(report: &Report, comparison: &Comparison) -> Markup {
    html! {
        section aria-labelledby="changes" {
            h2 #changes { (title(comparison)) }
            p.note { "Compared with the run of seed " (comparison.seed) @if let Some(at) = &comparison.at { ", " (at) } "." }
            (list(report, "Worse", &comparison.worse))
            (list(report, "Better", &comparison.better))
            (list(report, "Slower", &comparison.slower))
            (names("New", &comparison.new))
            (names("Gone", &comparison.gone))
        }
    }
}

fn title(comparison: &Comparison) -> String {
    match (comparison.worse.len(), comparison.better.len()) {
        (0, 0) => "Nothing got worse, nothing better".to_owned(),
        (worse, 0) => format!("{} got worse", words::drills(worse)),
        (0, better) => format!("{} got better, none worse", words::drills(better)),
        (worse, better) => format!("{} got worse, {better} better", words::drills(worse)),
    }
}

fn list(report: &Report, title: &str, changes: &[Change]) -> Markup {
    let number = |change: &Change| {
        let is_it =
            |record: &harness::report::Record| (&record.name, &record.homeserver) == (&change.name, &change.homeserver);
        report.drills.iter().position(is_it)
    };
    html! {
        @if !changes.is_empty() {
            table.list {
                caption { h3 { (title) " (" (changes.len()) ")" } }
                thead { tr { th scope="col" { "drill" } th scope="col" { "was" } th scope="col" { "is" } } }
                tbody {
                    @for change in changes {
                        tr {
                            th scope="row" {
                                @if let Some(number) = number(change) { a href={ "#" (anchor(number)) } { (change.name) } }
                                @else { (change.name) }
                                " on " (change.homeserver)
                            }
                            td.what { (words::plain(&change.was)) }
                            td.what { (words::plain(&change.is)) }
                        }
                    }
                }
            }
        }
    }
}

/// Drills that only one of both runs has.
fn names(title: &str, names: &[String]) -> Markup {
    html! {
        @if !names.is_empty() {
            details.more {
                summary { (title) ": " (words::drills(names.len())) }
                ul { @for name in names { li { (name) } } }
            }
        }
    }
}
