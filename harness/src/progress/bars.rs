//! One moving line for each drill that runs, and one for the whole.

use std::{fmt, sync::Arc, time::Duration};

use console::truncate_str;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{DrillProgress, Progress, Stream, ending};
use crate::{
    report::Record,
    step::{Outcome, Step, Watcher},
};

/// How often a spinner moves.
const TICK: Duration = Duration::from_millis(120);

/// Progress on a terminal.
pub struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    verbose: bool,
    stream: Stream,
}

impl fmt::Debug for Bars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bars").finish_non_exhaustive()
    }
}

impl Bars {
    /// Bars for a run of `total` drills.
    pub fn new(stream: Stream, total: usize, verbose: bool) -> Self {
        let all = MultiProgress::with_draw_target(match stream {
            Stream::Out => ProgressDrawTarget::stdout(),
            Stream::Err => ProgressDrawTarget::stderr(),
        });
        let total = all.add(ProgressBar::new(u64::try_from(total).unwrap_or(u64::MAX)));
        total.set_style(style("{bar:30} {pos}/{len} drills, {elapsed}"));
        total.enable_steady_tick(TICK);
        Self {
            all,
            total,
            verbose,
            stream,
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.total.finish_and_clear();
    }
}

impl Progress for Bars {
    fn say(&self, line: &str) {
        // Fails only when the terminal is gone; the run goes on and ends with its exit code.
        let _ = self.all.println(line);
    }

    fn began(&self, name: &str) -> Arc<dyn DrillProgress> {
        let bar = self.all.insert_before(&self.total, ProgressBar::new_spinner());
        bar.set_style(style("{spinner} {prefix}  {wide_msg} {elapsed}"));
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(TICK);
        Arc::new(Bar {
            all: self.all.clone(),
            total: self.total.clone(),
            verbose: self.verbose,
            width: self.stream.width(),
            bar,
        })
    }
}

struct Bar {
    all: MultiProgress,
    total: ProgressBar,
    verbose: bool,
    width: usize,
    bar: ProgressBar,
}

impl Drop for Bar {
    /// Also of a drill that was ended.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Watcher for Bar {
    fn began(&self, name: &str, number: usize, of: usize) {
        self.bar.set_message(format!("{number}/{of} {name}"));
    }

    fn ended(&self, step: &Step) {
        if step.outcome == Outcome::Failed {
            self.bar.set_message(format!("failed: {}", step.name));
        }
    }
}

impl DrillProgress for Bar {
    fn doing(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    fn done(&self, record: &Record) {
        self.bar.finish_and_clear();
        self.total.inc(1);
        let text = ending(record, self.verbose);
        let text = text.trim_end();
        // One line stays one.
        let _ = match self.verbose {
            true => self.all.println(text),
            false => self.all.println(truncate_str(text, self.width, "…")),
        };
    }
}

/// A style from a template; the plain one should the template ever be wrong.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
