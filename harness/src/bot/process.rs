use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use url::Url;

use super::{BotCommand, Ready};
use crate::{
    client::Http,
    run::{Port, Watchdog},
    wait::{self, Poll, TimedOut},
};

/// How long an orderly end may take.
const STOPPING: Duration = Duration::from_secs(15);
/// How long it may take over what it is asked on the command line.
const ANSWERING: Duration = Duration::from_secs(60);
/// How many of the log's last lines an error shows.
const LAST_LINES: usize = 15;
/// What the bot inherits from this process's environment.
const INHERITED: [&str; 5] = ["PATH", "TMPDIR", "LANG", "TZ", "LLVM_PROFILE_FILE"];

/// What can go wrong with the bot's process.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `KNOCKPROOF_BOT` cannot be read.
    #[error("KNOCKPROOF_BOT holds no command; give it words quoted as in a shell")]
    BadCommand,
    /// The bot's binary is not built.
    #[error(
        "there is no knock-approver (looked at {looked}); build it with `cargo build -p knock-approver`, or name another bot in KNOCKPROOF_BOT"
    )]
    NoBinary {
        /// Where it was looked for.
        looked: String,
    },
    /// A file or process could not be handled.
    #[error("failed to {action}: {source}")]
    Io {
        /// What was tried.
        action: String,
        /// What came back.
        source: io::Error,
    },
    /// The process ended although it should run.
    #[error("the bot ended ({status}) while {what}; its last lines:\n{last_lines}")]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// What was waited for.
        what: String,
        /// The end of its log.
        last_lines: String,
    },
    /// It did not come to the state waited for.
    #[error("{timed_out}\nthe bot's last lines:\n{last_lines}")]
    NotInTime {
        /// What was waited for.
        timed_out: TimedOut,
        /// The end of its log.
        last_lines: String,
    },
    /// Its HTTP side did not answer.
    #[error("the bot does not answer: {0}")]
    Silent(#[from] crate::client::Error),
    /// It runs although it should not, or the other way round.
    #[error("cannot {action}: the bot is {state}")]
    State {
        /// What was asked for.
        action: &'static str,
        /// What it is.
        state: &'static str,
    },
}

/// Shorthand.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The bot. Made stopped; dropped, its whole process group is killed.
#[derive(Debug)]
pub struct Bot {
    command: BotCommand,
    environment: BTreeMap<String, String>,
    data_dir: PathBuf,
    log: PathBuf,
    port: Port,
    http: Http,
    child: Option<Child>,
    /// Kills the bot where this process is killed and cannot do it itself.
    watchdog: Watchdog,
    starts: u32,
}

