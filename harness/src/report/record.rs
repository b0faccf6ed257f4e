//! The records behind table and JSON.

use serde::{Deserialize, Serialize};

use super::{Verdict, table::short};
use crate::{
    plan::Drill,
    secrets::Secrets,
    step::{Outcome, Step},
    timeline::Timeline,
};

/// The name of the JSON's schema.
pub const SCHEMA: &str = "knockproof.drills";

/// The version of the JSON's schema.
pub const VERSION: u32 = 1;

/// One thing that has to hold after a fault, and whether it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRecord {
    /// The check's name.
    pub check: String,
    /// Whether it held; true also where it could not be shown.
    pub held: bool,
    /// Whether this drill could show it.
    #[serde(default = "applies")]
    pub applies: bool,
    /// What was looked at, or what did not hold.
    pub what: String,
}

/// Records of before there was such a thing.
fn applies() -> bool {
    true
}

/// One drill as it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The drill's name.
    pub name: String,
    /// The scenario's name.
    pub scenario: String,
    /// The fault's name; absent for the plain scenario.
    pub fault: Option<String>,
    /// When the fault happened.
    pub moment: Option<String>,
    /// The identities that the fault hit; none where that was the first alone, or there was no fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<String>,
    /// Flavor and driver of the homeserver; the wish for one where none was started.
    pub homeserver: String,
    /// How it ended.
    pub verdict: Verdict,
    /// From the moment at which the bot could know of the fault (its start, or the fault itself) to its healing.
    pub healed_in_ms: Option<u64>,
    /// Logins that the bot made because of the fault.
    pub logins: Option<usize>,
    /// Devices that the bot's accounts own in the end.
    pub devices: Option<usize>,
    /// From the start of its world to the end of its checks.
    pub took_ms: u64,
    /// Every step, reached or not.
    pub steps: Vec<Step>,
    /// Every check.
    pub findings: Vec<FindingRecord>,
    /// The branches of the healing code that the bot went through.
    pub marks: Vec<String>,
    /// The command line that repeats it.
    pub replay: String,
    /// The folder with logs and traffic, where one was kept.
    pub artifacts: Option<String>,
    /// What happened, in short, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Timeline>,
}

impl Record {
    /// A drill of which nothing is known yet but its name; `verdict` for what could not be run.
    pub fn of(drill: &Drill, verdict: Verdict) -> Self {
        Self {
            name: drill.name(),
            scenario: drill.scenario.clone(),
            fault: drill.injection.as_ref().map(|injection| injection.fault.clone()),
            moment: drill.moment().map(|moment| moment.to_string()),
            identities: drill.identities().to_vec(),
            homeserver: drill.homeserver.clone(),
            verdict,
            healed_in_ms: None,
            logins: None,
            devices: None,
            took_ms: 0,
            steps: Vec::new(),
            findings: Vec::new(),
            marks: Vec::new(),
            replay: drill.replay("knockproof"),
            artifacts: None,
            timeline: None,
        }
    }

    /// The same without secrets, wherever they stand in what was seen.
    #[must_use]
    pub fn masked(self, secrets: &Secrets) -> Self {
        let masked = serde_json::to_string(&self).and_then(|json| serde_json::from_str(&secrets.mask(&json)));
        masked.unwrap_or_else(|error| Self {
            verdict: Verdict::Failed {
                why: format!("its record cannot be masked: {error}"),
            },
            steps: Vec::new(),
            findings: Vec::new(),
            timeline: None,
            ..self
        })
    }

    /// Derives the verdict from steps and findings: passed only if there are steps, every one passed and every finding held.
    pub fn judge(&mut self) {
        let step = self.steps.iter().find(|step| step.outcome == Outcome::Failed);
        let unreached = self.steps.iter().find(|step| step.outcome == Outcome::NotReached);
        let finding = self.findings.iter().find(|finding| !finding.held);
        let why = match (step, unreached, finding) {
            (Some(step), ..) => Some(format!("step {:?}: {}", step.name, step.evidence)),
            (None, Some(step), _) => Some(format!("step {:?} was never reached", step.name)),
            (None, None, Some(finding)) => Some(format!("check {:?}: {}", finding.check, finding.what)),
            (None, None, None) if self.steps.is_empty() => Some("no step ran".to_owned()),
            (None, None, None) => None,
        };
        self.verdict = why.map_or(Verdict::Passed, |why| Verdict::Failed { why });
    }

