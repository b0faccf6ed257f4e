//! The end of a run, for people.

use harness::{
    artifacts,
    progress::Stream,
    report::{Report, Verdict, failures, omissions, table},
};

use super::super::Exit;

/// Says how a run went: the table, the causes of failures, what did not run and why, the sum. Answers the exit code.
pub(super) fn say(report: &Report, stream: Stream, verbose: bool) -> Exit {
    let mut text = format!("\n{}\n", table(&report.drills, stream.width()));
    text.push_str(&failures(&report.drills));
    text.push_str(&omissions(&report.drills));
    if !report.marks.missed.is_empty() {
        let missed = report.marks.missed.join(", ");
        text.push_str(&format!(
            "FAILED: no drill reached these branches of the healing code: {missed}\n"
        ));
    }
    text.push_str(&end(report, verbose));
    stream.write(&text);
    Exit::of(report)
}

/// Where to look, and the sum.
pub(super) fn end(report: &Report, verbose: bool) -> String {
    let mut text = evidence(report).unwrap_or_default();
    if report.summary.failed > 0 && !verbose {
        text.push_str("each failed drill in full: record.json and story.txt in its folder, or -v\n");
    }
    text.push_str(&sum(report));
    text
}

/// Where what was left is, if anything was: also of drills that were ended.
fn evidence(report: &Report) -> Option<String> {
    let is_kept = report.interrupted.is_some() || report.drills.iter().any(|record| record.artifacts.is_some());
    let folder = artifacts::of_run().ok().filter(|folder| is_kept && folder.is_dir())?;
    Some(format!("all that this run left: {}\n", folder.display()))
}

fn sum(report: &Report) -> String {
    let summary = report.summary;
    let interrupted = report.interrupted.as_ref();
    let interrupted = interrupted.map_or_else(String::new, |signal| format!("; ended by {signal}"));
    let drills: u64 = report.drills.iter().map(|record| record.took_ms).sum();
    let is_any = report
        .drills
        .iter()
        .any(|record| !matches!(record.verdict, Verdict::NotRun { .. }));
    let inside = if is_any {
        format!(" ({} side by side)", seconds(drills))
    } else {
        String::new()
    };
    format!(
        "{} passed, {} failed, {} not run in {}{inside}; seed {}{interrupted}\n",
        summary.passed,
        summary.failed,
        summary.not_run,
        seconds(summary.took_ms),
        report.seed
    )
}

fn seconds(ms: u64) -> String {
    let seconds = ms.saturating_add(500) / 1_000;
    match seconds {
        0..120 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}
