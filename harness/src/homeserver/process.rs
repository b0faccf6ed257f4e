use std::{
    ffi::OsString,
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Mutex as Lock, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::{
    process::{Child, Command},
    sync::Mutex,
    time::timeout,
};

use super::{Error, Result, log::Log, runner::Runner};
use crate::run::{Owner, Port, RunId, Scratch, Watchdog, end_group};

/// How long an asked server may take to end. conduwuit lets clients finish first.
const STOP: Duration = Duration::from_secs(30);
/// How long a command run on the data of a stopped server may take.
const RUN: Duration = Duration::from_secs(60);

/// What is started: a program with arguments and environment.
#[derive(Clone)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<OsString>,
    /// Holds secrets: not for Debug output.
    pub(super) environment: Vec<(String, String)>,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program")
            .field("path", &self.path)
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}

/// A server as a child process in a process group of its own.
#[derive(Debug)]
pub(super) struct Process {
    program: Program,
    log: Log,
    child: Mutex<Option<Child>>,
    /// The process group of the last start.
    group: Lock<Option<u32>>,
    // In the order of their ends: the watchdog kills what still runs, then the folder goes, then the port is free.
    watchdog: Lock<Watchdog>,
    scratch: Scratch,
    _port: Port,
}

impl Process {
    pub(super) fn new(program: Program, log: Log, scratch: Scratch, port: Port) -> Result<Self> {
        let clean_up = [
            "rm".into(),
            "-rf".into(),
            "--".into(),
            scratch.path().as_os_str().to_owned(),
        ];
        let watchdog = Watchdog::new::<OsString>(clean_up).map_err(failed("start a watchdog (needs sh)"))?;
        Ok(Self {
            program,
            log,
            child: Mutex::new(None),
            group: Lock::new(None),
            watchdog: Lock::new(watchdog),
            scratch,
            _port: port,
        })
    }

    fn spawn(&self, more: &[String]) -> Result<Child> {
        let program = self.program.path.display().to_string();
        let output = self.log.pipe().map_err(failed("open the log"))?;
        let errors = output.try_clone().map_err(failed("open the log"))?;
        let child = Command::new(&self.program.path)
            .args(&self.program.arguments)
            .args(more)
            .env_clear()
            .envs(inherited())
            .envs(self.program.environment.iter().cloned())
            .env(RunId::VARIABLE, self.scratch.run().as_str())
            .current_dir(self.scratch.path())
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed(&format!("start {program}")))?;
        if let Some(pid) = child.id() {
            *self.group.lock().unwrap_or_else(PoisonError::into_inner) = Some(pid);
            self.watchdog(|watchdog| watchdog.guard(pid))?;
            if let Some(owner) = Owner::of(pid) {
                self.scratch.note_child(&owner).map_err(failed("note the process"))?;
            }
        }
        Ok(child)
    }

    fn watchdog(&self, act: impl FnOnce(&mut Watchdog) -> io::Result<()>) -> Result<()> {
        let mut watchdog = self.watchdog.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut watchdog).map_err(failed("speak to the watchdog"))
    }

    /// The process has been waited for. What it started ends with it; the group's number may be somebody else's from then on.
    fn gone(&self) -> Result<()> {
        let group = self.group.lock().unwrap_or_else(PoisonError::into_inner).take();
        if group.is_some_and(|group| end_group(group, self.scratch.run())) {
            tracing::debug!(?group, "something that the homeserver had started outlived it");
        }
        self.log.drain();
        self.scratch.forget_child().map_err(failed("forget the process"))?;
        self.watchdog(Watchdog::release)
    }

    async fn signal(&self, signal: Signal) -> Result<()> {
        match self.child.lock().await.as_ref() {
            Some(child) => send(child, signal),
            None => Ok(()),
        }
    }

    async fn end_with(&self, signal: Signal, limit: Duration) -> Result<()> {
        let mut slot = self.child.lock().await;
        if let Some(child) = slot.as_mut() {
            send(child, signal)?;
            finish(child, limit).await?;
        }
        *slot = None;
        self.gone()
    }
}

#[async_trait]
impl Runner for Process {
    async fn launch(&self) -> Result<()> {
        let mut slot = self.child.lock().await;
        *slot = Some(self.spawn(&[])?);
        Ok(())
    }

    async fn ended(&self) -> Result<Option<String>> {
        let mut slot = self.child.lock().await;
        let status = match slot.as_mut() {
            Some(child) => child.try_wait().map_err(failed("look after the process"))?,
            None => return Ok(Some("not started".to_owned())),
        };
        if status.is_some() {
            *slot = None;
            self.gone()?;
        }
        Ok(status.map(|status| status.to_string()))
    }

    async fn stop(&self) -> Result<()> {
        self.end_with(Signal::TERM, STOP).await
    }

    async fn kill(&self) -> Result<()> {
        self.end_with(Signal::KILL, STOP).await
    }

    async fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP).await
    }

    async fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT).await
    }

    async fn run_with(&self, arguments: &[String]) -> Result<()> {
        let mut child = self.spawn(arguments)?;
        let status = finish(&mut child, RUN).await;
        drop(child);
        self.gone()?;
        let status = status?;
        if status.success() {
            return Ok(());
        }
        Err(Error::Operator {
            action: "run a command on the stopped server's data".to_owned(),
            reason: format!("{status}; see {}", self.log.path().display()),
        })
    }
}

impl Drop for Process {
    /// Not before the server is really gone: whoever drops a world may count what is left of it.
    fn drop(&mut self) {
        let Some(pid) = self.child.get_mut().as_ref().and_then(pid) else {
            return;
        };
        let killed = kill_process_group(pid, Signal::KILL);
        // Without taking its status away from tokio, which reaps it.
        let ended = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        tracing::debug!(?killed, ended = ended.is_ok(), "homeserver dropped");
    }
}

/// Waits for the end of a process.
async fn finish(child: &mut Child, limit: Duration) -> Result<ExitStatus> {
    match timeout(limit, child.wait()).await {
        Ok(status) => status.map_err(failed("wait for the process to end")),
        Err(_) => Err(failed("wait for the process to end")(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("it still ran after {limit:?}"),
        ))),
    }
}

/// Sends a signal to the whole group; one that has ended meanwhile is no error.
fn send(child: &Child, signal: Signal) -> Result<()> {
    let Some(pid) = pid(child) else {
        return Ok(());
    };
    match kill_process_group(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(failed("send a signal to the process")(error.into())),
    }
}

/// The pid, which is the group's too, of a process that has not been waited for.
fn pid(child: &Child) -> Option<Pid> {
    child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
}

/// What a server may know of our environment: where programs and temporary files are, and whose it is.
fn inherited() -> impl Iterator<Item = (String, String)> {
    ["PATH", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "NEXTEST_RUN_ID"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok().map(|value| (name.to_owned(), value)))
}

pub(super) fn failed(action: &str) -> impl FnOnce(io::Error) -> Error + use<'_> {
    move |source| Error::Io {
        action: action.to_owned(),
        source,
    }
}
