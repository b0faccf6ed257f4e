use std::{
    collections::HashMap,
    sync::{Mutex as Lock, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{StreamExt as _, future::BoxFuture};
use testcontainers::{
    ContainerAsync, ContainerRequest, ImageExt as _,
    bollard::{
        Docker,
        errors::Error as DockerError,
        models::{PortBinding, VolumeCreateRequest},
        query_parameters::{
            AttachContainerOptionsBuilder, KillContainerOptionsBuilder, RemoveContainerOptionsBuilder,
            RemoveVolumeOptionsBuilder,
        },
    },
    core::{
        Mount,
        logs::{LogFrame, consumer::LogConsumer},
    },
    runners::AsyncRunner as _,
};
use tokio::{sync::Mutex, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Error, Result, log::Log, process::failed, runner::Runner};
use crate::{
    cause::chain,
    images::{PORT, Served},
    run::{Port, RunId, Watchdog, engine},
};

/// How long the engine waits for an asked server before it kills it, in seconds.
const STOP: i32 = 30;
/// How long a command run on the data of a stopped server may take.
const RUN: Duration = Duration::from_secs(60);
/// How long the last lines of an ended container may take to arrive.
const LAST_LINES: Duration = Duration::from_secs(5);

/// A server in a container, with its data on a named volume and its port published on 127.0.0.1.
pub(super) struct Container {
    served: Served,
    labels: HashMap<String, String>,
    /// Of the container and of its volume.
    name: String,
    docker: Docker,
    log: Log,
    running: Mutex<Option<ContainerAsync<Served>>>,
    output: Mutex<CancellationToken>,
    watchdog: Lock<Watchdog>,
    port: Port,
}

impl std::fmt::Debug for Container {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Container")
            .field("name", &self.name)
            .field("image", &self.served)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Container {
    pub(super) async fn new(docker: Docker, served: Served, run: &RunId, log: Log, port: Port) -> Result<Self> {
        let labels = engine::labels(run);
        let name = format!("knockproof-{:016x}", rand::random::<u64>());
        // Works where there is a docker command; where there is none, what a killed process leaves waits for the next sweep.
        let clean_up = format!("docker rm --force --volumes {name}; docker volume rm --force {name}");
        let watchdog = Watchdog::new(["sh", "-c", &clean_up]).map_err(failed("start a watchdog (needs sh)"))?;
        let container = Self {
            served,
            labels,
            name,
            docker,
            log,
            running: Mutex::new(None),
            output: Mutex::new(CancellationToken::new()),
            watchdog: Lock::new(watchdog),
            port,
        };
        let volume = VolumeCreateRequest {
            name: Some(container.name.clone()),
            labels: Some(container.labels.clone()),
            ..VolumeCreateRequest::default()
        };
        container
            .docker
            .create_volume(volume)
            .await
            .map_err(engine("make the volume"))?;
        Ok(container)
    }

    /// What every container on the volume has in common.
    fn request(&self, name: &str) -> ContainerRequest<Served> {
        self.served
            .clone()
            .with_container_name(name)
            .with_labels(self.labels.clone())
            .with_mount(Mount::volume_mount(self.name.clone(), self.served.data()))
            // Core waits, and shows the log of a server that does not come up.
            .with_ready_conditions(Vec::new())
    }

    /// Makes the container and starts it.
    async fn first_launch(&self) -> Result<ContainerAsync<Served>> {
        let port = self.port.number();
        let request = self
            .request(&self.name)
            .with_mapped_port(port, PORT)
            // testcontainers publishes on all addresses; nobody but this machine is to reach a server under test.
            .with_host_config_modifier(move |config| {
                let binding = PortBinding {
                    host_ip: Some("127.0.0.1".to_owned()),
                    host_port: Some(port.to_string()),
                };
                config.port_bindings = Some(HashMap::from([(PORT.to_string(), Some(vec![binding]))]));
            })
            .with_log_consumer(self.collector().await);
        request.start().await.map_err(engine("start the container"))
    }

    /// Starts the container again, reading its output from before the start.
    async fn launch_again(&self) -> Result<()> {
        let options = AttachContainerOptionsBuilder::new()
            .stream(true)
            .stdout(true)
            .stderr(true)
            .build();
        let attached = self.docker.attach_container(&self.name, Some(options)).await;
        let mut output = attached.map_err(engine("attach to the container"))?.output;
        let collector = self.collector().await;
        tokio::spawn(async move {
            while let Some(Ok(frame)) = output.next().await {
                collector.write(&frame.into_bytes());
            }
        });
        let started = self.docker.start_container(&self.name, None).await;
        started.map_err(engine("start the container again"))
    }

    /// Takes the output of the next start. When the collector is dropped, the output has ended.
    async fn collector(&self) -> Collector {
        let ended = CancellationToken::new();
        *self.output.lock().await = ended.clone();
        Collector {
            log: self.log.clone(),
            _ended: ended.drop_guard(),
        }
    }

    /// Waits until everything the ended server printed is in the log.
    async fn drain(&self) {
        let ended = self.output.lock().await.clone();
        if timeout(LAST_LINES, ended.cancelled()).await.is_err() {
            tracing::warn!(container = self.name, "the end of its output did not arrive");
        }
    }
}

#[async_trait]
impl Runner for Container {
    async fn launch(&self) -> Result<()> {
        let mut running = self.running.lock().await;
        if running.is_some() {
            return self.launch_again().await;
        }
        *running = Some(self.first_launch().await?);
        Ok(())
    }

    async fn ended(&self) -> Result<Option<String>> {
        let inspected = self.docker.inspect_container(&self.name, None).await;
        let state = match inspected {
            Ok(container) => container.state.unwrap_or_default(),
            Err(DockerError::DockerResponseServerError { status_code: 404, .. }) => {
                return Ok(Some("there is no such container".to_owned()));
            }
            Err(error) => return Err(engine("look after the container")(error)),
        };
        if state.running == Some(true) {
            return Ok(None);
        }
        self.drain().await;
        let error = state.error.filter(|error| !error.is_empty());
        Ok(Some(format!(
            "exit status {}{}",
            state.exit_code.unwrap_or_default(),
            error.map(|error| format!(" ({error})")).unwrap_or_default()
        )))
    }

    async fn stop(&self) -> Result<()> {
        if let Some(container) = self.running.lock().await.as_ref() {
            let stopped = container.stop_with_timeout(Some(STOP)).await;
            stopped.map_err(engine("stop the container"))?;
            self.drain().await;
        }
        Ok(())
    }

    async fn kill(&self) -> Result<()> {
        let options = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
        let killed = self.docker.kill_container(&self.name, Some(options)).await;
        killed.map_err(engine("kill the container"))?;
        self.drain().await;
        Ok(())
    }

    async fn freeze(&self) -> Result<()> {
        match self.running.lock().await.as_ref() {
            Some(container) => container.pause().await.map_err(engine("pause the container")),
            None => Ok(()),
        }
    }

    async fn thaw(&self) -> Result<()> {
        match self.running.lock().await.as_ref() {
            Some(container) => container.unpause().await.map_err(engine("unpause the container")),
            None => Ok(()),
        }
    }

    async fn run_with(&self, arguments: &[String]) -> Result<()> {
        let inspected = self.docker.inspect_image(&self.served.image()).await;
        let config = inspected
            .map_err(engine("look at the image"))?
            .config
            .unwrap_or_default();
        // The image's own command comes first: it is the program where the entry point is only an init.
        let command: Vec<String> = config
            .cmd
            .unwrap_or_default()
            .into_iter()
            .chain(arguments.iter().cloned())
            .collect();
        let request = self
            .request(&format!("{}-once", self.name))
            .with_cmd(command)
            .with_log_consumer(self.collector().await);
        let container = request.start().await.map_err(engine("run a command in a container"))?;
        let ended = timeout(RUN, self.drain_of(&container)).await;
        let code = container
            .exit_code()
            .await
            .map_err(engine("look after the container"))?;
        container.rm().await.map_err(engine("remove the container"))?;
        match (ended, code) {
            (Ok(()), Some(0)) => Ok(()),
            (_, code) => Err(Error::Operator {
                action: "run a command on the stopped server's data".to_owned(),
                reason: format!("exit status {code:?}; see {}", self.log.path().display()),
            }),
        }
    }
}

impl Container {
    /// Waits for the end of a container, as the engine tells it.
    async fn drain_of(&self, container: &ContainerAsync<Served>) {
        use testcontainers::bollard::query_parameters::WaitContainerOptions;
        let mut end = std::pin::pin!(self.docker.wait_container(container.id(), None::<WaitContainerOptions>));
        while let Some(Ok(_)) = end.next().await {}
        self.drain().await;
    }
}

impl Drop for Container {
    /// Removes container and volume before it returns, in a thread of its own: the runtime may be on its way out already.
    fn drop(&mut self) {
        let running = self.running.get_mut().take();
        let removed = std::thread::scope(|scope| {
            let remover = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime
                    .map_err(|error| error.to_string())
                    .and_then(|runtime| runtime.block_on(remove(&self.name, running)))
            });
            remover.join().unwrap_or_else(|_| Err("it panicked".to_owned()))
        });
        match removed {
            Ok(()) => {
                let mut watchdog = self.watchdog.lock().unwrap_or_else(PoisonError::into_inner);
                if let Err(error) = watchdog.dismiss() {
                    tracing::debug!(%error, "the watchdog is gone");
                }
            }
            Err(error) => tracing::warn!(container = self.name, error, "left to the watchdog and the next sweep"),
        }
    }
}

/// Removes a container, even a half made one, and then its volume.
async fn remove(name: &str, running: Option<ContainerAsync<Served>>) -> Result<(), String> {
    let docker = engine::docker().await?;
    if let Some(container) = running {
        container.rm().await.map_err(|error| chain(&error))?;
    } else {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        gone(docker.remove_container(name, Some(options)).await)?;
    }
    let options = RemoveVolumeOptionsBuilder::new().force(true).build();
    gone(docker.remove_volume(name, Some(options)).await)
}

fn gone(removed: Result<(), DockerError>) -> Result<(), String> {
    match removed {
        Ok(()) | Err(DockerError::DockerResponseServerError { status_code: 404, .. }) => Ok(()),
        Err(error) => Err(chain(&error)),
    }
}

/// Writes a container's output to the log, as testcontainers or the engine hands it over.
struct Collector {
    log: Log,
    _ended: DropGuard,
}

impl Collector {
    fn write(&self, bytes: &[u8]) {
        self.log.print(bytes);
    }
}

impl LogConsumer for Collector {
    fn accept<'a>(&'a self, record: &'a LogFrame) -> BoxFuture<'a, ()> {
        self.write(record.bytes());
        Box::pin(std::future::ready(()))
    }
}

fn engine<E: std::error::Error>(action: &'static str) -> impl FnOnce(E) -> Error {
    move |error| Error::Engine {
        action: action.to_owned(),
        reason: chain(&error),
    }
}
