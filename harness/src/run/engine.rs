use std::{
    collections::HashMap,
    env,
    net::{TcpListener, ToSocketAddrs as _},
    time::Duration,
};

use testcontainers::{
    bollard::{Docker, errors::Error as DockerError, query_parameters::RemoveContainerOptionsBuilder},
    core::client::docker_client_instance,
};
use tokio::time::timeout;
use url::Url;

use super::{LABEL_OWNER, LABEL_RUN, Owner, RunId};
use crate::cause::chain;

/// An engine on this machine answers at once; one that does not is not there.
const PATIENCE: Duration = Duration::from_secs(3);

/// The Docker engine that testcontainers would use, if it answers; else why not, in one line.
pub(crate) async fn docker() -> Result<Docker, String> {
    if let Some(host) = env::var("DOCKER_HOST").ok().and_then(|named| elsewhere(&named)) {
        return Err(format!(
            "the Docker engine that DOCKER_HOST names is on another machine ({host}), where containers' ports are out of reach: \
             name one of this machine, or unset DOCKER_HOST"
        ));
    }
    let docker = docker_client_instance().await.map_err(|error| silent(&chain(&error)))?;
    match timeout(PATIENCE, docker.ping()).await {
        Ok(Ok(_)) => Ok(docker),
        Ok(Err(error)) => Err(silent(&chain(&error))),
        Err(_) => Err(silent(&format!("silent for {PATIENCE:?}"))),
    }
}

/// Says that no engine answers, why, and what to do. One whose socket is closed to us is there.
fn silent(reason: &str) -> String {
    let cure = if reason.to_lowercase().contains("permission denied") {
        "its socket is closed to this user: join the group that owns it (usually `docker`), or name another with DOCKER_HOST"
    } else {
        "start one, or name one with DOCKER_HOST"
    };
    format!("no Docker engine answers ({reason}): {cure}")
}

/// The host in an engine's address, if it is not this machine. A host that cannot be resolved is left to the engine's client to refuse.
fn elsewhere(engine: &str) -> Option<String> {
    let url = Url::parse(engine).ok()?;
    if !matches!(url.scheme(), "tcp" | "http" | "https" | "ssh") {
        return None;
    }
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    let mut addresses = (host.as_str(), 0).to_socket_addrs().ok()?;
    // Only an address of this machine can be listened on.
    let is_here = addresses.any(|address| TcpListener::bind(address).is_ok());
    (!is_here).then_some(host)
}

/// The labels of everything that is made in the engine.
pub(crate) fn labels(run: &RunId) -> HashMap<String, String> {
    HashMap::from([
        (LABEL_RUN.to_owned(), run.to_string()),
        (LABEL_OWNER.to_owned(), Owner::current().to_string()),
    ])
}

/// Kills and removes a container, even a half made one, with the volumes that nobody has named. In a thread of its own, and before it returns: the
/// runtime may be on its way out already.
pub(crate) fn remove_container_now(name: &str) -> Result<(), String> {
    std::thread::scope(|scope| {
        let remover = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime
                .map_err(|error| error.to_string())?
                .block_on(remove_container(name))
        });
        remover.join().unwrap_or_else(|_| Err("it panicked".to_owned()))
    })
}

async fn remove_container(name: &str) -> Result<(), String> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match docker().await?.remove_container(name, Some(options)).await {
        Ok(()) | Err(DockerError::DockerResponseServerError { status_code: 404, .. }) => Ok(()),
        Err(error) => Err(chain(&error)),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("unix:///var/run/docker.sock", None)]
    #[case("tcp://127.0.0.1:2375", None)]
    #[case("tcp://localhost:2375", None)]
    #[case("tcp://[::1]:2375", None)]
    // An address for documentation, which nobody has.
    #[case("tcp://192.0.2.7:2376", Some("192.0.2.7"))]
    #[case("ssh://somebody@192.0.2.7", Some("192.0.2.7"))]
    #[case("no address", None)]
    fn an_engine_on_another_machine_is_told_from_one_here(#[case] engine: &str, #[case] host: Option<&str>) {
        assert_eq!(elsewhere(engine).as_deref(), host);
    }

    #[test]
    fn a_closed_socket_is_told_from_one_where_nobody_listens() {
        let closed = silent("client error (Connect): Permission denied (os error 13)");
        let nobody = silent("client error (Connect): Connection refused (os error 111)");
        assert!(
            closed.contains("group") && !nobody.contains("group"),
            "{closed}\n{nobody}"
        );
    }
}
