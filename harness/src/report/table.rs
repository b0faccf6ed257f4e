//! The table at the end of a run.

use console::{measure_text_width, truncate_str};

use super::{Record, Verdict};

/// How much of a verdict must be seen at least: `not run: …` says enough, the rest stands below the table.
const LEAST_VERDICT: usize = 8;
/// Between two columns.
const GAP: usize = 2;
/// What stands where something is cut off.
const CUT: &str = "…";

/// One row per drill: what it was, how long healing took, what it cost, how it ended. No line is wider than `width`; where there were
/// several homeservers, each has a part of its own.
pub fn table(records: &[Record], width: usize) -> String {
    let mut homeservers: Vec<&str> = Vec::new();
    for record in records {
        if !homeservers.contains(&record.homeserver.as_str()) {
            homeservers.push(&record.homeserver);
        }
    }
    let mut text = String::new();
    for homeserver in &homeservers {
        if homeservers.len() > 1 {
            text.push_str(&format!("on {homeserver}\n"));
        }
        let of_it: Vec<&Record> = records
            .iter()
            .filter(|record| record.homeserver == *homeserver)
            .collect();
        text.push_str(&part(&of_it, width));
    }
    text
}

fn part(records: &[&Record], width: usize) -> String {
    let header = ["drill", "healed", "logins", "devs", "verdict"].map(str::to_owned);
    let rows: Vec<[String; 5]> = [header]
        .into_iter()
        .chain(records.iter().map(|record| row(record)))
        .collect();
    let mut widths: [usize; 5] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| measure_text_width(&row[column]));
        cells.max().unwrap_or_default()
    });
    // What does not fit is cut off the verdict first, then the name.
    let rest = |widths: &[usize; 5], of: usize| -> usize {
        let others = widths.iter().enumerate().filter(|(column, _)| *column != of);
        others.map(|(_, width)| width + GAP).sum()
    };
    widths[4] = widths[4].min(width.saturating_sub(rest(&widths, 4)).max(LEAST_VERDICT));
    widths[0] = widths[0].min(width.saturating_sub(rest(&widths, 0)).max(LEAST_VERDICT));
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn row(record: &Record) -> [String; 5] {
    [
        record.name.clone(),
        record.healed_in_ms.map_or_else(none, seconds),
        record.logins.map_or_else(none, |count| count.to_string()),
        record.devices.map_or_else(none, |count| count.to_string()),
        short(&record.verdict),
    ]
}

fn line(row: &[String; 5], widths: &[usize; 5]) -> String {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        let cell = truncate_str(cell, *width, CUT);
        let pad = width - measure_text_width(&cell);
        line.push_str(&cell);
        line.push_str(&" ".repeat(pad + GAP));
    }
    format!("{}\n", line.trim_end())
}

fn none() -> String {
    "-".to_owned()
}

/// Seconds with one digit behind the point, by integers: 1840 → `1.8 s`.
pub(super) fn seconds(ms: u64) -> String {
    let tenths = ms.saturating_add(50) / 100;
    format!("{}.{} s", tenths / 10, tenths % 10)
}

/// The first line of a verdict.
pub(super) fn short(verdict: &Verdict) -> String {
    verdict.to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::plan::{Drill, Injection, Moment};

    fn drill(fault: Option<&str>, homeserver: &str) -> Drill {
        Drill {
            scenario: "smoke".to_owned(),
            earlier: Vec::new(),
            injection: fault.map(|fault| Injection::new(fault, Moment::AtBoot)),
            homeserver: homeserver.to_owned(),
            seed: 7,
            contract: None,
        }
    }

    fn records() -> [Record; 4] {
        let of = |fault, verdict| Record::of(&drill(fault, "synapse (process)"), verdict);
        let plain = Record {
            devices: Some(2),
            ..of(None, Verdict::Passed)
        };
        let healed = Record {
            healed_in_ms: Some(1849),
            logins: Some(1),
            devices: Some(2),
            ..of(Some("env-token-clobbered"), Verdict::Passed)
        };
        let failed = of(
            Some("password-reset-written-late"),
            Verdict::Failed {
                why: "step \"an invite comes within 15 s and it is not to the space\": no invite\nwithin 15 s"
                    .to_owned(),
            },
        );
        let skipped = of(
            Some("account-locked"),
            Verdict::NotRun {
                why: "synapse cannot lock".to_owned(),
            },
        );
        [plain, healed, failed, skipped]
    }

    #[test]
    fn a_table_has_a_row_for_every_drill_whatever_became_of_it() {
        insta::assert_snapshot!(table(&records(), 80));
    }

    #[test]
    fn where_there_is_room_more_is_seen() {
        insta::assert_snapshot!(table(&records(), 120));
    }

    #[rstest]
    #[case(60)]
    #[case(80)]
    #[case(120)]
    fn no_line_is_wider_than_the_screen(#[case] width: usize) {
        let text = table(&records(), width);
        let widest = text.lines().map(measure_text_width).max().unwrap();
        assert!(widest <= width, "{widest}\n{text}");
        assert_eq!(text.lines().count(), 5);
    }

    #[test]
    fn each_of_several_homeservers_has_its_part() {
        let of = |homeserver| Record::of(&drill(None, homeserver), Verdict::Passed);
        insta::assert_snapshot!(table(&[of("synapse (process)"), of("embedded (embedded)")], 80));
    }
}
