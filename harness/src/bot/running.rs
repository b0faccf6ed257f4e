//! The bot while it runs, and what is written down of it.

use std::{
    fs::File,
    io::{self, Write as _},
    os::unix::process::ExitStatusExt as _,
    process::ExitStatus,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::Method;
use rustix::process::Signal;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    task::JoinHandle,
};

use super::{
    Ready,
    life::{self, Life, Printed},
};
use crate::{
    client::{Error, Http},
    contract::{Contract, HttpPath, Readiness},
    history::{Event, Exit, History},
    wait::{self, Poll, TimedOut},
};

/// How often the bot is asked how it is, so that a state that comes and goes is seen.
const LOOKING: Duration = Duration::from_millis(200);
/// How long what a process has printed may take to be read once it has ended. Longer only where something that it started lives on.
const DRAINING: Duration = Duration::from_secs(1);

/// What the bot says of itself: each change goes into the history.
#[derive(Clone, Debug)]
pub(super) struct Said {
    http: Http,
    history: History,
    contract: Arc<Contract>,
    names: Arc<[String]>,
    last: Arc<Mutex<Option<Ready>>>,
    /// Whether a bot that has no HTTP side has shown that it serves.
    serves: Arc<AtomicBool>,
    /// Whether a bot that says so in its log alone has said that it needs its operator.
    cries: Arc<AtomicBool>,
}

impl Said {
    pub(super) fn new(http: Http, history: History, contract: Arc<Contract>) -> Self {
        let names = contract.identities.iter().map(|identity| identity.name.clone());
        Self {
            http,
            history,
            names: names.collect(),
            contract,
            last: Arc::default(),
            serves: Arc::default(),
            cries: Arc::default(),
        }
    }

    /// Asks it how it is.
    pub(super) async fn ask(&self) -> Result<Ready, Error> {
        let told = self.contract.status.as_ref();
        let (serves, mut status, mut body, asked) = match &self.contract.ready {
            Readiness::Http(path) => {
                let (status, body) = self.get(path).await?;
                (status == 200, status, body, Some(path))
            }
            Readiness::Log(_) | Readiness::Ping => match self.serves.load(Ordering::SeqCst) {
                true => (true, 200, Value::Null, None),
                false => (false, 503, Value::Null, None),
            },
        };
        if let Some(told) = told.filter(|told| asked != Some(&told.http)) {
            (status, body) = self.get(&told.http).await?;
        }
        let ready = Ready::read(serves, status, body, told, &self.names);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref() != Some(&ready) {
            self.history.add(Event::Ready {
                leaks: self.history.secrets().leaks(&ready.body.to_string()),
                said: ready.clone(),
            });
            *last = Some(ready.clone());
        }
        Ok(ready)
    }

    /// Asks it until it says what is wanted.
    pub(super) async fn wait(
        &self,
        what: &str,
        patience: Duration,
        wanted: impl Fn(&Ready) -> bool,
    ) -> Result<Ready, TimedOut> {
        wait::until(what, patience, || async {
            match self.ask().await {
                Ok(ready) if wanted(&ready) => Poll::Ready(ready),
                Ok(ready) => Poll::Pending(ready.line()),
                Err(error) => Poll::Pending(error.to_string()),
            }
        })
        .await
    }

    async fn get(&self, path: &HttpPath) -> Result<(u16, Value), Error> {
        let reply = self.http.send(Method::GET, path.as_str(), None, None).await?;
        Ok((reply.status, reply.body))
    }

    /// One that was just started has said nothing yet.
    fn forget(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.serves.store(false, Ordering::SeqCst);
        self.cries.store(false, Ordering::SeqCst);
    }

    /// Whether it has said in its log that it needs its operator, since it was started.
    pub(super) fn has_cried(&self) -> bool {
        self.cries.load(Ordering::SeqCst)
    }

    /// It has answered: that shows that a bot without an HTTP side serves.
    pub(super) fn has_answered(&self) {
        self.serves.store(true, Ordering::SeqCst);
    }

