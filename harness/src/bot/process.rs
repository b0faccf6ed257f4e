use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    sync::Arc,
    time::Duration,
};

use rustix::process::Signal;
use tokio::process::Command;
use url::Url;

use super::{
    BotCommand, Condition, Error, IdentityState, Ready, Result,
    folder::{Stamps, changed, stamps},
    running::{Logs, Running, Said},
};
use crate::{
    client::Http,
    contract::{Contract, Variable},
    history::{Event, History, Proof},
    run::{Port, RunId, Watchdog, note_child},
    secrets::Origin,
    wait::TimedOut,
};

/// How long an orderly end may take.
const STOPPING: Duration = Duration::from_secs(10);
/// How long it may take over what it is asked on the command line.
const ANSWERING: Duration = Duration::from_secs(60);
/// How many of the log's last lines an error shows.
const LAST_LINES: usize = 15;
/// Its directories, and the file with what it prints, below its folder.
const DATA: &str = "data";
pub(super) const WORK: &str = "work";
pub(super) const TEMPORARY: &str = "tmp";
const OUTPUT: &str = "output.log";
/// What the bot inherits from this process's environment.
const INHERITED: [&str; 4] = ["PATH", "LANG", "TZ", "LLVM_PROFILE_FILE"];

/// The bot. Made stopped; dropped, its whole process group is killed.
#[derive(Debug)]
pub struct Bot {
    contract: Arc<Contract>,
    command: BotCommand,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    pub(super) folder: PathBuf,
    data_dir: PathBuf,
    log: PathBuf,
    /// What was in the directory that the contract starts it in before its first start.
    found: Option<Stamps>,
    port: Port,
    http: Http,
    pub(super) history: History,
    said: Said,
    running: Option<Running>,
    /// Kills the bot where this process is killed and cannot do it itself.
    watchdog: Watchdog,
    starts: u32,
}

