//! What a run of benches has shown.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{Bed, Bench, Figure, Part, table};

/// The name of the JSON's schema.
pub const SCHEMA: &str = "knockproof.bench";

/// The version of the JSON's schema.
pub const VERSION: u32 = 1;

/// What a run of benches has shown; as JSON, what `--json` writes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// [`VERSION`].
    pub version: u32,
    /// How program and bot were compiled.
    pub compiled: Compiled,
    /// How many cores the machine has.
    pub cores: usize,
    /// The seed of the worlds.
    pub seed: u64,
    /// What was taken for each homeserver, and why.
    pub homeservers: Vec<String>,
    /// The benches.
    pub benches: Vec<Outcome>,
    /// How long all of it took.
    pub took_ms: u64,
}

/// How program and bot were compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Compiled {
    /// The profile of this program, and so of the embedded homeserver: `dev`, `release`.
    pub program: String,
    /// The profile of the bot, or the command that stands in for it.
    pub bot: String,
}

/// What became of one bench.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// Its name.
    pub bench: String,
    /// What it is about.
    pub part: Part,
    /// What it measured.
    pub figures: Vec<Figure>,
    /// Why it could not measure.
    pub failure: Option<String>,
    /// How long it took.
    pub took_ms: u64,
}

impl Report {
    /// Runs benches one after the other: each has the machine for itself.
    pub async fn of(bed: &Bed, benches: &[Box<dyn Bench>], compiled: Compiled) -> Self {
        let began = Instant::now();
        let mut outcomes = Vec::new();
        for bench in benches {
            (bed.say)(&format!("{}: {}", bench.name(), bench.summary()));
            outcomes.push(Outcome::of(bed, bench.as_ref()).await);
        }
        Self {
            schema: SCHEMA,
            version: VERSION,
            compiled,
            cores: bed.cores,
            seed: bed.seed,
            homeservers: bed.grounds.iter().map(|ground| ground.selection.why.clone()).collect(),
            benches: outcomes,
            took_ms: whole_millis(began.elapsed()),
        }
    }

    /// The figures of a part.
    pub fn figures(&self, part: Part) -> Vec<Figure> {
        let benches = self.benches.iter().filter(|outcome| outcome.part == part);
        benches.flat_map(|outcome| outcome.figures.clone()).collect()
    }

    /// Whether a bench could not measure.
    pub fn has_failed(&self) -> bool {
        self.benches.iter().any(|outcome| outcome.failure.is_some())
    }

    /// How many aims were met, and how many missed.
    pub fn aims(&self) -> (usize, usize) {
        let figures = self.benches.iter().flat_map(|outcome| &outcome.figures);
        let (met, missed): (Vec<bool>, Vec<bool>) = figures.filter_map(Figure::is_met).partition(|met| *met);
        (met.len(), missed.len())
    }

    /// Everything, for people: a table for each part, what could not be measured, the sum.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for part in Part::ALL {
            let figures = self.figures(part);
            if !figures.is_empty() {
                // Writing into a string cannot fail.
                let _ = writeln!(text, "{}\n{}", part.title(), table(&figures));
            }
        }
        for outcome in &self.benches {
            if let Some(why) = &outcome.failure {
                let _ = writeln!(text, "FAILED: {}: {why}", outcome.bench);
            }
        }
        let (met, missed) = self.aims();
        let seconds = self.took_ms / 1000;
        let _ = writeln!(
            text,
            "{} benches in {seconds} s: {met} aims met, {missed} missed; {} cores, this program and the embedded homeserver: {}, bot: {}",
            self.benches.len(),
            self.cores,
            self.compiled.program,
            self.compiled.bot
        );
        text
    }
}

impl Outcome {
    async fn of(bed: &Bed, bench: &dyn Bench) -> Self {
        let began = Instant::now();
        let mut figures = Vec::new();
        let failure = bench.measure(bed, &mut figures).await.err();
        Self {
            bench: bench.name().to_owned(),
            part: bench.part(),
            figures,
            failure: failure.map(|why| why.to_string()),
            took_ms: whole_millis(began.elapsed()),
        }
    }
}

fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Aim, Samples, Unit};

    fn outcome(bench: &str, part: Part, aim: f64) -> Outcome {
        let samples = Samples::new(vec![10.0, 12.0]).unwrap();
        let figure = Figure::new(bench, "embedded", Unit::Milliseconds, samples).aiming(Aim::AtMost(aim));
        Outcome {
            bench: bench.to_owned(),
            part,
            figures: vec![figure],
            failure: None,
            took_ms: 30,
        }
    }

    fn report() -> Report {
        Report {
            schema: SCHEMA,
            version: VERSION,
            compiled: Compiled {
                program: "dev".to_owned(),
                bot: "release".to_owned(),
            },
            cores: 2,
            seed: 7,
            homeservers: vec!["embedded (embedded, in this process): it needs nothing".to_owned()],
            benches: vec![
                outcome("start", Part::Homeserver, 20.0),
                outcome("boot", Part::Bot, 5.0),
                Outcome {
                    figures: Vec::new(),
                    failure: Some("the bot is not ready".to_owned()),
                    ..outcome("idle", Part::Bot, 0.0)
                },
            ],
            took_ms: 4_200,
        }
    }

    #[test]
    fn aims_are_counted_and_a_failure_is_no_missed_aim() {
        assert_eq!(report().aims(), (1, 1));
        assert!(report().has_failed());
    }

    #[test]
    fn a_report_has_a_table_for_each_part_and_says_what_failed() {
        insta::assert_snapshot!(report().text());
    }

    #[test]
    fn the_json_is_stable() {
        insta::assert_json_snapshot!(report());
    }
}
