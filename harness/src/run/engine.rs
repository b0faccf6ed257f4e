use std::{collections::HashMap, time::Duration};

use testcontainers::{bollard::Docker, core::client::docker_client_instance};
use tokio::time::timeout;

use super::{LABEL_OWNER, LABEL_RUN, Owner, RunId};

/// An engine on this machine answers at once; one that does not is not there.
const PATIENCE: Duration = Duration::from_secs(3);

/// The Docker engine that testcontainers would use, if it answers; else why not, in one line.
pub(crate) async fn docker() -> Result<Docker, String> {
    let none = |reason: String| format!("no Docker engine answers ({reason}): start one, or name one with DOCKER_HOST");
    let docker = docker_client_instance()
        .await
        .map_err(|error| none(error.to_string()))?;
    match timeout(PATIENCE, docker.ping()).await {
        Ok(Ok(_)) => Ok(docker),
        Ok(Err(error)) => Err(none(error.to_string())),
        Err(_) => Err(none(format!("silent for {PATIENCE:?}"))),
    }
}

/// The labels of everything that is made in the engine.
pub(crate) fn labels(run: &RunId) -> HashMap<String, String> {
    HashMap::from([
        (LABEL_RUN.to_owned(), run.to_string()),
        (LABEL_OWNER.to_owned(), Owner::current().to_string()),
    ])
}