impl Bot {
    /// A bot that keeps its data in `data_dir` and writes to `log`, on a free port of its own.
    ///
    /// # Errors
    ///
    /// When there is no port or no folder.
    pub fn new(command: BotCommand, data_dir: PathBuf, log: PathBuf) -> Result<Self> {
        let io = |action: &str| {
            let action = action.to_owned();
            move |source| Error::Io { action, source }
        };
        fs::create_dir_all(&data_dir).map_err(io("make the bot's data directory"))?;
        let port = Port::reserve().map_err(io("find a port for the bot"))?;
        let base = Url::parse(&format!("http://127.0.0.1:{}", port.number()))
            .map_err(|error| io("name the bot's URL")(io::Error::other(error)))?;
        let mut bot = Self {
            command,
            environment: BTreeMap::new(),
            data_dir,
            log,
            http: Http::new(&base),
            port,
            child: None,
            watchdog: Watchdog::new::<&str>([]).map_err(io("start a watchdog for the bot"))?,
            starts: 0,
        };
        let inherited = INHERITED
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), env::var(name).ok()?)));
        bot.environment.extend(inherited);
        bot.set("HTTP_PORT", &bot.port.number().to_string());
        bot.set("DATA_DIR", &bot.data_dir.display().to_string());
        bot.set("RUST_BACKTRACE", "1");
        Ok(bot)
    }

    /// Sets an environment variable for the next start.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// Takes an environment variable away for the next start.
    pub fn unset(&mut self, name: &str) {
        self.environment.remove(name);
    }

    /// The environment of the next start.
    pub fn env(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// The environment of the next start, to be changed.
    pub fn env_mut(&mut self) -> &mut BTreeMap<String, String> {
        &mut self.environment
    }

    /// Its data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Removes its database, as a disk that lost it would; answers the names of the files. The bot must be stopped.
    ///
    /// # Errors
    ///
    /// When there is none, or it cannot be removed.
    pub fn lose_database(&self) -> io::Result<Vec<String>> {
        let mut removed = Vec::new();
        for entry in fs::read_dir(&self.data_dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.contains(".sqlite") && entry.file_type()?.is_file() {
                fs::remove_file(entry.path())?;
                removed.push(name);
            }
        }
        if removed.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the bot has no database"));
        }
        Ok(removed)
    }

    /// The file with everything it prints, over all its starts.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Everything it printed so far.
    pub fn log_text(&self) -> String {
        fs::read(&self.log).map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Its HTTP base URL, without the front door.
    pub fn url(&self) -> &Url {
        self.http.base()
    }

    /// How often it was started.
    pub fn starts(&self) -> u32 {
        self.starts
    }

    /// Its process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Whether it runs. A process that ended by itself does not.
    pub fn is_running(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Its resident memory in KiB, from `/proc`; `None` while it does not run.
    pub fn resident_kib(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches("kB").trim().parse().ok()
    }

    /// Starts it and returns at once.
    ///
    /// # Errors
    ///
    /// When it runs already, or cannot be started.
    pub fn start(&mut self) -> Result<()> {
        if self.is_running() {
            return Err(Error::State {
                action: "start",
                state: "running",
            });
        }
        let log = || fs::File::options().create(true).append(true).open(&self.log);
        let open = |source| Error::Io {
            action: format!("open {}", self.log.display()),
            source,
        };
        let child = Command::new(&self.command.program)
            .args(&self.command.arguments)
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null())
            .stdout(log().map_err(open)?)
            .stderr(log().map_err(open)?)
            // A group of its own: a wrapper like `sh -c` or `cargo run` dies with everything it started.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| Error::Io {
                action: format!("start {}", self.command.program.display()),
                source,
            })?;
        let group = child.id();
        self.child = Some(child);
        self.starts += 1;
        group
            .map_or(Ok(()), |group| self.watchdog.guard(group))
            .map_err(|source| Error::Io {
                action: "tell the watchdog of the bot".to_owned(),
                source,
            })
    }

    /// Runs its command once more with these words, in the same environment, and waits for its end: what an operator asks it on the
    /// command line, whether it runs or not.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or does not end in time.
    pub async fn ask(&self, words: &[&str]) -> Result<Output> {
        let asked = Command::new(&self.command.program)
            .args(&self.command.arguments)
            .args(words)
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let ended = tokio::time::timeout(ANSWERING, asked).await;
        let ended = ended.unwrap_or_else(|_| Err(io::Error::other(format!("it did not end within {ANSWERING:?}"))));
        ended.map_err(|source| Error::Io {
            action: format!("run {} {}", self.command.program.display(), words.join(" ")),
            source,
        })
    }

    /// Kills it at once (`SIGKILL`, the whole group) and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When it cannot be waited for.
    pub async fn kill(&mut self) -> Result<()> {
        self.signal(Signal::KILL);
        self.gone().await.map(drop)
    }

    /// Asks it to end (`SIGTERM`) and waits; one that does not end in time is killed, and that is an error.
    ///
    /// # Errors
    ///
    /// When it had to be killed.
    pub async fn stop(&mut self) -> Result<()> {
        self.signal(Signal::TERM);
        match tokio::time::timeout(STOPPING, self.gone()).await {
            Ok(ended) => ended.map(drop),
            Err(_) => {
                let timed_out = TimedOut {
                    what: "the bot to end after SIGTERM".to_owned(),
                    waited: STOPPING,
                    last_seen: "it runs".to_owned(),
                };
                self.kill().await?;
                Err(Error::NotInTime {
                    timed_out,
                    last_lines: self.last_lines(),
                })
            }
        }
    }

    /// Stops, then starts.
    ///
    /// # Errors
    ///
    /// As [`stop`](Self::stop) and [`start`](Self::start).
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        self.start()
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub async fn wait_ended(&mut self, patience: Duration) -> Result<Option<ExitStatus>> {
        match tokio::time::timeout(patience, self.gone()).await {
            Ok(ended) => ended,
            Err(_) => Err(self.not_in_time(TimedOut {
                what: "the bot to end".to_owned(),
                waited: patience,
                last_seen: "it runs".to_owned(),
            })),
        }
    }

    /// What `/ready` answers now.
    ///
    /// # Errors
    ///
    /// When nothing answers.
    pub async fn ready(&self) -> Result<Ready> {
        let reply = self.http.send(Method::GET, "/ready", None, None).await?;
        Ok(Ready {
            status: reply.status,
            body: reply.body,
        })
    }

    /// Whether `/health` answers 200.
    pub async fn is_healthy(&self) -> bool {
        let reply = self.http.send(Method::GET, "/health", None, None).await;
        reply.is_ok_and(|reply| reply.status == 200)
    }

    /// Waits until every identity serves.
    ///
    /// # Errors
    ///
    /// With what `/ready` last said and the end of the log; at once when the process ends.
    pub async fn wait_ready(&mut self, patience: Duration) -> Result<Ready> {
        self.wait_until("the bot to be ready", patience, Ready::is_ok).await
    }

    /// Waits until an identity is in a state: `ok`, `healing`, `needs_operator`.
    ///
    /// # Errors
    ///
    /// As [`wait_ready`](Self::wait_ready).
    pub async fn wait_state(&mut self, role: &str, state: &str, patience: Duration) -> Result<Ready> {
        let what = format!("the {role} to be {state}");
        self.wait_until(&what, patience, |ready| {
            ready.identity(role).is_some_and(|identity| identity.state == state)
        })
        .await
    }

    /// Waits until `/ready` answers what is wanted.
    ///
    /// # Errors
    ///
    /// As [`wait_ready`](Self::wait_ready).
    pub async fn wait_until(
        &mut self,
        what: &str,
        patience: Duration,
        wanted: impl Fn(&Ready) -> bool,
    ) -> Result<Ready> {
        let waiting = watch_ready(self.http.clone(), what.to_owned(), patience, wanted);
        let Some(child) = self.child.as_mut() else {
            return Err(Error::State {
                action: "wait",
                state: "stopped",
            });
        };
        let outcome = tokio::select! {
            outcome = waiting => outcome,
            status = child.wait() => {
                let status = status.map_err(|source| Error::Io { action: "wait for the bot".to_owned(), source })?;
                self.child = None;
                return Err(Error::Ended { status, what: format!("waiting for {what}"), last_lines: self.last_lines() });
            }
        };
        outcome.map_err(|timed_out| self.not_in_time(timed_out))
    }

    fn not_in_time(&self, timed_out: TimedOut) -> Error {
        Error::NotInTime {
            timed_out,
            last_lines: self.last_lines(),
        }
    }

    fn last_lines(&self) -> String {
        let text = self.log_text();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }

    fn signal(&mut self, signal: Signal) {
        let pid = self
            .pid()
            .and_then(|pid| i32::try_from(pid).ok())
            .and_then(Pid::from_raw);
        if let Some(pid) = pid
            && let Err(error) = kill_process_group(pid, signal)
        {
            tracing::debug!(%error, "the bot could not be signalled");
        }
    }

    async fn gone(&mut self) -> Result<Option<ExitStatus>> {
        let Some(child) = self.child.as_mut() else {
            return Ok(None);
        };
        let status = child.wait().await.map_err(|source| Error::Io {
            action: "wait for the bot".to_owned(),
            source,
        })?;
        self.child = None;
        if let Err(error) = self.watchdog.release() {
            tracing::debug!(%error, "the watchdog is gone");
        }
        Ok(Some(status))
    }
}

async fn watch_ready(
    http: Http,
    what: String,
    patience: Duration,
    wanted: impl Fn(&Ready) -> bool,
) -> Result<Ready, TimedOut> {
    wait::until(what, patience, || async {
        match http.send(Method::GET, "/ready", None, None).await {
            Ok(reply) => {
                let ready = Ready {
                    status: reply.status,
                    body: reply.body,
                };
                if wanted(&ready) {
                    Poll::Ready(ready)
                } else {
                    Poll::Pending(ready.line())
                }
            }
            Err(error) => Poll::Pending(error.to_string()),
        }
    })
    .await
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
