//! `alive`: whether the running bot answers. For health checks, where an image has no other program that could ask.

use std::time::Duration;

use super::CliError;
use crate::config::Config;

/// Less than a container engine waits for its health check.
const PATIENCE: Duration = Duration::from_secs(4);

pub(super) async fn execute(config: &Config) -> Result<(), CliError> {
    let port = config.http_port;
    let silent = |why: String| CliError::Failed(format!("no bot answers on port {port} ({why}); is it running?"));
    let failed = |error: reqwest::Error| silent(error.without_url().to_string());
    // No proxy stands between a bot and itself.
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .map_err(failed)?;
    let asked = client.get(format!("http://127.0.0.1:{port}/health")).send();
    match asked.await.map_err(failed)?.status() {
        status if status.is_success() => Ok(()),
        status => Err(silent(status.to_string())),
    }
}
