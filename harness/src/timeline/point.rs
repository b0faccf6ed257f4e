use serde::{Deserialize, Serialize};

use crate::{
    history::{Entry, Event, Exit},
    step::Outcome,
};

/// Who did something, or to whom it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    /// The bot.
    Bot,
    /// The homeserver.
    Homeserver,
    /// Whoever operates both, and breaks things.
    Operator,
    /// People in the rooms.
    People,
}

impl Lane {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Bot, Self::Homeserver, Self::Operator, Self::People];

    /// What people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Homeserver => "homeserver",
            Self::Operator => "operator",
            Self::People => "people",
        }
    }
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// Requests, one or several close to each other.
    Requests,
    /// Requests that were refused, bent or never answered.
    Refused,
    /// The bot's process was started, signalled or has ended.
    Process,
    /// What the bot says of itself has changed.
    Said,
    /// Something was done, or asked.
    Act,
    /// Something was broken.
    Fault,
    /// The fault was seen to have happened.
    Fired,
    /// The bot was whole again.
    Whole,
    /// A step failed.
    Failed,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// When, in milliseconds since the history began.
    pub at_ms: u64,
    /// To whom.
    pub lane: Lane,
    /// What kind of thing.
    pub kind: Kind,
    /// What, in words; of several requests a line each.
    pub what: String,
}

impl Point {
    /// What an entry of a history is on a timeline; requests are told together.
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        let (lane, kind, what) = told(&entry.event)?;
        Some(Self {
            at_ms: entry.at_ms,
            lane,
            kind,
            what,
        })
    }
}

fn told(event: &Event) -> Option<(Lane, Kind, String)> {
    Some(match event {
        Event::Started { .. } => (Lane::Bot, Kind::Process, "the bot was started".to_owned()),
        Event::Signalled { signal } => (Lane::Bot, Kind::Process, format!("the bot was sent {signal}")),
        Event::Exited(exit) => (Lane::Bot, Kind::Process, ended(exit)),
        Event::Overstayed { waited_ms } => {
            let what = format!("the bot did not end within {waited_ms} ms and was killed");
            (Lane::Bot, Kind::Process, what)
        }
        Event::Ready { said, .. } => (Lane::Bot, Kind::Said, format!("the bot says: {}", said.line())),
        Event::Breaking { fault, moment, .. } => (Lane::Operator, Kind::Fault, format!("{fault} {moment}")),
        Event::Fired { evidence, .. } => (Lane::Operator, Kind::Fired, format!("it happened: {evidence}")),
        Event::Homeserver { state } => (Lane::Homeserver, Kind::Act, format!("the homeserver is {state}")),
        Event::Operator { what } => (Lane::Operator, Kind::Act, format!("the operator {what}")),
        Event::Whole => (Lane::Bot, Kind::Whole, "the bot serves again".to_owned()),
        Event::RoundTrip { answer, .. } => (Lane::People, Kind::Act, asked(answer.as_ref())),
        Event::Step(step) if step.outcome == Outcome::Failed => {
            (Lane::People, Kind::Failed, format!("failed: {}", step.name))
        }
        _ => return None,
    })
}

fn ended(exit: &Exit) -> String {
    match (exit.code, exit.signal) {
        (Some(code), _) => format!("the bot ended with exit status {code}"),
        (None, Some(signal)) => format!("the bot was ended by signal {signal}"),
        (None, None) => "the bot ended".to_owned(),
    }
}

fn asked(answer: Result<&(bool, String), &String>) -> String {
    match answer {
        Ok((true, words)) => format!("a member asked, and read an encrypted answer: {words}"),
        Ok((false, words)) => format!("a member asked, and read: {words}"),
        Err(why) => format!("a member asked, and got no answer: {why}"),
    }
}
