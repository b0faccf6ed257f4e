//! A run of the bot as a container.

use std::{
    collections::BTreeMap,
    io,
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{ExitStatus, Output},
};

use futures_util::StreamExt as _;
use testcontainers::bollard::{
    Docker,
    container::{AttachContainerResults, LogOutput},
    errors::Error as DockerError,
    models::{ContainerCreateBody, HostConfig, Mount, MountType},
    query_parameters::{
        AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, KillContainerOptionsBuilder, WaitContainerOptions,
    },
};
use tokio::{
    io::{AsyncWriteExt as _, DuplexStream, duplex},
    sync::watch,
};

use super::{BotImage, Result, layer, user};
use crate::{
    cause::chain,
    run::{RunId, Watchdog, engine},
};

/// Where the harness's directory for temporary files is inside.
const TEMPORARY: &str = "/tmp";
/// How much of what it prints may wait to be read.
const BUFFER: usize = 64 * 1024;
/// An exit status above this one is that of a program that a signal has ended.
const SIGNALLED: i64 = 128;
const LAST_SIGNAL: i64 = 64;

/// What a container is made of.
pub(super) struct Wanted<'b> {
    pub(super) image: &'b BotImage,
    pub(super) arguments: Vec<String>,
    pub(super) environment: &'b BTreeMap<String, String>,
    pub(super) data: &'b Path,
    pub(super) temporary: &'b Path,
}

/// A container of the bot's. Dropped, it is killed and removed.
#[derive(Debug)]
pub(super) struct Contained {
    docker: Docker,
    name: String,
    pid: u32,
    /// The exit status, or why it cannot be told.
    ended: watch::Receiver<Option<Result<i64, String>>>,
    watchdog: Watchdog,
}

impl Contained {
    /// Makes a container and starts it. Answers what it prints, besides.
    ///
    /// # Errors
    ///
    /// When the engine refuses: mostly there is no such image.
    pub(super) async fn start(wanted: &Wanted<'_>) -> Result<(Self, DuplexStream)> {
        let mut contained = Self::made(wanted).await?;
        let started = contained.started().await;
        match started {
            Ok(output) => Ok((contained, output)),
            Err(reason) => Err(wanted.image.refused(reason)),
        }
    }

    /// Runs the image's program once more with these words behind its arguments, on the same directories, until it ends by itself.
    ///
    /// # Errors
    ///
    /// When the engine refuses.
    pub(super) async fn ask(mut wanted: Wanted<'_>, words: &[&str]) -> Result<Output> {
        wanted.arguments.extend(words.iter().map(|word| (*word).to_owned()));
        let mut contained = Self::made(&wanted).await?;
        let answered = contained.answered().await;
        answered.map_err(|reason| wanted.image.refused(reason))
    }

    async fn made(wanted: &Wanted<'_>) -> Result<Self> {
        let refused = |reason: String| wanted.image.refused(reason);
        let docker = engine::docker().await.map_err(refused)?;
        let name = format!("knockproof-bot-{:016x}", rand::random::<u64>());
        // Works where there is a docker command; where there is none, what a killed process leaves waits for the next sweep.
        let clean_up = format!("docker rm --force --volumes {name}");
        let watchdog = Watchdog::new(["sh", "-c", &clean_up]);
        let contained = Self {
            docker,
            name,
            pid: 0,
            ended: watch::channel(None).1,
            watchdog: watchdog.map_err(|error| refused(format!("there is no watchdog for it: {error}")))?,
        };
        contained.make(wanted).await.map_err(refused)?;
        Ok(contained)
    }

    async fn make(&self, wanted: &Wanted<'_>) -> Result<(), String> {
        let said = |error: DockerError| chain(&error);
        let options = CreateContainerOptionsBuilder::new().name(&self.name).build();
        let made = self.docker.create_container(Some(options), body(wanted)).await;
        made.map_err(said)?;
        let inspected = self.docker.inspect_container(&self.name, None).await.map_err(said)?;
        let user = inspected.config.and_then(|config| config.user).unwrap_or_default();
        user::give(&self.docker, &self.name, &user, [wanted.data, wanted.temporary]).await
    }

    /// Starts it; answers what it prints from its first line on.
    async fn started(&mut self) -> Result<DuplexStream, String> {
        let mut printed = self.attached().await?.output;
        let (output, mut input) = duplex(BUFFER);
        tokio::spawn(async move {
            while let Some(Ok(piece)) = printed.next().await {
                // Whoever does not read any more does not want it.
                if input.write_all(&piece.into_bytes()).await.is_err() {
                    break;
                }
            }
        });
        self.launch().await?;
        Ok(output)
    }

