//! `doctor`: what is well and what is not, a line each.

use super::CliError;
use crate::{
    config::Config,
    doctor::{self, Standing},
};

#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(super) async fn execute(config: &Config) -> Result<(), CliError> {
    let findings = doctor::examine(config)
        .await
        .map_err(|error| CliError::Failed(error.to_string()))?;
    for finding in &findings {
        println!("{finding}");
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