impl Bot {
    /// A bot with a data directory, a working directory and a directory for temporary files below `folder`, and a free port of its own.
    /// What it prints goes into the history and, masked, to `log`; as it is, it stands in `folder` alone. Its environment and what stands
    /// in its arguments are [filled](Self::fill) later.
    ///
    /// # Errors
    ///
    /// When there is no port or no folder.
    pub fn new(
        contract: Arc<Contract>,
        command: BotCommand,
        folder: PathBuf,
        log: PathBuf,
        history: History,
    ) -> Result<Self> {
        let io = |action: &str| {
            let action = action.to_owned();
            move |source| Error::Io { action, source }
        };
        for place in [DATA, WORK, TEMPORARY] {
            fs::create_dir_all(folder.join(place)).map_err(io("make the bot's directories"))?;
        }
        let port = Port::reserve().map_err(io("find a port for the bot"))?;
        let base = Url::parse(&format!("http://127.0.0.1:{}", port.number()))
            .map_err(|error| io("name the bot's URL")(io::Error::other(error)))?;
        let http = Http::new(&base);
        let mut bot = Self {
            arguments: command.filled(&|variable| variable.to_string()),
            command,
            environment: BTreeMap::new(),
            data_dir: folder.join(DATA),
            found: None,
            folder,
            log,
            said: Said::new(http.clone(), history.clone(), contract.clone()),
            contract,
            http,
            history,
            port,
            running: None,
            watchdog: Watchdog::new::<&str>([]).map_err(io("start a watchdog for the bot"))?,
            starts: 0,
        };
        let inherited = INHERITED
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), env::var(name).ok()?)));
        bot.environment.extend(inherited);
        bot.set("TMPDIR", &bot.folder.join(TEMPORARY).display().to_string());
        // By this whatever it starts is known for ours.
        bot.set(RunId::VARIABLE, RunId::current().as_str());
        Ok(bot)
    }

    /// Fills every place in its arguments.
    pub fn fill(&mut self, value: &dyn Fn(Variable) -> String) {
        self.arguments = self.command.filled(value);
    }

    /// What is known of it.
    pub fn contract(&self) -> &Arc<Contract> {
        &self.contract
    }

    /// The TCP port that it is to listen on.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// A bot without an HTTP side has answered somebody, which shows that it serves.
    pub fn has_answered(&self) {
        self.said.has_answered();
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

    /// The file with everything it prints, over all its starts, with secrets masked.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Everything it printed so far, as it is.
    pub fn log_text(&self) -> String {
        fs::read(self.folder.join(OUTPUT))
            .map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
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
        self.running.as_ref().map(Running::pid)
    }

    /// Whether it runs. A process that ended by itself does not.
    pub fn is_running(&mut self) -> bool {
        self.running.as_mut().is_some_and(|running| !running.is_over())
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
        self.learn();
        if let Some(directory) = self.own_directory().filter(|_| self.found.is_none()) {
            self.found = Some(stamps(&directory));
        }
        for given in self.environment.values() {
            self.history.secrets().hand(given, Origin::Environment);
        }
        let running = self.spawn().map_err(|source| Error::Io {
            action: format!("start {}", self.command.program.display()),
            source,
        })?;
        let group = running.pid();
        self.running = Some(running);
        self.starts += 1;
        note_child(&self.folder, group).map_err(|source| Error::Io {
            action: "note the bot's process".to_owned(),
            source,
        })?;
        self.watchdog.guard(group).map_err(|source| Error::Io {
            action: "tell the watchdog of the bot".to_owned(),
            source,
        })
    }

    fn spawn(&self) -> io::Result<Running> {
        let append = |path: &Path| fs::File::options().create(true).append(true).open(path);
        let logs = Logs {
            raw: append(&self.folder.join(OUTPUT))?,
            masked: append(&self.log)?,
        };
        // One pipe for both, so that their lines are read in the order in which they were written.
        let (output, input) = io::pipe()?;
        let child = Command::new(&self.command.program)
            .args(&self.arguments)
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.directory())
            .stdin(Stdio::null())
            .stdout(input.try_clone()?)
            .stderr(input)
            // A group of its own: a wrapper like `sh -c` or `cargo run` dies with everything it started.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        Running::watch(child, output, logs, &self.said)
    }

    /// Where it is started.
    fn directory(&self) -> PathBuf {
        self.own_directory().unwrap_or_else(|| self.folder.join(WORK))
    }

    /// The directory that the contract wants it to be started in, which may be anybody's.
    fn own_directory(&self) -> Option<PathBuf> {
        let directory = self.contract.directory.as_ref()?;
        Some(self.contract.folder().join(directory))
    }

    /// What it wrote into that directory: files that are new or changed since its first start, with what is in them.
    pub(super) fn written(&self) -> Vec<(String, String)> {
        match (self.own_directory(), &self.found) {
            (Some(directory), Some(found)) => changed(&directory, found),
            _ => Vec::new(),
        }
    }

    /// Runs its command once more with these words, in the same environment, and waits for its end: what an operator asks it on the
    /// command line, whether it runs or not.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or does not end in time.
    pub async fn ask(&self, words: &[&str]) -> Result<Output> {
        let asked = Command::new(&self.command.program)
            .args(&self.arguments)
            .args(words)
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.directory())
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
        if let Some(running) = &self.running {
            self.history.add(Event::Demanded(Proof::Killed { pid: running.pid() }));
        }
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
                self.history.add(Event::Overstayed {
                    waited_ms: u64::try_from(STOPPING.as_millis()).unwrap_or(u64::MAX),
                });
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

    /// What it says of itself now.
    ///
    /// # Errors
    ///
    /// When nothing answers.
    pub async fn ready(&self) -> Result<Ready> {
        Ok(self.said.ask().await?)
    }

    /// Whether it lives, healthy or not: the contract's path for that answers 200. A bot without one lives while its process does.
    pub async fn is_healthy(&mut self) -> bool {
        let Some(alive) = &self.contract.alive else {
            return self.is_running();
        };
        let reply = self.http.send(reqwest::Method::GET, alive.as_str(), None, None).await;
        reply.is_ok_and(|reply| reply.status == 200)
    }

    /// Waits until every identity serves.
    ///
    /// # Errors
    ///
    /// With what it last said and the end of the log; at once when the process ends.
    pub async fn wait_ready(&mut self, patience: Duration) -> Result<Ready> {
        self.wait_until("the bot to be ready", patience, Ready::is_ok).await
    }

    /// Waits until an identity says that it needs its operator.
    ///
    /// # Errors
    ///
    /// As [`wait_ready`](Self::wait_ready).
    pub async fn wait_cry(&mut self, name: &str, patience: Duration) -> Result<()> {
        let what = format!("the {name} to need its operator");
        let said = self.said.clone();
        let cries = |identity: &IdentityState| identity.condition == Condition::NeedsOperator;
        let waited = self.wait_until(&what, patience, |ready| {
            said.has_cried() || ready.identity(name).is_some_and(cries)
        });
        match waited.await {
            // One that has no other way may end with it.
            Err(Error::Ended { .. }) if said.has_cried() => Ok(()),
            waited => waited.map(drop),
        }
    }

    /// Waits until it says what is wanted.
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
        let said = self.said.clone();
        let outcome = self.while_running(what, said.wait(what, patience, wanted)).await?;
        outcome.map_err(|timed_out| self.not_in_time(timed_out))
    }

    /// Waits for something that only a running bot can bring about; `what` says in an error what that is.
    ///
    /// # Errors
    ///
    /// [`Error::State`] when it does not run, and [`Error::Ended`] at once when it ends.
    pub async fn while_running<T>(&mut self, what: &str, waiting: impl Future<Output = T>) -> Result<T> {
        let Some(running) = self.running.as_mut() else {
            return Err(Error::State {
                action: "wait",
                state: "stopped",
            });
        };
        tokio::select! {
            outcome = waiting => Ok(outcome),
            status = running.over() => {
                let status = status.map_err(|source| Error::Io { action: "wait for the bot".to_owned(), source })?;
                self.running = None;
                Err(Error::Ended { status, what: format!("waiting for {what}"), last_lines: self.last_lines() })
            }
        }
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
        if let Some(running) = &mut self.running {
            running.send(signal);
        }
    }

    async fn gone(&mut self) -> Result<Option<ExitStatus>> {
        let Some(running) = self.running.as_mut() else {
            return Ok(None);
        };
        let status = running.over().await.map_err(|source| Error::Io {
            action: "wait for the bot".to_owned(),
            source,
        })?;
        self.running = None;
        // Before a fault takes the files away.
        self.learn();
        if let Err(error) = self.watchdog.release() {
            tracing::debug!(%error, "the watchdog is gone");
        }
        Ok(Some(status))
    }
}