    /// How it ended, in one line.
    pub fn line(&self) -> String {
        format!(
            "{} on {}: {} ({} ms)",
            self.name,
            self.homeserver,
            short(&self.verdict),
            self.took_ms
        )
    }

    /// The record in full, for the end of a failed test: every step with its evidence, every check, how to repeat it.
    pub fn narrative(&self) -> String {
        let mut text = format!("{} on {}: {}\n", self.name, self.homeserver, self.verdict);
        for step in &self.steps {
            let sign = match step.outcome {
                Outcome::Passed => "ok  ",
                Outcome::Failed => "FAIL",
                Outcome::NotReached => "  - ",
            };
            text.push_str(&format!(
                "  {sign} {:>6} ms  {}  {}\n",
                step.took_ms, step.name, step.evidence
            ));
        }
        for finding in &self.findings {
            let sign = match (finding.held, finding.applies) {
                (false, _) => "FAIL",
                (true, true) => "ok  ",
                (true, false) => "  - ",
            };
            text.push_str(&format!("  {sign} check  {}  {}\n", finding.check, finding.what));
        }
        if !self.marks.is_empty() {
            text.push_str(&format!("  marks: {}\n", self.marks.join(", ")));
        }
        if let Some(folder) = &self.artifacts {
            text.push_str(&format!("  logs and traffic: {folder}\n"));
        }
        text.push_str(&format!("  again: {}\n", self.replay));
        text
    }
}

/// Which homeserver was taken for a wish, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HomeserverRecord {
    /// The wish.
    pub wish: String,
    /// What was taken, and why.
    pub took: String,
}

/// How many drills ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Drills that passed.
    pub passed: usize,
    /// Drills that failed.
    pub failed: usize,
    /// Drills that could not be run.
    pub not_run: usize,
    /// Wall time of the run, from its start to its end.
    pub took_ms: u64,
}

/// Which branches of the healing code a run should have gone through and has not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarksRecord {
    /// Branches that could be reached and were not; empty unless the run was a full one.
    pub missed: Vec<String>,
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// [`VERSION`].
    pub version: u32,
    /// The seed of the run.
    pub seed: u64,
    /// What was taken for each wish.
    pub homeservers: Vec<HomeserverRecord>,
    /// Counts.
    pub summary: Summary,
    /// Every drill, in the order of the plan.
    pub drills: Vec<Record>,
    /// Coverage of the healing code.
    pub marks: MarksRecord,
    /// What ended the run before its plan, if anything did.
    #[serde(default)]
    pub interrupted: Option<String>,
    /// When it began, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

impl Report {
    /// Puts a run together.
    pub fn new(
        seed: u64,
        homeservers: Vec<HomeserverRecord>,
        drills: Vec<Record>,
        missed: Vec<String>,
        took_ms: u64,
    ) -> Self {
        let mut summary = Summary {
            took_ms,
            ..Summary::default()
        };
        for record in &drills {
            match record.verdict {
                Verdict::Passed => summary.passed += 1,
                Verdict::Failed { .. } => summary.failed += 1,
                Verdict::NotRun { .. } => summary.not_run += 1,
            }
        }
        let marks = MarksRecord { missed };
        Self {
            schema: SCHEMA.to_owned(),
            version: VERSION,
            seed,
            homeservers,
            summary,
            drills,
            marks,
            interrupted: None,
            at: None,
        }
    }

    /// The same without timelines: they are long, and only a page shows them.
    #[must_use]
    pub fn without_timelines(mut self) -> Self {
        for record in &mut self.drills {
            record.timeline = None;
        }
        self
    }

    /// The exit code: 0 everything that ran passed, 1 something failed or was missed, 2 nothing could be run.
    pub fn exit_code(&self) -> u8 {
        match self.summary {
            Summary { failed, .. } if failed > 0 => 1,
            Summary { passed: 0, .. } => 2,
            _ if !self.marks.missed.is_empty() => 1,
            _ => 0,
        }
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
