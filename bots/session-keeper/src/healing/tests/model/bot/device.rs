//! Whether the device is healthy, and what is done where it is not.

use super::{Keeping, NEW_DEVICES, Phase, Tidying, Turn, Unsaved};
use crate::healing::{
    Asked, Class, Course, Local, Source, Target, Verdict,
    tests::model::{
        answers::{Reply, answer, expected},
        decisions::{Decisions, DeviceKeys},
        rules::Ways,
        state::State,
        world::{DEVICES, Device, Folder, Held, Left, Published, Store, bit},
    },
};

fn keys(name: &str) -> DeviceKeys {
    (format!("curve {name}"), format!("ed {name}"))
}

fn local(store: Store) -> Local {
    match store {
        Store::Missing => Local::Missing,
        Store::Unreadable => Local::Unreadable,
        Store::Makeshift => Local::Makeshift,
        Store::Whole { published } => Local::Account {
            keys: keys("own"),
            published,
        },
    }
}

fn told(published: Published) -> Option<DeviceKeys> {
    match published {
        Published::Nothing => None,
        Published::Ours => Some(keys("own")),
        Published::Others => Some(keys("other")),
    }
}

impl Turn<'_> {
    /// The session in use; it is on the disk.
    pub(super) fn session(&self) -> Held {
        self.state.world.disk.session.expect("it was saved before it is used")
    }

    /// The token is of no use: the next attempt finds out why.
    fn give_token_up(&mut self) {
        let counts = self.state.rival.is_some();
        if let Some(bot) = &mut self.state.bot {
            if counts {
                bot.token_died(self.decisions);
            }
            bot.phase = Phase::Beginning;
        }
    }

    pub(super) fn compare(&mut self, taken: u8) {
        let (session, locked) = (self.session(), self.state.world.server.locked);
        let reply = match self.outage() {
            Some(outage) => outage.reply(),
            None if locked => Reply::Locked,
            None if session.lives => Reply::Done,
            None => Reply::Dead,
        };
        match self.decisions.classify(Asked::Other, &expected(), &answer(reply)) {
            Class::Done(_) => {}
            Class::Dead | Class::WayBroken(_) | Class::AccountBlocked(_) => return self.give_token_up(),
            // It is asked again.
            _ => return,
        }
        let server = told(self.state.world.keys(session.device));
        let local = local(self.state.world.store(session.device));
        let verdict = self.decisions.continuity(&local, server.as_ref());
        let can_log_in = taken < NEW_DEVICES && self.state.usable_password(self.decisions).is_some();
        let same = verdict == Verdict::Same;
        match self.decisions.course(verdict, can_log_in) {
            Course::GoOn => self.go(Phase::Preparing { same, degraded: false }),
            Course::NewDevice => self.go(Phase::Replacing { taken }),
            Course::GoOnDegraded => {
                self.make_do(session.device);
                self.go(Phase::Preparing { same, degraded: true });
            }
        }
    }

    fn make_do(&mut self, device: Device) {
        let folder = self.state.world.folder(device);
        // An unreadable one is kept under another name.
        if matches!(folder.store, Store::Missing | Store::Unreadable) {
            folder.store = Store::Makeshift;
            folder.room_keys = 0;
            self.state.world.forget_keys(device);
        }
    }

    pub(super) fn replace(&mut self, taken: u8) {
        let Some(password) = self.state.world.disk.password else {
            return self.go(Phase::Comparing { taken });
        };
        let Some(device) = self.pending() else { return };
        let session = self.session();
        // What the login itself is judged by is only whether the device that it replaces is whole.
        let ways = Ways {
            password: session.lives,
            ..Ways::default()
        };
        match self.log_in(Target::New, device, password, ways) {
            (_, Some(session)) => {
                let source = Source::LoginOnNew;
                self.go(Phase::Keeping(Keeping::new(source, session, taken + 1)));
                if let Some(bot) = &mut self.state.bot {
                    bot.unsaved = Some(Unsaved { source, session });
                }
            }
            _ => self.go(Phase::Comparing { taken }),
        }
    }

    /// Brings the room keys of all other stores into that of the device.
    pub(super) fn prepare(&mut self, same: bool, degraded: bool) {
        let device = self.session().device;
        let folders = &mut self.state.world.disk.folders;
        let carried = |folder: &Folder| folder.carried_to == Some(device);
        let proven = (0..DEVICES as Device)
            .filter(|other| same && carried(&folders[usize::from(*other)]))
            .fold(0, |proven, other| proven | bit(other));
        let mut brought = 0;
        for (other, folder) in folders.iter_mut().enumerate() {
            let readable = matches!(folder.store, Store::Whole { .. } | Store::Makeshift);
            if other != usize::from(device) && readable {
                brought |= folder.room_keys;
                folder.carried_to = Some(device);
            }
        }
        let folder = self.state.world.folder(device);
        let fresh = folder.store == Store::Missing;
        if fresh {
            folder.store = Store::Whole { published: false };
        }
        let store = folder.store;
        folder.room_keys |= brought;
        folder.carried_to = None;
        if let Some(bot) = &mut self.state.bot {
            bot.recollects = self.decisions.looks_for_forgotten_devices(fresh);
        }
        match store {
            Store::Whole { published: false } if !same => self.go(Phase::Publishing),
            Store::Whole { published: false } => self.go(Phase::Noting),
            _ => self.go(Phase::Tidying(Tidying::new(degraded, proven))),
        }
    }

    pub(super) fn publish(&mut self) {
        let session = self.session();
        if self.outage().is_some() {
            return;
        }
        if !session.lives || self.state.world.server.locked {
            return self.give_token_up();
        }
        self.state.world.on_server(session.device).keys = Published::Ours;
        if self.mishap.is_none() {
            self.go(Phase::Noting);
        }
    }

    pub(super) fn note(&mut self) {
        let device = self.session().device;
        if self.can_write(Phase::Beginning, |_| {}) {
            let folder = self.state.world.folder(device);
            folder.store = Store::Whole { published: true };
            folder.room_keys |= bit(device);
            self.go(Phase::Tidying(Tidying::new(false, 0)));
        }
    }

    /// Between two polls.
    pub(super) fn look_around(&mut self, degraded: bool) {
        if !self.session().lives || self.state.world.server.locked {
            self.give_token_up();
        } else if degraded && self.state.usable_password(self.decisions).is_some() {
            self.go(Phase::Beginning);
        } else {
            self.go(Phase::Tidying(Tidying::new(degraded, 0)));
        }
    }
}

impl State {
    /// Whether the bot, which serves, has met something that it has to see to.
    pub(in super::super) fn has_something_to_do(&self, decisions: &dyn Decisions) -> bool {
        let (Some(bot), Some(session)) = (&self.bot, self.world.disk.session) else {
            return true;
        };
        let usable = bot.usable_password(self.world.disk.password, decisions);
        let degraded = matches!(bot.phase, Phase::Serving { degraded: true });
        let removable = |left: &&Left| self.may_go(left.device) && self.can_remove(left, usable);
        !session.lives
            || self.world.server.locked
            || degraded && usable.is_some()
            || self.has_forgotten_devices()
            || self.world.disk.left.iter().any(|left| removable(&left))
    }
}