    /// It has printed a line.
    fn has_printed(&self, line: &str, masked: &str) {
        if matches!(&self.contract.ready, Readiness::Log(words) if line.contains(words)) {
            self.serves.store(true, Ordering::SeqCst);
        }
        if self
            .contract
            .operator_log
            .as_ref()
            .is_some_and(|words| line.contains(words))
        {
            self.cries.store(true, Ordering::SeqCst);
            self.history.add(Event::Cried {
                line: masked.to_owned(),
            });
        }
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

/// A run of the bot's. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Running {
    life: Life,
    pid: u32,
    history: History,
    sent: Option<(&'static str, Instant)>,
    frozen: bool,
    noted: bool,
    output: JoinHandle<()>,
    looking: JoinHandle<()>,
}

impl Running {
    /// Begins to watch what was started.
    pub(super) fn watch(life: Life, printed: Printed, logs: Logs, said: &Said) -> Self {
        let pid = life.pid();
        let history = said.history.clone();
        history.add(Event::Started { pid });
        said.forget();
        Self {
            output: tokio::spawn(read(printed, logs, said.clone())),
            looking: tokio::spawn(said.clone().keep_asking()),
            life,
            pid,
            history,
            sent: None,
            frozen: false,
            noted: false,
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// The leader of the process group that it is, where it is one.
    pub(super) fn group(&self) -> Option<u32> {
        self.life.is_process().then_some(self.pid)
    }

    /// Sends a signal to the whole process group, or to the first process of the container.
    pub(super) async fn send(&mut self, signal: Signal) {
        // One that has ended by itself must not look as if the signal had ended it.
        if self.is_over() {
            return;
        }
        match self.life.signal(signal, self.pid).await {
            Ok(()) => self.has_sent(signal),
            Err(error) => tracing::debug!(%error, "the bot could not be signalled"),
        }
    }

    fn has_sent(&mut self, signal: Signal) {
        let name = life::name(signal);
        self.sent = Some((name, Instant::now()));
        self.history.add(Event::Signalled {
            signal: name.to_owned(),
        });
    }

    /// Suspends it, or lets it go on.
    ///
    /// # Errors
    ///
    /// When it cannot be.
    pub(super) async fn freeze(&mut self, frozen: bool) -> io::Result<()> {
        if self.frozen == frozen {
            return Ok(());
        }
        let (done, signal) = match frozen {
            true => (self.life.freeze(self.pid).await, "SIGSTOP"),
            false => (self.life.thaw(self.pid).await, "SIGCONT"),
        };
        done?;
        self.frozen = frozen;
        self.history.add(Event::Signalled {
            signal: signal.to_owned(),
        });
        Ok(())
    }

    /// Whether it has ended.
    pub(super) fn is_over(&mut self) -> bool {
        match self.life.ended() {
            Some(status) => {
                self.note(status);
                true
            }
            None => false,
        }
    }

    /// Waits until it has ended and all that it has printed is read. May be dropped and called again.
    pub(super) async fn over(&mut self) -> io::Result<ExitStatus> {
        let status = self.life.over().await?;
        let _ = tokio::time::timeout(DRAINING, &mut self.output).await;
        self.note(status);
        Ok(status)
    }

    /// What it wrote into the file system of its container. It must have ended.
    pub(super) async fn written(&self) -> Vec<(String, String)> {
        self.life.written().await
    }

    fn note(&mut self, status: ExitStatus) {
        self.looking.abort();
        if std::mem::replace(&mut self.noted, true) {
            return;
        }
        // What a shell has started may outlive it, and two bots must not run on one directory.
        if self.life.end_rest(self.pid) {
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
        // A container ends with what holds it.
        if self.life.is_process() && !self.is_over() && life::to_group(self.pid, Signal::KILL).is_ok() {
            self.has_sent(Signal::KILL);
        }
    }
}

async fn read(output: Printed, mut logs: Logs, said: Said) {
    let history = &said.history;
    let mut output = BufReader::new(output);
    let mut bytes = Vec::new();
    while matches!(output.read_until(b'\n', &mut bytes).await, Ok(read) if read > 0) {
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end_matches(['\n', '\r']);
        let (leaks, masked) = history.secrets().leaks_masked(text);
        let written = logs
            .raw
            .write_all(&bytes)
            .and_then(|()| writeln!(logs.masked, "{masked}"));
        if let Err(error) = written {
            tracing::warn!(%error, "the bot's log could not be written");
        }
        history.add(Event::Line {
            leaks,
            text: masked.clone(),
        });
        said.has_printed(text, &masked);
        bytes.clear();
    }
}
