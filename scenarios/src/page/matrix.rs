//! Faults by moments.

use maud::{Markup, html};

use super::{anchor, words};
use harness::report::{Record, Report, Verdict};

/// What stands for the scenario without a fault.
const PLAIN: &str = "no fault";

/// The drills of a fault at a moment, with their numbers.
type Drills<'a> = Vec<(usize, &'a Record)>;

/// What is broken, and the drills of each moment.
struct Row<'a> {
    fault: &'a str,
    drills: Drills<'a>,
}

struct Matrix<'a> {
    /// Moments, in the order of the plan.
    moments: Vec<&'a str>,
    rows: Vec<Row<'a>>,
}

impl<'a> Matrix<'a> {
    fn of(report: &'a Report) -> Self {
        let mut matrix = Self {
            moments: Vec::new(),
            rows: Vec::new(),
        };
        for (number, record) in report.drills.iter().enumerate() {
            if let Some(moment) = record
                .moment
                .as_deref()
                .filter(|moment| !matrix.moments.contains(moment))
            {
                matrix.moments.push(moment);
            }
            let fault = record.fault.as_deref().unwrap_or(PLAIN);
            match matrix.rows.iter_mut().find(|row| row.fault == fault) {
                Some(row) => row.drills.push((number, record)),
                None => matrix.rows.push(Row {
                    fault,
                    drills: vec![(number, record)],
                }),
            }
        }
        let known = |moment: &str| {
            harness::fault::Moment::ALL
                .iter()
                .position(|known| known.name() == moment)
        };
        matrix.moments.sort_by_key(|moment| known(moment).unwrap_or(usize::MAX));
        matrix
    }
}

pub(super) fn section(report: &Report) -> Markup {
    let matrix = Matrix::of(report);
    html! {
        section aria-labelledby="matrix" {
            h2 #matrix { "Faults and moments" }
            p.note {
                "What was broken, and when. A cell leads to its drill, to one that failed where there was one; the time is how long healing took."
            }
            (tools(report))
            div.scroll role="region" aria-labelledby="matrix" tabindex="0" {
                table.matrix {
                    caption.sr { "How the drills of each fault ended, by the moment of the fault" }
                    thead {
                        tr {
                            th scope="col" { "fault" }
                            @for moment in &matrix.moments { th scope="col" { (moment.replace('-', " ")) } }
                            @if matrix.moments.is_empty() { th scope="col" { "verdict" } }
                            th scope="col" { "slowest heal" }
                        }
                    }
                    tbody { @for row in &matrix.rows { (line(row, &matrix.moments)) } }
                }
            }
        }
    }
}

/// Where somebody with JavaScript says what is to be seen.
fn tools(report: &Report) -> Markup {
    html! {
        div.tools role="search" {
            label.sr for="search" { "Show only drills with these words" }
            input #search type="search" placeholder="fault, scenario, words of a failure …" autocomplete="off" spellcheck="false";
            @for (value, word) in [("failed", "failed"), ("passed", "passed"), ("not-run", "not run")] {
                label { input type="checkbox" value=(value) checked; (word) }
            }
            span #count role="status" aria-live="polite" { (words::drills(report.drills.len())) }
        }
    }
}

fn line(row: &Row<'_>, moments: &[&str]) -> Markup {
    let slowest = row.drills.iter().filter_map(|(_, record)| record.healed_in_ms).max();
    let verdicts = |wanted: &str| {
        row.drills
            .iter()
            .any(|(_, record)| words::verdict(&record.verdict).0 == wanted)
    };
    let verdicts: Vec<&str> = ["failed", "passed", "not-run"]
        .into_iter()
        .filter(|one| verdicts(one))
        .collect();
    let text: Vec<String> = row.drills.iter().map(|(_, record)| searchable(record)).collect();
    html! {
        tr data-text=(text.join(" ")) data-verdicts=(verdicts.join(" ")) {
            th scope="row" data-key=(row.fault) { (row.fault) }
            @if row.fault == PLAIN {
                (cell(&row.drills, moments.len().max(1)))
            } @else {
                @for moment in moments {
                    @let at = |record: &Record| record.moment.as_deref() == Some(*moment);
                    @let drills: Drills<'_> = row.drills.iter().filter(|(_, record)| at(record)).copied().collect();
                    (cell(&drills, 1))
                }
            }
            td.num data-key=(slowest.unwrap_or(0)) { (slowest.map_or_else(|| "–".to_owned(), words::seconds)) }
        }
    }
}

/// How the drills of a cell ended, over so many columns.
fn cell(drills: &Drills<'_>, columns: usize) -> Markup {
    let failed = drills
        .iter()
        .find(|(_, record)| matches!(record.verdict, Verdict::Failed { .. }));
    let ran = drills
        .iter()
        .find(|(_, record)| !matches!(record.verdict, Verdict::NotRun { .. }));
    let Some((number, record)) = failed.or(ran).or(drills.first()) else {
        return html! { td data-key="9" { span.cell.none aria-hidden="true" { "·" } span.sr { "makes no sense here" } } };
    };
    let (class, word) = words::verdict(&record.verdict);
    let alike = drills
        .iter()
        .filter(|(_, one)| words::verdict(&one.verdict).0 == class)
        .count();
    let word = match (drills.len(), alike) {
        (1, _) => word.to_owned(),
        (all, alike) if all == alike => format!("{alike} {word}"),
        (all, alike) => format!("{alike} of {all} {word}"),
    };
    let healed = drills.iter().filter_map(|(_, record)| record.healed_in_ms).max();
    let key = match record.verdict {
        Verdict::Failed { .. } => 0,
        Verdict::Passed => 1,
        Verdict::NotRun { .. } => 2,
    };
    html! {
        td data-key=(key) colspan=[(columns > 1).then_some(columns)] {
            a class={ "cell " (class) } href={ "#" (anchor(*number)) } {
                (word)
                @if let (Verdict::Passed, Some(healed)) = (&record.verdict, healed) { small { (words::seconds(healed)) } }
            }
        }
    }
}

/// The words by which a drill is found.
pub(super) fn searchable(record: &Record) -> String {
    let why = words::why(record).unwrap_or_default();
    format!("{} {} {}", record.name, record.homeserver, words::plain(why)).to_lowercase()
}