    async fn answered(&mut self) -> Result<Output, String> {
        let mut printed = self.attached().await?.output;
        self.launch().await?;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        while let Some(Ok(piece)) = printed.next().await {
            match piece {
                LogOutput::StdErr { message } => stderr.extend(message),
                other => stdout.extend(other.into_bytes()),
            }
        }
        let status = self.over().await.map_err(|error| chain(&error))?;
        Ok(Output { status, stdout, stderr })
    }

    async fn attached(&self) -> Result<AttachContainerResults, String> {
        let options = AttachContainerOptionsBuilder::new()
            .stream(true)
            .stdout(true)
            .stderr(true)
            .build();
        let attached = self.docker.attach_container(&self.name, Some(options)).await;
        attached.map_err(|error| chain(&error))
    }

    async fn launch(&mut self) -> Result<(), String> {
        let said = |error: DockerError| chain(&error);
        self.docker.start_container(&self.name, None).await.map_err(said)?;
        let inspected = self.docker.inspect_container(&self.name, None).await.map_err(said)?;
        let pid = inspected.state.and_then(|state| state.pid).unwrap_or_default();
        self.pid = u32::try_from(pid).unwrap_or_default();
        let (tell, ended) = watch::channel(None);
        self.ended = ended;
        let (docker, name) = (self.docker.clone(), self.name.clone());
        tokio::spawn(async move { tell.send_replace(Some(end_of(&docker, &name).await)) });
        Ok(())
    }

    /// The number, on this machine, of its first process; 0 of one that was over at once.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, if it has.
    pub(super) fn ended(&self) -> Option<io::Result<ExitStatus>> {
        self.ended.borrow().as_ref().map(read)
    }

    /// Waits until it has ended. May be dropped and called again.
    pub(super) async fn over(&mut self) -> io::Result<ExitStatus> {
        let ended = self.ended.wait_for(Option::is_some).await;
        let ended = ended.map_err(|_| io::Error::other("nobody waits for the container any more"))?;
        ended.as_ref().map_or_else(|| Err(io::Error::other("it runs")), read)
    }

    /// What it wrote outside its directories.
    pub(super) async fn written(&self) -> Vec<(String, String)> {
        layer::written(&self.docker, &self.name).await
    }

    /// Sends a signal to its first process.
    ///
    /// # Errors
    ///
    /// When the engine refuses.
    pub(super) async fn signal(&self, name: &str) -> io::Result<()> {
        let options = KillContainerOptionsBuilder::new().signal(name).build();
        done(self.docker.kill_container(&self.name, Some(options)).await)
    }

    /// Lets none of its processes go on, until they are [thawed](Self::thaw).
    ///
    /// # Errors
    ///
    /// When the engine refuses.
    pub(super) async fn freeze(&self) -> io::Result<()> {
        done(self.docker.pause_container(&self.name).await)
    }

    /// Lets them go on.
    ///
    /// # Errors
    ///
    /// When the engine refuses.
    pub(super) async fn thaw(&self) -> io::Result<()> {
        done(self.docker.unpause_container(&self.name).await)
    }
}

impl Drop for Contained {
    /// Before it returns: two bots must not run on one directory.
    fn drop(&mut self) {
        match engine::remove_container_now(&self.name) {
            Ok(()) => {
                if let Err(error) = self.watchdog.dismiss() {
                    tracing::debug!(%error, "the watchdog is gone");
                }
            }
            Err(error) => tracing::warn!(container = self.name, error, "left to the watchdog and the next sweep"),
        }
    }
}

