//! A session is saved before anything else is done with it.

use super::{Life, Mishap, Phase, Turn};
use crate::healing::{
    Source,
    tests::model::{
        state::State,
        world::{Held, Left},
    },
};

/// A session that is being saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct Keeping {
    pub(in super::super) source: Source,
    pub(in super::super) session: Held,
    pub(in super::super) stage: Stage,
    /// How many new devices were taken in this heal.
    pub(in super::super) taken: u8,
}

/// Which file is written next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum Stage {
    /// The devices left behind.
    Left,
    Session,
    /// The devices once more, without the id that is not pending any more.
    Pending,
}

impl Keeping {
    pub(in super::super) const fn new(source: Source, session: Held, taken: u8) -> Self {
        Self {
            source,
            session,
            stage: Stage::Left,
            taken,
        }
    }
}

impl Turn<'_> {
    pub(super) fn keep(&mut self, keeping: Keeping) {
        match keeping.stage {
            Stage::Left => self.keep_left(keeping),
            Stage::Session => self.keep_session(keeping),
            Stage::Pending => {
                if self.can_write(Phase::Beginning, State::forget_devices) {
                    self.state.world.disk.pending = None;
                    self.kept(keeping);
                }
            }
        }
    }

    fn keep_left(&mut self, keeping: Keeping) {
        let before = &self.state.world.disk;
        let mut disk = before.clone();
        let replaced = disk.session.filter(|saved| saved.device != keeping.session.device);
        if let Some(saved) = replaced
            && disk.left.iter().all(|known| known.device != saved.device)
        {
            disk.left.push(Left {
                device: saved.device,
                token: Some(saved),
            });
        }
        // The device in use was left behind once: it stays.
        disk.left.retain(|left| left.device != keeping.session.device);
        if disk.pending != Some(keeping.session.device) {
            disk.abandon_pending();
        }
        if disk == *before {
            return self.keep_session(keeping);
        }
        if self.can_write(Phase::Beginning, State::forget_devices) {
            self.state.world.disk = disk;
            self.go(Phase::Keeping(Keeping {
                stage: Stage::Session,
                ..keeping
            }));
        }
    }

    fn keep_session(&mut self, keeping: Keeping) {
        if !self.can_write(Phase::Beginning, State::forget_session) {
            return;
        }
        self.state.world.disk.session = Some(keeping.session);
        match self.state.world.disk.pending == Some(keeping.session.device) {
            true => self.go(Phase::Keeping(Keeping {
                stage: Stage::Pending,
                ..keeping
            })),
            false => self.kept(keeping),
        }
    }

    fn kept(&mut self, keeping: Keeping) {
        let counts = self.state.rival.is_some();
        let Some(bot) = &mut self.state.bot else { return };
        if counts && matches!(keeping.source, Source::LoginOnSaved | Source::LoginOnNew) {
            bot.lives.push(Life::Born);
        }
        bot.unsaved = None;
        bot.phase = Phase::Comparing { taken: keeping.taken };
        if counts && keeping.source == Source::LoginOnSaved {
            self.state.judge_answer_to_rival();
        }
    }
}

impl State {
    /// A session file that nobody can make sense of is put aside.
    pub(in super::super) fn forget_session(&mut self) {
        self.world.disk.session = None;
    }

    /// So is that of the devices.
    pub(in super::super) fn forget_devices(&mut self) {
        let disk = &mut self.world.disk;
        (disk.pending, disk.made) = (None, 0);
        disk.left.clear();
        self.forgotten = true;
    }
}

/// For the steps that only ask.
impl Turn<'_> {
    pub(super) fn outage(&self) -> Option<super::Outage> {
        match self.mishap {
            Some(Mishap::Outage(outage)) => Some(outage),
            _ => None,
        }
    }
}
