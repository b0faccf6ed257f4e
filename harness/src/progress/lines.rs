//! One plain line for each thing that happens.

use std::{
    fmt,
    io::Write,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{DrillProgress, Progress, Shared, ending};
use crate::{
    report::Record,
    step::{Step, Watcher},
};

/// Plain lines: a drill's beginning and its end with the verdict.
pub struct Lines {
    out: Shared,
    total: usize,
    verbose: bool,
    done: Arc<AtomicUsize>,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

impl Lines {
    /// Lines to `out` about a run of `total` drills.
    pub fn new(out: impl Write + Send + 'static, total: usize, verbose: bool) -> Self {
        Self {
            out: Arc::new(Mutex::new(out)),
            total,
            verbose,
            done: Arc::default(),
        }
    }
}

impl Progress for Lines {
    fn say(&self, line: &str) {
        write_line(&self.out, line);
    }

    fn began(&self, name: &str) -> Arc<dyn DrillProgress> {
        write_line(&self.out, &format!("{name} ..."));
        Arc::new(DrillLines {
            out: self.out.clone(),
            total: self.total,
            verbose: self.verbose,
            done: self.done.clone(),
        })
    }
}

struct DrillLines {
    out: Shared,
    total: usize,
    verbose: bool,
    done: Arc<AtomicUsize>,
}

impl Watcher for DrillLines {
    fn began(&self, _: &str, _: usize, _: usize) {}
    fn ended(&self, _: &Step) {}
}

impl DrillProgress for DrillLines {
    fn doing(&self, _: &str) {}

    fn done(&self, record: &Record) {
        let number = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let text = ending(record, self.verbose);
        write_line(&self.out, &format!("[{number}/{}] {}", self.total, text.trim_end()));
    }
}

/// Writes a whole line at once, so that drills side by side do not mix theirs. A closed pipe does not end a run: its exit code still counts.
fn write_line(out: &Shared, line: &str) {
    let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{plan::Drill, report::Verdict};

    /// A writer whose content can be read afterwards.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_drill_has_a_line_for_its_beginning_and_its_end() {
        let page = Page::default();
        let lines = Lines::new(page.clone(), 3, false);
        let drill = Drill {
            scenario: "smoke".to_owned(),
            earlier: Vec::new(),
            injection: None,
            homeserver: "synapse".to_owned(),
            seed: 7,
            contract: None,
        };
        lines.say("homeserver: synapse (process)");
        for verdict in [
            Verdict::Passed,
            Verdict::NotRun {
                why: "no operator".to_owned(),
            },
            Verdict::Failed {
                why: "no invite\nthe bot's last lines: …".to_owned(),
            },
        ] {
            lines.began(&drill.name()).done(&Record::of(&drill, verdict));
        }
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [
                "homeserver: synapse (process)",
                "smoke/plain ...",
                "[1/3] smoke/plain on synapse: passed (0 ms)",
                "smoke/plain ...",
                "[2/3] smoke/plain on synapse: not run: no operator (0 ms)",
                "smoke/plain ...",
                "[3/3] smoke/plain on synapse: FAILED: no invite (0 ms)",
            ]
        );
    }
}