/// What the engine is asked for. The bot shares this machine's network, where the front door listens on 127.0.0.1 alone.
fn body(wanted: &Wanted<'_>) -> ContainerCreateBody {
    let image = wanted.image;
    let environment = wanted.environment.iter().map(|(name, value)| format!("{name}={value}"));
    let data = image.sees(wanted.data);
    let memory = image.memory_mib.map(|mib| i64::from(mib) * 1024 * 1024);
    let when_hardened = |words: &str| image.hardened.then(|| vec![words.to_owned()]);
    ContainerCreateBody {
        image: Some(image.name.clone()),
        user: user::imposed(),
        env: Some(environment.collect()),
        cmd: Some(wanted.arguments.clone()).filter(|words| !words.is_empty()),
        labels: Some(engine::labels(&RunId::current())),
        host_config: Some(HostConfig {
            network_mode: Some("host".to_owned()),
            mounts: Some(vec![
                mount(wanted.data, &data),
                mount(wanted.temporary, Path::new(TEMPORARY)),
            ]),
            readonly_rootfs: Some(image.hardened),
            cap_drop: when_hardened("ALL"),
            security_opt: when_hardened("no-new-privileges"),
            memory,
            // No more than that by way of swapping, either.
            memory_swap: memory,
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

fn mount(outside: &Path, inside: &Path) -> Mount {
    Mount {
        target: Some(inside.display().to_string()),
        source: Some(outside.display().to_string()),
        typ: Some(MountType::BIND),
        ..Mount::default()
    }
}

/// Waits for a container's end.
async fn end_of(docker: &Docker, name: &str) -> Result<i64, String> {
    let mut ends = std::pin::pin!(docker.wait_container(name, None::<WaitContainerOptions>));
    match ends.next().await {
        Some(Ok(end)) => Ok(end.status_code),
        Some(Err(DockerError::DockerContainerWaitError { code, .. })) => Ok(code),
        Some(Err(error)) => Err(chain(&error)),
        None => Err("the engine does not say how the container ended".to_owned()),
    }
}

fn read(ended: &Result<i64, String>) -> io::Result<ExitStatus> {
    let read = ended.as_ref().map(|code| status(*code));
    read.map_err(|reason| io::Error::other(reason.clone()))
}

/// A container tells a signal by an exit status, as a shell does.
fn status(code: i64) -> ExitStatus {
    let signal = code - SIGNALLED;
    let is_signal = (1..=LAST_SIGNAL).contains(&signal);
    let raw = if is_signal { signal } else { (code & 0xff) << 8 };
    ExitStatus::from_raw(i32::try_from(raw).unwrap_or_default())
}

fn done(answer: Result<(), DockerError>) -> io::Result<()> {
    answer.map_err(|error| io::Error::other(chain(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Contract;

    #[test]
    fn a_signal_is_told_from_an_exit_status() {
        assert_eq!((status(0).code(), status(0).signal()), (Some(0), None));
        assert_eq!(status(3).code(), Some(3));
        assert_eq!((status(137).code(), status(137).signal()), (None, Some(9)));
        assert_eq!(status(143).signal(), Some(15));
        assert_eq!(status(255).code(), Some(255));
    }

    fn made(container: &str) -> ContainerCreateBody {
        let contract = Contract::from_toml(&format!(
            "name = \"pong\"\nimage = \"pong:1\"\nready = {{ log = \"up\" }}\n\
             identities = [{{ name = \"bot\", localpart = \"bot\" }}]\n{container}"
        ));
        let image = BotImage::of(&contract.unwrap(), "pong:1".to_owned());
        let environment = BTreeMap::from([("TOKEN".to_owned(), "t=1".to_owned())]);
        body(&Wanted {
            image: &image,
            arguments: Vec::new(),
            environment: &environment,
            data: Path::new("/here/data"),
            temporary: Path::new("/here/tmp"),
        })
    }

    #[test]
    fn a_container_has_the_marks_of_its_run_and_nothing_that_nobody_asked_for() {
        let body = made("");
        let config = body.host_config.unwrap();
        assert_eq!(body.env, Some(vec!["TOKEN=t=1".to_owned()]));
        assert_eq!(body.labels, Some(engine::labels(&RunId::current())));
        assert_eq!((body.cmd, config.memory, config.cap_drop), (None, None, None));
        let targets: Vec<String> = config
            .mounts
            .unwrap()
            .into_iter()
            .filter_map(|mount| mount.target)
            .collect();
        assert_eq!(targets, ["/here/data", TEMPORARY]);
    }

    #[test]
    fn a_hardened_one_may_write_its_own_directories_alone() {
        let body = made("[container]\nhardened = true\ndata = \"/data\"\nmemory_mib = 2\n");
        let config = body.host_config.unwrap();
        assert_eq!(config.readonly_rootfs, Some(true));
        assert_eq!(config.cap_drop, Some(vec!["ALL".to_owned()]));
        assert_eq!((config.memory, config.memory_swap), (Some(2 << 20), Some(2 << 20)));
        assert_eq!(config.mounts.unwrap()[0].target.as_deref(), Some("/data"));
    }
}
