//! The bot's process while it runs, and what is written down of it.

use std::{
    fs::File,
    io::{self, PipeReader, Write as _},
    os::{fd::OwnedFd, unix::process::ExitStatusExt as _},
    process::ExitStatus,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::unix::pipe,
    process::Child,
    task::JoinHandle,
};

use super::Ready;
use crate::{
    client::{Error, Http},
    history::{Event, Exit, History},
    run::{RunId, end_group},
};

/// How often `/ready` is asked, so that a state that comes and goes is seen.
const LOOKING: Duration = Duration::from_millis(200);
/// How long what a process has printed may take to be read once it has ended. Longer only where something that it started lives on.
const DRAINING: Duration = Duration::from_secs(1);

/// What the bot says of itself: each change goes into the history.
#[derive(Clone, Debug)]
pub(super) struct Said {
    http: Http,
    history: History,
    last: Arc<Mutex<Option<Ready>>>,
}

impl Said {
    pub(super) fn new(http: Http, history: History) -> Self {
        Self {
            http,
            history,
            last: Arc::default(),
        }
    }

    /// Asks `/ready`.
    pub(super) async fn ask(&self) -> Result<Ready, Error> {
        let reply = self.http.send(Method::GET, "/ready", None, None).await?;
        let ready = Ready {
            status: reply.status,
            body: reply.body,
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref() != Some(&ready) {
            self.history.add(Event::Ready {
                status: ready.status,
                body: ready.body.clone(),
                leaks: self.history.secrets().leaks(&ready.body.to_string()),
            });
            *last = Some(ready.clone());
        }
        Ok(ready)
    }

    /// A new process has said nothing yet.
    fn forget(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn keep_asking(self) {
        let mut ticks = tokio::time::interval(LOOKING);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // One that does not answer says nothing.
            let _ = self.ask().await;
        }
    }
}

/// Where the bot's lines go besides the history: as they are, for what is looked for in them, and masked, for people.
#[derive(Debug)]
pub(super) struct Logs {
    pub(super) raw: File,
    pub(super) masked: File,
}

/// A process of the bot's. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    pid: u32,
    history: History,
    sent: Option<(&'static str, Instant)>,
    noted: bool,
    output: JoinHandle<()>,
    looking: JoinHandle<()>,
}

impl Running {
    /// Begins to watch a process.
    ///
    /// # Errors
    ///
    /// When its output cannot be read.
    pub(super) fn watch(child: Child, output: PipeReader, logs: Logs, said: &Said) -> io::Result<Self> {
        let pid = child.id().unwrap_or_default();
        let history = said.history.clone();
        let output = pipe::Receiver::from_owned_fd(OwnedFd::from(output))?;
        history.add(Event::Started { pid });
        said.forget();
        Ok(Self {
            output: tokio::spawn(read(output, logs, history.clone())),
            looking: tokio::spawn(said.clone().keep_asking()),
            child,
            pid,
            history,
            sent: None,
            noted: false,
        })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a signal to the whole process group.
    pub(super) fn send(&mut self, signal: Signal) {
        // One that has ended by itself must not look as if the signal had ended it.
        if self.is_over() {
            return;
        }
        let name = if signal == Signal::KILL { "SIGKILL" } else { "SIGTERM" };
        let group = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        match group.map(|group| kill_process_group(group, signal)) {
            Some(Ok(())) => {
                self.sent = Some((name, Instant::now()));
                self.history.add(Event::Signalled {
                    signal: name.to_owned(),
                });
            }
            other => tracing::debug!(?other, "the bot could not be signalled"),
        }
    }

    /// Whether it has ended.
    pub(super) fn is_over(&mut self) -> bool {
        match self.child.try_wait() {
            Ok(Some(status)) => {
                self.note(status);
                true
            }
            _ => false,
        }
    }

    /// Waits until it has ended and all that it has printed is read. May be dropped and called again.
    pub(super) async fn over(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        let _ = tokio::time::timeout(DRAINING, &mut self.output).await;
        self.note(status);
        Ok(status)
    }

    fn note(&mut self, status: ExitStatus) {
        self.looking.abort();
        if std::mem::replace(&mut self.noted, true) {
            return;
        }
        // What a shell has started may outlive it, and two bots must not run on one directory.
        if end_group(self.pid, &RunId::current()) {
            tracing::debug!(pid = self.pid, "something that the bot had started outlived it");
        }
        let took = self.sent.map_or(Duration::ZERO, |(_, at)| at.elapsed());
        self.history.add(Event::Exited(Exit {
            pid: self.pid,
            code: status.code(),
            signal: status.signal(),
            after: self.sent.map(|(name, _)| name.to_owned()),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.looking.abort();
        self.send(Signal::KILL);
    }
}

async fn read(output: pipe::Receiver, mut logs: Logs, history: History) {
    let mut output = BufReader::new(output);
    let mut bytes = Vec::new();
    while matches!(output.read_until(b'\n', &mut bytes).await, Ok(read) if read > 0) {
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end_matches(['\n', '\r']);
        let masked = history.secrets().mask(text);
        let written = logs
            .raw
            .write_all(&bytes)
            .and_then(|()| writeln!(logs.masked, "{masked}"));
        if let Err(error) = written {
            tracing::warn!(%error, "the bot's log could not be written");
        }
        history.add(Event::Line {
            leaks: history.secrets().leaks(text),
            text: masked,
        });
        bytes.clear();
    }
}
