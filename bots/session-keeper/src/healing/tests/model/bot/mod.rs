//! The running bot: what it has in memory, and its steps, as those who carry the decisions out make them.
//!
//! A step is one request, one write or a few decisions; the process can end between any two, and a request can fail in every
//! way that there is.

mod attempt;
mod device;
mod keeping;
mod memory;
mod tidying;

pub(super) use self::{
    attempt::Attempt,
    keeping::Keeping,
    memory::{Bot, Life, Unsaved},
};
use super::{answers::Reply, decisions::Decisions, rules::Rule, state::State};
use crate::healing::{Ask, Target};

/// More new devices than this in one heal are no cure.
const NEW_DEVICES: u8 = 2;

/// Where the bot is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    /// Before an attempt to come to a session.
    Beginning,
    /// The plan asks.
    Attempting(Attempt),
    /// A session is being saved.
    Keeping(Keeping),
    /// The device is compared with the server's record; so many new ones were taken already.
    Comparing { taken: u8 },
    /// A new device is taken.
    Replacing { taken: u8 },
    /// The store is made ready, and room keys are brought in.
    Preparing { same: bool, degraded: bool },
    /// The device's keys are published.
    Publishing,
    /// That they were is noted.
    Noting,
    /// Devices and stores left behind are removed.
    Tidying(Tidying),
    /// It works.
    Serving { degraded: bool },
    /// It waits for its operator.
    Blocked,
}

/// What is being tidied away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tidying {
    pub(super) degraded: bool,
    /// Devices left behind that were tried: one bit each.
    pub(super) tried: u8,
    /// Those of them that are gone.
    pub(super) gone: u8,
    /// The stores that were carried over before this start.
    pub(super) proven: u8,
}

/// What the next step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A request with a token that changes nothing.
    Question,
    /// A request that changes something.
    Request,
    /// A file is written.
    Write,
    /// Nothing that can fail.
    Thought,
}

/// What goes wrong at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Mishap {
    /// What stands on the way answers, or nobody.
    Outage(Outage),
    /// The server has done it; the answer does not come.
    AnswerLost,
    /// The disk is full, or the like.
    WriteFails,
    /// The process ends, and the file is neither the old one nor the new one.
    TornWrite,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Outage {
    TimedOut,
    BadGateway,
    Limited,
    Stripped,
}

impl Outage {
    pub(super) const fn reply(self) -> Reply {
        match self {
            Self::TimedOut => Reply::TimedOut,
            Self::BadGateway => Reply::BadGateway,
            Self::Limited => Reply::Limited,
            Self::Stripped => Reply::Stripped,
        }
    }
}

impl Kind {
    /// What can go wrong at it.
    pub(super) const fn mishaps(self) -> &'static [Mishap] {
        match self {
            Self::Question => &[
                Mishap::Outage(Outage::TimedOut),
                Mishap::Outage(Outage::BadGateway),
                Mishap::Outage(Outage::Limited),
                Mishap::Outage(Outage::Stripped),
            ],
            Self::Request => &[
                Mishap::Outage(Outage::TimedOut),
                Mishap::Outage(Outage::BadGateway),
                Mishap::Outage(Outage::Limited),
                Mishap::AnswerLost,
            ],
            Self::Write => &[Mishap::WriteFails, Mishap::TornWrite],
            Self::Thought => &[],
        }
    }
}

/// One step of the bot, under way.
pub(super) struct Turn<'a> {
    pub(super) decisions: &'a dyn Decisions,
    pub(super) state: State,
    pub(super) mishap: Option<Mishap>,
}

/// What the bot does next; `None`: it is not running, or rests.
pub(super) fn next_kind(state: &State, decisions: &dyn Decisions) -> Option<Kind> {
    let bot = state.bot.as_ref()?;
    Some(match &bot.phase {
        Phase::Beginning | Phase::Blocked => Kind::Thought,
        Phase::Attempting(attempt) => match attempt.next(state, decisions) {
            Some(Ask::Login(Target::New)) if state.world.disk.pending.is_none() => Kind::Write,
            Some(Ask::Login(_)) => Kind::Request,
            _ => Kind::Question,
        },
        Phase::Keeping(_) | Phase::Noting => Kind::Write,
        Phase::Comparing { .. } => Kind::Question,
        Phase::Replacing { .. } if state.world.disk.pending.is_none() => Kind::Write,
        Phase::Replacing { .. } | Phase::Publishing => Kind::Request,
        Phase::Preparing { .. } => Kind::Thought,
        Phase::Tidying(tidying) => tidying.kind(state),
        Phase::Serving { .. } if state.rests(decisions) => return None,
        Phase::Serving { .. } => Kind::Thought,
    })
}

/// The state after the bot's next step.
pub(super) fn step(state: &State, decisions: &dyn Decisions, mishap: Option<Mishap>) -> State {
    let mut turn = Turn {
        decisions,
        state: state.clone(),
        mishap,
    };
    if mishap.is_some() {
        turn.state.faults -= 1;
    }
    turn.take();
    if mishap.is_none() && state.world.has_way_in() && !turn.state.world.has_way_in() {
        turn.state.breaks(Rule::WayClosed);
    }
    turn.state
}

impl Turn<'_> {
    fn take(&mut self) {
        let Some(bot) = &self.state.bot else { return };
        match bot.phase.clone() {
            Phase::Beginning => self.begin(),
            Phase::Attempting(attempt) => self.ask(attempt),
            Phase::Keeping(keeping) => self.keep(keeping),
            Phase::Comparing { taken } => self.compare(taken),
            Phase::Replacing { taken } => self.replace(taken),
            Phase::Preparing { same, degraded } => self.prepare(same, degraded),
            Phase::Publishing => self.publish(),
            Phase::Noting => self.note(),
            Phase::Tidying(tidying) => self.tidy(tidying),
            Phase::Serving { degraded } => self.look_around(degraded),
            Phase::Blocked => self.go(Phase::Beginning),
        }
    }

    pub(super) fn go(&mut self, phase: Phase) {
        if let Some(bot) = &mut self.state.bot {
            bot.phase = phase;
        }
    }

    /// A write of a file of which nothing is known any more if it is torn: `Some(phase)` is where a failed one leads.
    /// Answers whether the write is to be made.
    pub(super) fn can_write(&mut self, on_failure: Phase, tear: impl FnOnce(&mut State)) -> bool {
        match self.mishap {
            Some(Mishap::WriteFails) => self.go(on_failure),
            Some(Mishap::TornWrite) => {
                tear(&mut self.state);
                self.state.bot = None;
            }
            _ => return true,
        }
        false
    }
}
