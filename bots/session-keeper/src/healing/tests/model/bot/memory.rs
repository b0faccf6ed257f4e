//! What the bot knows between two steps, and what a crash takes from it.

use std::time::Duration;

use super::{Attempt, Keeping, Phase};
use crate::healing::{
    Contention, May, Source,
    tests::model::{
        decisions::{Age, Decisions},
        state::State,
        world::Held,
    },
};

/// What happened to a token that a login had made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum Life {
    Born,
    /// Soon after.
    Died,
    /// The bot has left the device alone for long.
    CooledDown,
}

/// A session that a login has made and that is not on the disk yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct Unsaved {
    pub(in super::super) source: Source,
    pub(in super::super) session: Held,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct Bot {
    pub(in super::super) phase: Phase,
    /// The password that was refused last, for the throttle.
    pub(in super::super) throttled: Option<(u8, Age)>,
    /// It was not refused itself: the account was barred.
    pub(in super::super) barred: bool,
    pub(in super::super) lives: Vec<Life>,
    /// The device is left to a rival for a while.
    pub(in super::super) cools: bool,
    pub(in super::super) unsaved: Option<Unsaved>,
    /// Whether devices that are forgotten are looked for, since the bot last came to a session.
    pub(in super::super) recollects: bool,
    /// The password that was refused, and nothing has changed since: for the rule, which does not believe the throttle.
    pub(in super::super) refused: Option<u8>,
}

impl Bot {
    pub(in super::super) const fn started() -> Self {
        Self {
            phase: Phase::Beginning,
            throttled: None,
            barred: false,
            lives: Vec::new(),
            cools: false,
            unsaved: None,
            recollects: false,
            refused: None,
        }
    }

    /// The tokens in its memory.
    pub(in super::super) fn tokens(&mut self) -> Vec<&mut Held> {
        let mut tokens = Vec::new();
        tokens.extend(self.unsaved.as_mut().map(|unsaved| &mut unsaved.session));
        match &mut self.phase {
            Phase::Attempting(Attempt { found, .. }) => tokens.extend(found.as_mut()),
            Phase::Keeping(Keeping { session, .. }) => tokens.push(session),
            _ => {}
        }
        tokens
    }

    /// The password in the file, where it may be tried.
    pub(in super::super) fn usable_password(&self, file: Option<u8>, decisions: &dyn Decisions) -> Option<u8> {
        file.filter(|password| decisions.may(self.throttled, *password) == May::Try)
    }

    /// The token in use was found dead.
    pub(in super::super) fn token_died(&mut self, decisions: &dyn Decisions) {
        self.lives.push(Life::Died);
        self.cools |= decisions.is_contested(&self.contention());
    }

    /// It has waited for long, or the operator wants it to go on.
    pub(in super::super) fn cool_down(&mut self) {
        if std::mem::take(&mut self.cools) {
            self.lives.push(Life::CooledDown);
        }
    }

    fn contention(&self) -> Contention {
        let mut contention = Contention::default();
        for life in &self.lives {
            match life {
                Life::Born => contention.born(Duration::ZERO),
                Life::Died => contention.died(Duration::ZERO),
                Life::CooledDown => contention.after_cool_down(),
            }
        }
        contention
    }
}

impl State {
    pub(in super::super) fn usable_password(&self, decisions: &dyn Decisions) -> Option<u8> {
        self.bot.as_ref()?.usable_password(self.world.disk.password, decisions)
    }
}
