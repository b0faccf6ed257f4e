//! The table at the end of a run.

use comfy_table::{ContentArrangement, Table, presets};

use super::{Record, Verdict};

/// How many characters of a verdict are shown; the whole is in the JSON and under the table.
const VERDICT_WIDTH: usize = 100;

/// One row per drill: what it was, how long healing took, what it cost, how it ended.
pub fn table(records: &[Record]) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["drill", "homeserver", "healed in", "logins", "devices", "verdict"]);
    for record in records {
        table.add_row([
            record.name.clone(),
            record.homeserver.clone(),
            record.healed_in_ms.map_or_else(none, seconds),
            record.logins.map_or_else(none, |count| count.to_string()),
            record.devices.map_or_else(none, |count| count.to_string()),
            short(&record.verdict),
        ]);
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn none() -> String {
    "-".to_owned()
}

/// Seconds with one digit behind the point, by integers: 1840 → `1.8 s`.
pub(super) fn seconds(ms: u64) -> String {
    let tenths = ms.saturating_add(50) / 100;
    format!("{}.{} s", tenths / 10, tenths % 10)
}

fn short(verdict: &Verdict) -> String {
    let line = verdict.to_string().replace('\n', " ");
    match line.char_indices().nth(VERDICT_WIDTH) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Drill, Moment, Subject};

    #[test]
    fn a_table_has_a_row_for_every_drill_whatever_became_of_it() {
        let drill = |fault: Option<&str>| Drill {
            scenario: "smoke".to_owned(),
            subject: fault.map(|fault| Subject {
                fault: fault.to_owned(),
                moment: Moment::AtBoot,
            }),
            homeserver: "synapse (process)".to_owned(),
            seed: 7,
        };
        let plain = Record {
            devices: Some(2),
            ..Record::of(&drill(None), Verdict::Passed)
        };
        let healed = Record {
            healed_in_ms: Some(1849),
            logins: Some(1),
            devices: Some(2),
            ..Record::of(&drill(Some("env-token-clobbered")), Verdict::Passed)
        };
        let failed = Record::of(
            &drill(Some("device-deleted")),
            Verdict::Failed {
                why: "no invite\nwithin 15 s".to_owned(),
            },
        );
        let skipped = Record::of(
            &drill(Some("account-locked")),
            Verdict::NotRun {
                why: "synapse cannot lock".to_owned(),
            },
        );
        insta::assert_snapshot!(table(&[plain, healed, failed, skipped]));
    }
}
