//! Devices left behind are logged out, and stores that were carried over are removed.

use super::{Kind, Mishap, Phase, Tidying, Turn};
use crate::healing::tests::model::{
    state::State,
    world::{DEVICES, Device, Folder, Left, Store, bit},
};

impl Tidying {
    pub(super) const fn new(degraded: bool, proven: u8) -> Self {
        Self {
            degraded,
            tried: 0,
            gone: 0,
            proven,
        }
    }

    /// The next device to be removed.
    fn next(self, state: &State) -> Option<Left> {
        let left = &state.world.disk.left;
        let next = |left: &&Left| self.tried & bit(left.device) == 0 && state.may_go(left.device);
        left.iter().find(next).copied()
    }

    pub(super) fn kind(self, state: &State) -> Kind {
        match () {
            () if self.tried == 0 && state.has_forgotten_devices() => Kind::Write,
            () if self.next(state).is_some() => Kind::Request,
            () if self.gone != 0 => Kind::Write,
            () => Kind::Thought,
        }
    }
}

impl State {
    /// Whether all that a device held is safe.
    pub(in super::super) fn may_go(&self, device: Device) -> bool {
        let folder = self.world.disk.folders[usize::from(device)];
        let used = self.world.disk.session.map(|session| session.device);
        folder.store == Store::Missing || folder.carried_to == used
    }

    /// Whether a device can be had away: with its own token, or with the password.
    pub(in super::super) fn can_remove(&self, left: &Left, usable: Option<u8>) -> bool {
        let lives = left.token.is_some_and(|token| token.lives);
        lives || !self.world.exists(left.device) || usable == Some(self.world.server.password)
    }

    /// Whether there are such that are looked for.
    pub(in super::super) fn has_forgotten_devices(&self) -> bool {
        self.bot.as_ref().is_some_and(|bot| bot.recollects) && !self.forgotten_devices().is_empty()
    }

    /// Devices that were made from here and of which nothing else is known.
    fn forgotten_devices(&self) -> Vec<Device> {
        let disk = &self.world.disk;
        let known = |device: Device| {
            disk.session.is_some_and(|session| session.device == device)
                || disk.left.iter().any(|left| left.device == device)
        };
        (0..DEVICES as Device)
            .filter(|device| disk.made & bit(*device) != 0 && !known(*device) && self.world.exists(*device))
            .collect()
    }
}

impl Turn<'_> {
    pub(super) fn tidy(&mut self, tidying: Tidying) {
        if tidying.tried == 0 && self.state.has_forgotten_devices() {
            self.recollect(tidying);
        } else if let Some(left) = tidying.next(&self.state) {
            self.remove(tidying, left);
        } else if tidying.gone != 0 {
            self.cross_off(tidying);
        } else {
            self.remove_stores(tidying.proven);
            self.go(Phase::Serving {
                degraded: tidying.degraded,
            });
        }
    }

    fn recollect(&mut self, tidying: Tidying) {
        let forgotten = self.state.forgotten_devices();
        // It is tried again when the next check is due.
        let failed = Phase::Serving {
            degraded: tidying.degraded,
        };
        if self.can_write(failed, State::forget_devices) {
            let left = forgotten.into_iter().map(|device| Left { device, token: None });
            self.state.world.disk.left.extend(left);
        }
    }

    fn remove(&mut self, tidying: Tidying, left: Left) {
        let mut tidying = tidying;
        tidying.tried |= bit(left.device);
        let usable = self.state.usable_password(self.decisions);
        let can_ask = self.outage().is_none() && !self.state.world.server.locked && self.session().lives;
        if can_ask && self.state.can_remove(&left, usable) {
            self.state.delete_device(left.device);
            if self.mishap != Some(Mishap::AnswerLost) {
                tidying.gone |= bit(left.device);
            }
        }
        self.go(Phase::Tidying(tidying));
    }

    fn cross_off(&mut self, tidying: Tidying) {
        let done = Phase::Tidying(Tidying { gone: 0, ..tidying });
        if self.can_write(done.clone(), State::forget_devices) {
            let disk = &mut self.state.world.disk;
            disk.left.retain(|left| tidying.gone & bit(left.device) == 0);
            disk.made &= !tidying.gone;
            self.go(done);
        }
    }

    fn remove_stores(&mut self, proven: u8) {
        for device in (0..DEVICES as Device).filter(|device| proven & bit(*device) != 0) {
            self.state.judge_removal(device);
            *self.state.world.folder(device) = Folder {
                store: Store::Missing,
                room_keys: 0,
                carried_to: None,
            };
        }
    }
}
