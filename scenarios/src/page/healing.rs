//! How long healing took.

use maud::{Markup, html};

use super::{anchor, words};
use harness::report::{Record, Report};

/// Where the parts of the distribution end, in milliseconds, and what they are called.
const PARTS: [(u64, &str); 9] = [
    (100, "< 0.1 s"),
    (200, "0.1"),
    (500, "0.2"),
    (1_000, "0.5"),
    (2_000, "1"),
    (5_000, "2"),
    (10_000, "5"),
    (30_000, "10"),
    (u64::MAX, "≥ 30 s"),
];
/// How many of the slowest are named.
const SLOWEST: usize = 3;

pub(super) fn section(report: &Report) -> Markup {
    let mut healed: Vec<(u64, usize, &Record)> = report.drills.iter().enumerate().filter_map(healed).collect();
    healed.sort_by_key(|(took, ..)| *took);
    let Some((slowest, ..)) = healed.last().copied() else {
        return html! {};
    };
    let times: Vec<u64> = healed.iter().map(|(took, ..)| *took).collect();
    html! {
        section aria-labelledby="healing" {
            h2 #healing { "How long healing took" }
            p.note {
                "In " (words::drills(healed.len())) ": half of them within " (words::seconds(rank(&times, 50)))
                ", nine of ten within " (words::seconds(rank(&times, 90))) ", the slowest in " (words::seconds(slowest))
                ". What the operator needed is not counted."
            }
            (chart(&times))
            p.note {
                "Slowest: "
                @for (place, (took, number, record)) in healed.iter().rev().take(SLOWEST).enumerate() {
                    @if place > 0 { ", " }
                    a href={ "#" (anchor(*number)) } { (record.name) } " in " (words::seconds(*took))
                }
                "."
            }
        }
    }
}

fn healed((number, record): (usize, &Record)) -> Option<(u64, usize, &Record)> {
    Some((record.healed_in_ms?, number, record))
}

/// The time within which so many of a hundred lie; `times` is sorted and not empty.
fn rank(times: &[u64], of_hundred: usize) -> u64 {
    let place = (times.len() * of_hundred).div_ceil(100).clamp(1, times.len());
    times[place - 1]
}

/// How many lie in each part.
fn counted(times: &[u64]) -> [usize; PARTS.len()] {
    let mut counts = [0; PARTS.len()];
    for took in times {
        let part = PARTS.iter().position(|(end, _)| took < end).unwrap_or(PARTS.len() - 1);
        counts[part] += 1;
    }
    counts
}

fn chart(times: &[u64]) -> Markup {
    let counts = counted(times);
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    html! {
        div.chart role="img" aria-label={ "Distribution of healing times: " (told(&counts)) } {
            @for (count, (_, name)) in counts.iter().zip(PARTS) {
                figure aria-hidden="true" {
                    @if *count > 0 { (count) }
                    svg viewBox="0 0 10 100" preserveAspectRatio="none" {
                        // What there is at all is seen.
                        @let high = (count * 100 / most).max(usize::from(*count > 0) * 2);
                        rect x="0" y=(100 - high) width="10" height=(high) { title { (words::drills(*count)) } }
                    }
                    div.label { (name) }
                }
            }
        }
    }
}

/// The distribution in words.
fn told(counts: &[usize]) -> String {
    let parts = counts.iter().zip(PARTS).filter(|(count, _)| **count > 0);
    let parts: Vec<String> = parts.map(|(count, (_, name))| format!("{count} from {name}")).collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_parts_are_those_of_the_times() {
        let times: Vec<u64> = (1..=10).map(|n| n * 100).collect();
        assert_eq!(
            (rank(&times, 50), rank(&times, 90), rank(&times[..1], 90)),
            (500, 900, 100)
        );
        assert_eq!(counted(&[0, 99, 100, 30_000, 500]), [2, 1, 0, 1, 0, 0, 0, 0, 1]);
    }
}
