//! The contract as it is written down.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, SeqAccess, Visitor},
};

use super::{Container, DataPath, Error, HttpPath, State, Status, Template};

/// What one has to know of a bot to drill it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// What people call the bot.
    pub name: String,
    /// The command that starts it: words as in a shell, or a list of words. A program without a slash is looked for beside this program and
    /// then in `PATH`. The words may have places to be filled in.
    pub command: Option<Words>,
    /// The container image that it is in, instead of a command. One that is not on this machine is pulled.
    pub image: Option<String>,
    /// How it is run as a container.
    #[serde(default)]
    pub container: Container,
    /// The folder that it is started in, relative to the contract's own; else an empty one.
    pub directory: Option<PathBuf>,
    /// Its environment. It gets this, its identities' and a few variables like `PATH`, and nothing else.
    #[serde(default)]
    pub environment: BTreeMap<String, Template>,
    /// Files in its data directory, written before its first start and readable for it alone. Places of an identity are filled for the first.
    #[serde(default)]
    pub files: BTreeMap<DataPath, Template>,
    /// The Matrix accounts that it acts as: one or two.
    pub identities: Vec<Identity>,
    /// How one sees that it serves.
    pub ready: Readiness,
    /// How long it may take from its start until it serves, in seconds.
    #[serde(default = "a_minute")]
    pub boot_seconds: u64,
    /// A path that answers 200 as long as it lives, healthy or not.
    pub alive: Option<HttpPath>,
    /// Paths of its HTTP side that people use: they reach it by the front door's public URL.
    #[serde(default)]
    pub public: Vec<HttpPath>,
    /// What can be said to it, and what it answers.
    #[serde(default)]
    pub ping: Ping,
    /// Where it keeps what; an identity may have places of its own.
    #[serde(default)]
    pub state: State,
    /// Where it says how it is.
    pub status: Option<Status>,
    /// Words in a line of its log that say that it needs its operator, for a bot whose status does not.
    pub operator_log: Option<String>,
    /// What it can do at all.
    #[serde(default)]
    pub capabilities: Capabilities,
    /// What becomes of it when its credentials are broken.
    #[serde(default)]
    pub healing: Healing,
    /// The folder that the contract was read from.
    #[serde(skip)]
    pub(super) folder: PathBuf,
}

/// An account that the bot acts as.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// What the bot and its people call it.
    pub name: String,
    /// The localpart of its user id.
    pub localpart: String,
    /// Whether the bot can do without it. A world has it only where it is wished for.
    #[serde(default)]
    pub optional: bool,
    /// What the environment has for it; this is how its token or password gets in, unless a file has it.
    #[serde(default)]
    pub environment: BTreeMap<String, Template>,
    /// The same in files.
    #[serde(default)]
    pub files: BTreeMap<DataPath, Template>,
    /// What it keeps where.
    #[serde(default)]
    pub state: State,
    /// What can be said to this identity, where it is not what can be said to the bot. That is answered by the first.
    pub ping: Option<Ping>,
}

/// How one sees that a bot serves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    /// This path of its HTTP side answers 200.
    Http(HttpPath),
    /// A line of its log holds these words.
    Log(String),
    /// It answers a ping.
    Ping,
}

/// What can be said to a bot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ping {
    /// In a room without encryption.
    pub plain: Option<Question>,
    /// In a room with encryption.
    pub encrypted: Option<Question>,
}

/// Something said, and what the answer to it holds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// What is said.
    pub say: String,
    /// Words that stand in the answer.
    pub expect: String,
}

/// What a bot can do. What it cannot is not drilled, and never counts as passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Capabilities {
    /// It logs in with its password when its token is dead.
    pub password_login: bool,
    /// It reads and writes in encrypted rooms.
    pub encryption: bool,
    /// It keeps its room keys in the account's key backup.
    pub backup: bool,
    /// It has a cross-signing identity, and signs its devices with it.
    pub cross_signing: bool,
    /// It mends broken credentials while it runs.
    pub heals_running: bool,
    /// It ends with exit status 0 when it gets `SIGTERM`; else that signal may end it.
    pub ends_cleanly: bool,
}

