//! What a job on GitHub shows of a run: a summary of the job, and annotations.
//!
//! GitHub reads commands (`::error title=…::…`) from the output of a job, and Markdown from the file that `GITHUB_STEP_SUMMARY` names.

use std::{
    env,
    fs::File,
    io::{self, Write as _},
};

use harness::report::{Record, Report, Verdict, causes};

/// How many annotations are made: GitHub shows ten of a step.
const ANNOTATED: usize = 10;
/// How many rows a table has: a summary may have 1 MiB.
const ROWS: usize = 200;

/// Tells the job that this runs in, if it runs in one; answers what has to be printed for that.
///
/// # Errors
///
/// When the summary cannot be written.
pub fn tell(report: &Report) -> io::Result<String> {
    if let Some(file) = env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty()) {
        let mut file = File::options().create(true).append(true).open(file)?;
        file.write_all(summary(report).as_bytes())?;
    }
    let is_job = env::var("GITHUB_ACTIONS").is_ok_and(|is| is == "true");
    Ok(if is_job { annotations(report) } else { String::new() })
}

/// The summary, in Markdown.
pub fn summary(report: &Report) -> String {
    let counts = &report.summary;
    let mut text = format!(
        "## Knockproof: {} passed, {} failed, {} not run\n\nSeed {}.\n",
        counts.passed, counts.failed, counts.not_run, report.seed
    );
    let failed: Vec<&Record> = report.drills.iter().filter(|record| is_failed(record)).collect();
    if !failed.is_empty() {
        text.push_str("\n| drill | homeserver | why | again |\n|---|---|---|---|\n");
    }
    for record in failed.iter().take(ROWS) {
        let cells = [&record.name, &record.homeserver, &first_line(record), &record.replay];
        let cells = cells.map(|cell| markdown(cell));
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    if failed.len() > ROWS {
        text.push_str(&format!("\n… and {} more.\n", failed.len() - ROWS));
    }
    text
}

/// An error for each cause, at most ten.
pub fn annotations(report: &Report) -> String {
    let causes = causes(&report.drills);
    let annotation = |cause: &harness::report::Cause<'_>| {
        let names: Vec<&str> = cause
            .drills
            .iter()
            .take(ANNOTATED)
            .map(|record| record.name.as_str())
            .collect();
        let again = cause.drills.first().map_or("", |record| &record.replay);
        let message = format!("{}\n{}\nagain: {again}", cause.seen.join("\n"), names.join(", "));
        let title = format!("{} in {} drills", cause.what, cause.drills.len());
        format!("::error title={}::{}\n", property(&title), data(&message))
    };
    causes.iter().take(ANNOTATED).map(annotation).collect()
}

fn is_failed(record: &Record) -> bool {
    matches!(record.verdict, Verdict::Failed { .. })
}

fn first_line(record: &Record) -> String {
    let Verdict::Failed { why } = &record.verdict else {
        return String::new();
    };
    why.lines().next().unwrap_or_default().to_owned()
}

/// Text as it stands in a cell: nothing in it is markup.
fn markdown(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let escaped = text.chars().flat_map(|sign| {
        let is_markup = "\\`*_[]|~#!@".contains(sign);
        is_markup.then_some('\\').into_iter().chain([sign])
    });
    escaped.collect::<String>().replace(['\n', '\r'], " ")
}

/// The message of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{failed, record};

    fn report(why: &str) -> Report {
        let drills = vec![record("a", Verdict::Passed), record("b", failed(why))];
        Report::new(7, Vec::new(), drills, Vec::new(), 0)
    }

    #[test]
    fn the_summary_has_counts_and_a_row_for_each_failure() {
        let text = summary(&report("no answer"));
        assert!(
            text.starts_with("## Knockproof: 1 passed, 1 failed, 0 not run"),
            "{text}"
        );
        assert!(
            text.contains("| ping/b/at-boot | embedded | no answer | knockproof drill"),
            "{text}"
        );
    }

    #[test]
    fn no_word_of_a_bot_is_markup_or_a_command() {
        let hostile = "%0A <img src=x> | [a](b)\n::error::forged";
        let text = summary(&report(hostile));
        assert!(
            !text.contains("<img") && text.contains("\\|") && text.contains("\\[a\\](b)"),
            "{text}"
        );
        let text = annotations(&report(hostile));
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.starts_with("::error title=") && text.contains("%250A"), "{text}");
    }
}
