//! What things are called.

use harness::report::{Record, Verdict};

/// The class of a verdict in the style, and its word.
pub(super) const fn verdict(verdict: &Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Passed => ("passed", "passed"),
        Verdict::Failed { .. } => ("failed", "failed"),
        Verdict::NotRun { .. } => ("not-run", "not run"),
    }
}

/// Why a drill did not pass, the first line of it.
pub(super) fn why(record: &Record) -> Option<&str> {
    let (Verdict::Failed { why } | Verdict::NotRun { why }) = &record.verdict else {
        return None;
    };
    why.lines().next()
}

/// A time as people say it.
pub(super) fn seconds(ms: u64) -> String {
    match ms {
        0..10_000 => {
            let tenths = ms.saturating_add(50) / 100;
            format!("{}.{} s", tenths / 10, tenths % 10)
        }
        10_000..120_000 => format!("{} s", ms.saturating_add(500) / 1_000),
        _ => format!("{} min {:02} s", ms / 60_000, ms / 1_000 % 60),
    }
}

/// `1 drill`, `2 drills`.
pub(super) fn drills(count: usize) -> String {
    match count {
        1 => "1 drill".to_owned(),
        _ => format!("{count} drills"),
    }
}

/// Text without what a terminal makes colours of.
pub(super) fn plain(text: &str) -> String {
    let text = strip_ansi_escapes::strip_str(text);
    text.chars()
        .filter(|sign| !sign.is_control() || matches!(sign, '\n' | '\t'))
        .collect()
}
