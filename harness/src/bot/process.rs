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
    BotCommand, BotImage, Error, Result,
    contained::{Contained, Wanted},
    folder::{Stamps, changed, stamps},
    life::Life,
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
pub(super) const LAST_LINES: usize = 15;
/// Its directories, and the file with what it prints, below its folder.
const DATA: &str = "data";
pub(super) const WORK: &str = "work";
pub(super) const TEMPORARY: &str = "tmp";
const OUTPUT: &str = "output.log";
/// What the bot inherits from this process's environment.
const INHERITED: [&str; 4] = ["PATH", "LANG", "TZ", "LLVM_PROFILE_FILE"];

/// The bot. Made stopped; dropped, its whole process group is killed, or its container.
#[derive(Debug)]
pub struct Bot {
    pub(super) contract: Arc<Contract>,
    command: BotCommand,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    pub(super) folder: PathBuf,
    data_dir: PathBuf,
    temporary: PathBuf,
    log: PathBuf,
    /// What was in the directory that the contract starts it in before its first start.
    found: Option<Stamps>,
    /// What it wrote into the file systems of its containers.
    pub(super) inside: Vec<(String, String)>,
    port: Port,
    pub(super) http: Http,
    pub(super) history: History,
    pub(super) said: Said,
    pub(super) running: Option<Running>,
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
            temporary: folder.join(TEMPORARY),
            found: None,
            inside: Vec::new(),
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
        // An image has its own, and a container is known for ours by its labels.
        if bot.image().is_none() {
            bot.inherit();
        }
        Ok(bot)
    }

    /// Gives it what every program of this machine needs.
    fn inherit(&mut self) {
        let inherited = INHERITED
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), env::var(name).ok()?)));
        self.environment.extend(inherited);
        self.set("TMPDIR", &self.temporary.display().to_string());
        // By this whatever it starts is known for ours.
        self.set(RunId::VARIABLE, RunId::current().as_str());
    }

    fn image(&self) -> Option<&BotImage> {
        match &self.command {
            BotCommand::Image(image) => Some(image),
            BotCommand::Program { .. } => None,
        }
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

    /// A path of its data directory, as the bot itself sees it: in a container it may have another one there.
    pub fn seen(&self, path: &Path) -> PathBuf {
        match (self.image(), path.strip_prefix(&self.data_dir)) {
            (Some(image), Ok(below)) if below.as_os_str().is_empty() => image.sees(&self.data_dir),
            (Some(image), Ok(below)) => image.sees(&self.data_dir).join(below),
            _ => path.to_owned(),
        }
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

    /// What has ended goes, and what only it could show is kept.
    pub(super) async fn end(&mut self) {
        if let Some(running) = self.running.take() {
            self.inside.extend(running.written().await);
        }
    }

    /// How often it was started.
    pub fn starts(&self) -> u32 {
        self.starts
    }

    /// Its process id while it runs; of a container, that of its first process on this machine.
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(Running::pid)
    }

    /// Whether it runs. A process that ended by itself does not.
    pub fn is_running(&mut self) -> bool {
        self.running.as_mut().is_some_and(|running| !running.is_over())
    }

    /// Starts it, and does not wait until it serves.
    ///
    /// # Errors
    ///
    /// When it runs already, or cannot be started.
    pub async fn start(&mut self) -> Result<()> {
        if self.is_running() {
            return Err(Error::State {
                action: "start",
                state: "running",
            });
        }
        self.end().await;
        self.learn();
        if let Some(directory) = self.own_directory().filter(|_| self.found.is_none()) {
            self.found = Some(stamps(&directory));
        }
        for given in self.environment.values() {
            self.history.secrets().hand(given, Origin::Environment);
        }
        let running = self.launch().await?;
        let group = running.group();
        self.running = Some(running);
        self.starts += 1;
        group.map_or(Ok(()), |group| self.guard(group))
    }

    async fn launch(&self) -> Result<Running> {
        let io = |source| Error::Io {
            action: format!("start {}", self.command),
            source,
        };
        let append = |path: &Path| fs::File::options().create(true).append(true).open(path);
        let logs = Logs {
            raw: append(&self.folder.join(OUTPUT)).map_err(io)?,
            masked: append(&self.log).map_err(io)?,
        };
        let (life, printed) = match &self.command {
            BotCommand::Program { program, .. } => Life::process(&mut self.words(program)).map_err(io)?,
            BotCommand::Image(image) => {
                let (container, printed) = Contained::start(&self.wanted(image)).await?;
                (Life::Container(Box::new(container)), Box::new(printed) as _)
            }
        };
        Ok(Running::watch(life, printed, logs, &self.said))
    }

    /// Sees to it that a process group ends with this process.
    fn guard(&mut self, group: u32) -> Result<()> {
        let io = |action: &str| {
            let action = action.to_owned();
            move |source| Error::Io { action, source }
        };
        note_child(&self.folder, group).map_err(io("note the bot's process"))?;
        self.watchdog.guard(group).map_err(io("tell the watchdog of the bot"))
    }

    /// Its program, with all that it is given.
    fn words(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.directory());
        command
    }

    /// The same as a container.
    fn wanted<'b>(&'b self, image: &'b BotImage) -> Wanted<'b> {
        Wanted {
            image,
            arguments: self.arguments.clone(),
            environment: &self.environment,
            data: &self.data_dir,
            temporary: self.temporary.as_path(),
        }
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
        let asked = async {
            match &self.command {
                BotCommand::Program { program, .. } => {
                    let mut command = self.words(program);
                    let output = command.args(words).stdin(Stdio::null()).kill_on_drop(true).output();
                    output.await.map_err(|error| self.unasked(words, error))
                }
                BotCommand::Image(image) => Contained::ask(self.wanted(image), words).await,
            }
        };
        let late = || io::Error::other(format!("it did not end within {ANSWERING:?}"));
        let ended = tokio::time::timeout(ANSWERING, asked).await;
        ended.unwrap_or_else(|_| Err(self.unasked(words, late())))
    }

    fn unasked(&self, words: &[&str], source: io::Error) -> Error {
        Error::Io {
            action: format!("run {} {}", self.command, words.join(" ")),
            source,
        }
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
        self.signal(Signal::KILL).await;
        self.gone().await.map(drop)
    }

    /// Asks it to end (`SIGTERM`) and waits; one that does not end in time is killed, and that is an error.
    ///
    /// # Errors
    ///
    /// When it had to be killed.
    pub async fn stop(&mut self) -> Result<()> {
        // One that is suspended would never hear of it.
        if let Err(error) = self.thaw().await {
            tracing::debug!(%error, "the bot stays suspended");
        }
        self.signal(Signal::TERM).await;
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
        self.start().await
    }

    /// Suspends it: what is sent to it waits, and nobody answers.
    ///
    /// # Errors
    ///
    /// When it cannot be suspended.
    pub async fn freeze(&mut self) -> Result<()> {
        self.suspend(true).await
    }

    /// Lets it go on.
    ///
    /// # Errors
    ///
    /// When it cannot.
    pub async fn thaw(&mut self) -> Result<()> {
        self.suspend(false).await
    }

    async fn suspend(&mut self, frozen: bool) -> Result<()> {
        let action = if frozen { "suspend the bot" } else { "let the bot go on" };
        let Some(running) = &mut self.running else {
            return Ok(());
        };
        running.freeze(frozen).await.map_err(|source| Error::Io {
            action: action.to_owned(),
            source,
        })
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

    async fn signal(&mut self, signal: Signal) {
        if let Some(running) = &mut self.running {
            running.send(signal).await;
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
        self.end().await;
        // Before a fault takes the files away.
        self.learn();
        if let Err(error) = self.watchdog.release() {
            tracing::debug!(%error, "the watchdog is gone");
        }
        Ok(Some(status))
    }
}
