//! `status`: what `/ready` says, for reading.

use super::CliError;
use crate::config::Config;

#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(super) async fn execute(config: &Config) -> Result<(), CliError> {
    let url = format!("http://127.0.0.1:{}/ready", config.http_port);
    let failed = |error: reqwest::Error| {
        CliError::Failed(format!(
            "no bot answers on port {} ({}); is it running?",
            config.http_port,
            error.without_url()
        ))
    };
    let answer = reqwest::get(url).await.map_err(failed)?;
    let serves = answer.status().is_success();
    let body: serde_json::Value = answer.json().await.map_err(failed)?;
    println!("{body:#}");
    if serves {
        return Ok(());
    }
    Err(CliError::Failed("not every identity serves".to_owned()))
}
