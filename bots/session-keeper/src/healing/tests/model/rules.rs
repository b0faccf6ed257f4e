//! What must never happen, as each step is judged by it.

use super::{
    bot::Bot,
    decisions::Decisions,
    events::Event,
    state::State,
    world::{DEVICES, Device, ELSEWHERE, Store},
};
use crate::healing::{Contention, Target};

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Rule {
    /// A whole device is given up although there is a way in to it.
    DeviceThrownAway,
    /// A token of another user is taken.
    ForeignToken,
    /// Room keys were in one store alone, and that is removed.
    KeyLost,
    /// A login is made while a token lives that would do.
    LoginWhileAlive,
    /// A password that was refused is tried again, and nothing has changed.
    LoginForNothing,
    /// A login is made whose token, or whose device, nobody would know of after a crash.
    TokenNotKept,
    /// Logins are answered with logins, without end.
    Fight,
    /// A step of the bot closes the last way in.
    WayClosed,
}

/// Which ways in there are, each since the attempt began: one that opens only meanwhile may be missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Ways {
    /// The token of the saved session lives.
    pub(super) saved: bool,
    /// The given token lives, on the saved device or where none is saved.
    pub(super) given: bool,
    /// The password would bring a token on the saved device.
    pub(super) password: bool,
}

impl Ways {
    pub(super) const fn any(self) -> bool {
        self.saved || self.given || self.password
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            saved: self.saved && other.saved,
            given: self.given && other.given,
            password: self.password && other.password,
        }
    }
}

impl State {
    pub(super) fn breaks(&mut self, rule: Rule) {
        self.broken.get_or_insert(rule);
    }

    /// Whether the saved device is as it should be.
    pub(super) fn saved_is_whole(&self) -> bool {
        let saved = self.world.disk.session;
        saved.is_some_and(|held| self.world.is_whole(held.device))
    }

    /// Judges a login of the plan, or for a new device, before the server sees it.
    pub(super) fn judge_login(&mut self, bot: &Bot, target: Target, device: Device, password: u8, ways: Ways) {
        if target == Target::New && self.saved_is_whole() && ways.any() {
            self.breaks(Rule::DeviceThrownAway);
        }
        if ways.saved || ways.given {
            self.breaks(Rule::LoginWhileAlive);
        }
        if bot.refused == Some(password) {
            self.breaks(Rule::LoginForNothing);
        }
        let noted = target == Target::Saved || self.world.disk.pending == Some(device);
        if bot.unsaved.is_some() || !noted {
            self.breaks(Rule::TokenNotKept);
        }
    }

    /// Judges a login on the saved device whose token is on the disk now: it may be the answer to a rival's. One on a new
    /// device, which follows where the rival has published keys too, is no other answer.
    pub(super) fn judge_answer_to_rival(&mut self) {
        self.fights += 1;
        if self.fights > Contention::MANY {
            self.breaks(Rule::Fight);
        }
    }

    /// Judges the removal of a store.
    pub(super) fn judge_removal(&mut self, device: Device) {
        let folders = self.world.disk.folders.iter().enumerate();
        let elsewhere = folders
            .filter(|(other, folder)| *other != usize::from(device) && matches!(folder.store, Store::Whole { .. }))
            .fold(0, |keys, (_, folder)| keys | folder.room_keys);
        if self.world.folder(device).room_keys & !elsewhere != 0 {
            self.breaks(Rule::KeyLost);
        }
    }

    /// Whether more devices than the one in use are there for good, and none of them for a reason.
    pub(super) fn has_devices_to_spare(&self, decisions: &dyn Decisions) -> bool {
        let world = &self.world;
        let Some(session) = world.disk.session else {
            return false;
        };
        // What the disk has forgotten nobody can know, and the operator's own device is the operator's.
        let at_rest = self.rests(decisions) && self.after(Event::TimePasses, decisions).is_none();
        if self.forgotten || !at_rest || !world.has_password() || world.server.locked {
            return false;
        }
        (0..DEVICES as Device)
            .filter(|device| *device != session.device && *device != ELSEWHERE && world.exists(*device))
            // A store that cannot be read is kept, and its device with it, until somebody has seen to it.
            .any(|device| world.store(device) != Store::Unreadable)
    }
}