/// What becomes of a bot whose credentials are broken and can be mended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Healing {
    /// It heals, without ending.
    #[default]
    Alone,
    /// It may end, and heals when its supervisor (the harness plays it) starts it again.
    ByRestart,
    /// It says that it needs its operator.
    SaysSo,
}

/// A command: words as in a shell, or a list of words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(pub Vec<Template>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordsVisitor)
    }
}

impl JsonSchema for Words {
    fn schema_name() -> Cow<'static, str> {
        "Words".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Words quoted as in a shell, or a list of words.",
            "oneOf": [
                { "type": "string", "minLength": 1 },
                { "type": "array", "items": { "type": "string" }, "minItems": 1 },
            ],
        })
    }
}

struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = Words;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("words quoted as in a shell, or a list of words")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Words, E> {
        let words = shlex::split(text).ok_or_else(|| E::custom(format!("{text:?} has a quote that does not end")))?;
        let words: Result<Vec<Template>, _> = words.iter().map(|word| Template::parse(word)).collect();
        words.map(Words).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words, A::Error> {
        let mut words = Vec::new();
        while let Some(word) = list.next_element()? {
            words.push(word);
        }
        Ok(Words(words))
    }
}

const fn a_minute() -> u64 {
    60
}

impl Contract {
    /// What a contract may hold, as JSON Schema (draft 2020-12): for editors, and for programs that write contracts. Names of keys and kinds
    /// of values are in it; what a place in a text may be named, and what fits together, is told by [`read`](Self::read) alone.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }

    /// Reads a contract; what it names relative to itself is relative to the folder of this program.
    ///
    /// # Errors
    ///
    /// [`Error::Line`] or [`Error::Key`], with what is wrong there.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let contract: Self = toml::from_str(text).map_err(|error| Error::line(text, &error))?;
        contract.validated()
    }

    /// Reads a contract from a file.
    ///
    /// # Errors
    ///
    /// As [`from_toml`](Self::from_toml), and when the file cannot be read.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
        let mut contract = Self::from_toml(&text)?;
        contract.folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Ok(contract)
    }

    /// The folder that the contract was read from; empty where it was not read from a file.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How long it may take from its start until it serves.
    pub fn boot(&self) -> Duration {
        Duration::from_secs(self.boot_seconds)
    }

    /// What an identity keeps where: its own places, and for what it has none those of the bot.
    pub fn state_of(&self, identity: &Identity) -> State {
        identity.state.or(&self.state)
    }

    /// What can be said to an identity.
    pub fn ping_of(&self, identity: &Identity) -> Ping {
        let shared = || self.is_first(identity).then(|| self.ping.clone());
        identity.ping.clone().or_else(shared).unwrap_or_default()
    }

    /// Whether an identity is the first.
    pub fn is_first(&self, identity: &Identity) -> bool {
        self.identities.first().is_some_and(|first| first.name == identity.name)
    }

    /// Whether it has a way of saying that it needs its operator.
    pub fn tells_operator(&self) -> bool {
        let status = self.status.as_ref();
        self.operator_log.is_some() || status.is_some_and(|status| status.needs_operator.is_some())
    }

    /// The templates of the environment and files that are filled for an identity.
    pub fn templates_of<'c>(&'c self, identity: &'c Identity) -> impl Iterator<Item = &'c Template> {
        let first = self.is_first(identity);
        let shared = self.environment.values().chain(self.files.values());
        let words = self.command.iter().chain(&self.container.arguments);
        let words = words.flat_map(|words| &words.0);
        let shared = shared.chain(words).filter(move |_| first);
        shared
            .chain(identity.environment.values())
            .chain(identity.files.values())
    }
}
