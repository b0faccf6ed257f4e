//! A client that is a program of its own: a child process that is told what to do, and tells what it sees, one JSON object a line.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use harness::{
    client::User,
    run::{Owner, RunId, Scratch},
    step::Failure,
    wait::TimedOut,
    world::World,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
    sync::watch,
    time::{Instant, timeout_at},
};

/// A message as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Read {
    pub(crate) event_id: String,
    pub(crate) sender: String,
    pub(crate) text: String,
    pub(crate) encrypted: bool,
}

/// An event that a client cannot read.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Unreadable {
    pub(crate) event_id: String,
    pub(crate) why: String,
}

/// Everything a program has told so far.
#[derive(Clone, Debug, Default)]
struct Told {
    answers: BTreeMap<u64, Result<Value, String>>,
    read: Vec<Read>,
    unreadable: Vec<Unreadable>,
    /// Why nothing more will come.
    end: Option<String>,
}

/// One line of a program.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Done { id: u64, ok: Value },
    Refused { id: u64, error: String },
    Read { read: Read },
    Unreadable { unreadable: Unreadable },
    Broken { broken: String },
}

/// The program, logged in.
#[derive(Debug)]
pub(crate) struct Program {
    name: &'static str,
    user_id: String,
    log: PathBuf,
    input: ChildStdin,
    told: watch::Receiver<Told>,
    asked: u64,
    // Killed when this is dropped; by then it has mostly ended, because its input has.
    _child: Child,
    _scratch: Scratch,
}

impl Program {
    /// Starts `scenarios/clients/<name>_client.py` in a virtual environment and logs it in as a user, on a device of its own.
    pub(crate) async fn start(
        name: &'static str,
        venv: &Path,
        world: &World,
        user: &User,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("clients/{name}_client.py"));
        let scratch = Scratch::new(&RunId::current(), name)?;
        let log = world.artifacts.path(&format!("{name}.log"));
        let mut child = Command::new(venv.join("bin/python"))
            .arg(script)
            .env_clear()
            .env("HOME", scratch.path())
            .env("KNOCKPROOF_RUN_ID", RunId::current().as_str())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log)?)
            .kill_on_drop(true)
            .spawn()?;
        if let Some(owner) = child.id().and_then(Owner::of) {
            scratch.note_child(&owner)?;
        }
        let missing = || Failure::new(format!("{name} has no input and output"));
        let (input, output) = (
            child.stdin.take().ok_or_else(missing)?,
            child.stdout.take().ok_or_else(missing)?,
        );
        let (told, receiver) = watch::channel(Told::default());
        tokio::spawn(async move {
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                told.send_modify(|told| told.take(&line));
            }
            told.send_modify(|told| told.end = Some("the program has ended".to_owned()));
        });
        let mut program = Self {
            name,
            user_id: user.user_id().to_owned(),
            log,
            input,
            told: receiver,
            asked: 0,
            _child: child,
            _scratch: scratch,
        };
        let folder = program._scratch.path().to_owned();
        let login = json!({
            "do": "login",
            "homeserver": world.front_door.url().as_str().trim_end_matches('/'),
            "user": user.user_id(),
            "password": user.password(),
            "folder": folder,
        });
        program.ask(login, patience).await?;
        Ok(program)
    }

    /// Whose client it is.
    pub(crate) fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Has the program do something; answers what came of it.
    pub(crate) async fn ask(&mut self, mut command: Value, patience: Duration) -> Result<Value, Failure> {
        self.asked += 1;
        let id = self.asked;
        let what = format!("{} to do {}", self.name, command["do"]);
        command["id"] = id.into();
        self.input.write_all(format!("{command}\n").as_bytes()).await?;
        let answer = self
            .wait(&what, patience, |told| told.answers.get(&id).cloned())
            .await?;
        answer.map_err(|error| Failure::new(error).while_doing(what))
    }

    /// Waits until the program has read an event.
    pub(crate) async fn wait_read(&self, event_id: &str, patience: Duration) -> Result<Read, Failure> {
        let what = format!("{} to read {event_id}", self.name);
        let find = |told: &Told| told.read.iter().find(|read| read.event_id == event_id).cloned();
        self.wait(&what, patience, find).await
    }

    /// Waits until the program has said that it cannot read an event; answers why.
    pub(crate) async fn wait_unreadable(&self, event_id: &str, patience: Duration) -> Result<String, Failure> {
        let what = format!("{} to meet {event_id}", self.name);
        let find = |told: &Told| {
            let read = told.read.iter().find(|read| read.event_id == event_id);
            let unreadable = told.unreadable.iter().find(|event| event.event_id == event_id);
            match (read, unreadable) {
                (Some(read), _) => Some(Err(Failure::new(format!("{} has read {read:?}", self.name)))),
                (None, unreadable) => unreadable.map(|event| Ok(event.why.clone())),
            }
        };
        self.wait(&what, patience, find).await?
    }

    async fn wait<T>(&self, what: &str, patience: Duration, look: impl Fn(&Told) -> Option<T>) -> Result<T, Failure> {
        let (began, mut told) = (Instant::now(), self.told.clone());
        loop {
            let seen = told.borrow_and_update().clone();
            if let Some(found) = look(&seen) {
                return Ok(found);
            }
            let timed_out = || TimedOut {
                what: what.to_owned(),
                waited: began.elapsed(),
                last_seen: seen.summary(),
            };
            let over = timeout_at(began + patience, told.changed()).await.is_err();
            if over || seen.end.is_some() {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                return Err(Failure::from(timed_out()).while_doing(format!("{log}{}", self.name)));
            }
        }
    }
}

impl Told {
    fn take(&mut self, line: &str) {
        match serde_json::from_str(line) {
            Ok(Line::Done { id, ok }) => drop(self.answers.insert(id, Ok(ok))),
            Ok(Line::Refused { id, error }) => drop(self.answers.insert(id, Err(error))),
            Ok(Line::Read { read }) => self.read.push(read),
            Ok(Line::Unreadable { unreadable }) => self.unreadable.push(unreadable),
            Ok(Line::Broken { broken }) => self.end = Some(broken),
            Err(error) => self.end = Some(format!("a line that is none of the protocol ({error}): {line}")),
        }
    }

    fn summary(&self) -> String {
        let last = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
        format!(
            "{} read, the last {}; {} unreadable, the last {}{}",
            self.read.len(),
            last(self.read.last().map(|read| format!("{read:?}"))),
            self.unreadable.len(),
            last(self.unreadable.last().map(|event| format!("{event:?}"))),
            self.end.as_ref().map_or(String::new(), |end| format!("; {end}"))
        )
    }
}
