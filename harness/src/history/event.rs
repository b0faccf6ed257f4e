use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Allowed;
use crate::{
    bot::Ready,
    check::{Need, RoomRecord, Snapshot},
    contract::Healing,
    front_door::Exchange,
    secrets::Leak,
    step::Step,
};

/// One thing that happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Milliseconds since the history began.
    pub at_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What can happen. Holds no secret: where one was found, its label stands in `leaks` and a mask in its place.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "is", content = "of", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// Who is tested.
    Subject(Subject),
    /// A request came to the front door.
    Request(Exchange),
    /// Nothing more happens to a request: its client has the whole answer, or will never get one.
    Answer(Exchange),
    /// The bot's process was started.
    Started {
        /// Its process id.
        pid: u32,
    },
    /// The bot was sent a signal.
    Signalled {
        /// `SIGTERM` or `SIGKILL`; `SIGSTOP` and `SIGCONT` also where a container is suspended and goes on.
        signal: String,
    },
    /// The bot's process ended.
    Exited(Exit),
    /// The bot was asked to end and had to be killed.
    Overstayed {
        /// Milliseconds that it was waited for.
        waited_ms: u64,
    },
    /// The bot printed a line.
    Line {
        /// The line.
        text: String,
        /// Secrets in it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        leaks: Vec<Leak>,
    },
    /// The bot printed that it needs its operator, as its contract says that it does.
    Cried {
        /// The line.
        line: String,
    },
    /// What the bot says of itself has changed.
    Ready {
        /// What it says.
        said: Ready,
        /// Secrets in it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        leaks: Vec<Leak>,
    },
    /// Somebody looked at the world.
    Look {
        /// When, for example `before`.
        when: String,
        /// What was seen.
        snapshot: Box<Snapshot>,
    },
    /// What people's clients have seen of all rooms in the end.
    Sight(Seen),
    /// Something that can be read by others than the bot was searched for secrets.
    Output(Output),
    /// A fault begins to be injected.
    Breaking {
        /// Its name.
        fault: String,
        /// Its moment's name.
        moment: String,
        /// Whether it is what the drill is about, and not a loss that belongs to the scenario.
        drilled: bool,
        /// What the bot may and must make of it.
        allowed: Allowed,
    },
    /// The fault has to show in this way that it happened.
    Demanded(Proof),
    /// A homeserver was asked, past the front door, and was found to be in this state.
    Homeserver {
        /// `down` (connections are refused) or `frozen` (they are accepted, and nobody answers).
        state: String,
    },
    /// A fault says that it happened.
    Fired {
        /// The name of the account that it hit.
        account: String,
        /// What shows it.
        evidence: String,
    },
    /// The operator did something that the bot may have waited for.
    Operator {
        /// What.
        what: String,
    },
    /// The bot serves again, and nothing of it is weaker than it should be.
    Whole,
    /// The scenario begins to break things itself: a fault is judged by what happened until here.
    OwnLosses,
    /// A step of the scenario has ended, or was not reached.
    Step(Step),
    /// A member asked the bot something, and waited for the answer.
    RoundTrip {
        /// The bot's user that has to answer.
        user: String,
        /// Words, any of which the answer must hold.
        expected: Vec<String>,
        /// What came: whether it was encrypted, and its words.
        answer: Result<(bool, String), String>,
    },
    /// Whether an account of the bot's that answers nobody can read what a member says.
    Heard {
        /// The bot's user.
        user: String,
        /// Why nothing shows it.
        heard: Result<(), String>,
    },
    /// What a member's client makes of the bot's device.
    Trust {
        /// The bot's user.
        user: String,
        /// Its device.
        device: String,
        /// `signed`, `unsigned`, `unknown`, or why it could not be told.
        trust: Result<String, String>,
    },
    /// Whether the bot's account can still read what it could read once.
    Readable {
        /// The bot's user.
        user: String,
        /// How many messages it must be able to read.
        wanted: usize,
        /// How many of them a client with only password and recovery key has read, or why none could be.
        read: Result<usize, String>,
    },
    /// Anything else worth a line.
    Note {
        /// What.
        what: String,
        /// More about it.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        detail: Value,
    },
}

/// What must stand in a history after a fault, or it did not happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "proof", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Proof {
    /// This process of the bot's was killed, and was seen to end by that.
    Killed {
        /// Its process id.
        pid: u32,
    },
    /// The bot was told 401 when it used this token.
    Refused {
        /// The token's name in the traffic.
        token: String,
    },
    /// The homeserver was found in this state.
    Homeserver {
        /// As in [`Event::Homeserver`].
        state: String,
    },
}

/// Who is tested, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The bot's accounts.
    pub accounts: Vec<Account>,
    /// Ids of the rooms that were there before the bot.
    pub rooms: Vec<String>,
    /// What its contract cannot show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<Need>,
    /// What becomes of it when its credentials are broken.
    #[serde(default)]
    pub healing: Healing,
    /// Words in a line of its log by which it calls for its operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator_log: Option<String>,
}

/// An account of the bot's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// What it is called where the bot speaks of itself.
    pub name: String,
    /// Its user id.
    pub user_id: String,
    /// Whether faults hit it.
    #[serde(default)]
    pub hit: bool,
}

/// How the bot's process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Its process id.
    pub pid: u32,
    /// The exit status, unless a signal ended it.
    pub code: Option<i32>,
    /// The number of the signal that ended it.
    pub signal: Option<i32>,
    /// The last signal it was sent before; nothing where it ended by itself.
    pub after: Option<String>,
    /// Milliseconds from that signal to the end.
    pub took_ms: u64,
}

/// What people's clients have seen of all rooms.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The rooms, by everybody who is or was in them.
    pub rooms: Vec<RoomRecord>,
    /// What could not be looked at, and why.
    pub errors: Vec<String>,
}

/// Something that can be read by others than the bot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// What it is.
    pub name: String,
    /// Its length.
    pub bytes: usize,
    /// How many secrets were known that it was searched for.
    pub secrets: usize,
    /// Secrets in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<Leak>,
}
