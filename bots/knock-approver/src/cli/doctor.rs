//! `doctor`: what is well and what is not, a line each.

use clap::Args;
use serde_json::{Value, json};

use super::CliError;
use crate::{
    config::Config,
    doctor::{self, Finding, Standing},
};

/// The version of what `--json` prints: a new one where a program that reads it would have to be changed.
const VERSION: u32 = 1;

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Print one JSON object: `findings`, each with `standing` (ok, weak, broken), `what`, `seen` and, unless it is ok, `cure`
    #[arg(long)]
    json: bool,
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(super) async fn execute(config: &Config, doctor: &Doctor) -> Result<(), CliError> {
    let findings = doctor::examine(config)
        .await
        .map_err(|error| CliError::Failed(error.to_string()))?;
    match doctor.json {
        true => println!("{:#}", document(&findings)),
        false => findings.iter().for_each(|finding| println!("{finding}")),
    }
    match findings
        .iter()
        .filter(|finding| finding.standing() == Standing::Broken)
        .count()
    {
        0 => Ok(()),
        1 => Err(CliError::Failed("1 thing is broken".to_owned())),
        broken => Err(CliError::Failed(format!("{broken} things are broken"))),
    }
}

fn document(findings: &[Finding]) -> Value {
    let told: Vec<Value> = findings.iter().map(Finding::told).collect();
    json!({ "version": VERSION, "findings": told })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_read_has_a_version_and_all_that_people_read() {
        let findings = [
            Finding::well("homeserver", "answers"),
            Finding::broken("token", "is dead", "wait"),
        ];
        let expected = json!({ "version": 1, "findings": [
            { "standing": "ok", "what": "homeserver", "seen": "answers" },
            { "standing": "broken", "what": "token", "seen": "is dead", "cure": "wait" },
        ] });
        assert_eq!(document(&findings), expected);
    }
}
