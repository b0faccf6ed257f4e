//! What happens around the bot: crashes, operators, a rival, damage.

use super::{
    bot::{Bot, Kind, Mishap, Phase, next_kind, step},
    decisions::{Age, Decisions},
    state::State,
    world::{Published, Store, WRONG},
};
use crate::healing::Contention;

/// One thing that can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The program is started.
    Start,
    /// The bot makes its next step, or tries to.
    Step(Option<Mishap>),
    Crash,
    /// All waits are over.
    TimePasses,
    /// Somebody does what costs nothing: it can be done at any time.
    Cure(Cure),
    /// Somebody or something does what makes it harder.
    Harm(Harm),
    /// Another program logs in on the device in use, and publishes keys of its own there, or not.
    RivalLogsIn {
        publishes: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cure {
    WritePassword,
    Unlock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Harm {
    ResetPassword {
        logs_out: bool,
    },
    WriteWrongPassword,
    RemovePasswordFile,
    DeleteDevice,
    KillToken,
    Lock,
    RefuseDevice,
    /// While the program does not run.
    LoseSessionFile,
    LoseDevicesFile,
    LoseStore,
    SpoilStore,
}

const HARMS: [Harm; 12] = [
    Harm::ResetPassword { logs_out: false },
    Harm::ResetPassword { logs_out: true },
    Harm::WriteWrongPassword,
    Harm::RemovePasswordFile,
    Harm::DeleteDevice,
    Harm::KillToken,
    Harm::Lock,
    Harm::RefuseDevice,
    Harm::LoseSessionFile,
    Harm::LoseDevicesFile,
    Harm::LoseStore,
    Harm::SpoilStore,
];

impl State {
    /// All that can happen now.
    pub(super) fn events(&self, decisions: &dyn Decisions, events: &mut Vec<Event>) {
        if self.broken.is_some() {
            return;
        }
        match &self.bot {
            None => events.push(Event::Start),
            Some(_) => {
                let next = next_kind(self, decisions);
                events.extend(next.map(|_| Event::Step(None)));
                let mishaps = next.map(Kind::mishaps).unwrap_or_default();
                if self.faults > 0 {
                    events.extend(mishaps.iter().map(|mishap| Event::Step(Some(*mishap))));
                    events.push(Event::Crash);
                }
            }
        }
        events.extend([
            Event::TimePasses,
            Event::Cure(Cure::WritePassword),
            Event::Cure(Cure::Unlock),
        ]);
        if self.faults > 0 {
            events.extend(HARMS.map(Event::Harm));
        }
        if self.faults > 0 || self.rival.is_some_and(|takes| takes > 0) {
            events.push(Event::RivalLogsIn { publishes: false });
        }
        // A rival that fights on with keys of its own would only make more states: a new device ends each round.
        if self.faults > 0 {
            events.push(Event::RivalLogsIn { publishes: true });
        }
    }

    /// The state after an event, or `None` where it changes nothing.
    pub(super) fn after(&self, event: Event, decisions: &dyn Decisions) -> Option<Self> {
        let mut next = self.clone();
        match event {
            Event::Start => {
                next.bot = Some(Bot::started());
                next.fights = 0;
            }
            Event::Step(mishap) => next = step(self, decisions, mishap),
            Event::Crash => {
                next.bot = None;
                next.faults -= 1;
            }
            Event::TimePasses => next.pass_time(),
            Event::Cure(cure) => next.cure(cure),
            Event::Harm(harm) => {
                next.harm(harm);
                if next != *self {
                    next.faults -= 1;
                }
            }
            Event::RivalLogsIn { publishes } => next.rival_logs_in(publishes)?,
        }
        next.keep_rules_in_mind();
        (next != *self).then_some(next)
    }

    /// What is open to an attempt that is under way is only what was so all the time.
    fn keep_rules_in_mind(&mut self) {
        let Some(Bot {
            phase: Phase::Attempting(attempt),
            ..
        }) = &self.bot
        else {
            return;
        };
        let steady = attempt.steady.and(attempt.ways(self));
        if let Some(Bot {
            phase: Phase::Attempting(attempt),
            ..
        }) = &mut self.bot
        {
            attempt.steady = steady;
        }
    }

    fn pass_time(&mut self) {
        let Some(bot) = &mut self.bot else { return };
        if !matches!(bot.phase, Phase::Blocked | Phase::Serving { .. }) {
            return;
        }
        if let Some((_, age)) = &mut bot.throttled {
            *age = Age::Old;
        }
        bot.refused = None;
        self.make_peace();
    }

    /// The rival is believed to be gone.
    fn make_peace(&mut self) {
        if let Some(bot) = self.bot.as_mut().filter(|bot| bot.cools) {
            bot.cool_down();
            // One more short life, and it stops again.
            self.fights = Contention::MANY - 1;
        }
    }

    fn cure(&mut self, cure: Cure) {
        match cure {
            Cure::WritePassword if !self.world.has_password() => {
                self.write_password(self.world.server.password);
                self.make_peace();
            }
            Cure::WritePassword => {}
            Cure::Unlock => self.world.server.locked = false,
        }
    }

    /// A file that is written anew is another one, even where it says what an earlier one said that was refused.
    fn write_password(&mut self, password: u8) {
        if self.world.disk.password.replace(password) == Some(password) {
            return;
        }
        if let Some(bot) = &mut self.bot {
            bot.refused = None;
            bot.throttled = bot.throttled.filter(|(refused, _)| *refused != password);
        }
    }

    fn rival_logs_in(&mut self, publishes: bool) -> Option<()> {
        let device = self.world.disk.session?.device;
        match &mut self.rival {
            Some(takes) if *takes > 0 => *takes -= 1,
            _ => self.faults -= 1,
        }
        self.log_in_on(device);
        if publishes {
            self.world.on_server(device).keys = Published::Others;
        }
        Some(())
    }

    fn harm(&mut self, harm: Harm) {
        let device = self.world.disk.session.map(|session| session.device);
        match (harm, device) {
            (Harm::ResetPassword { logs_out }, _) => {
                self.world.server.password += 1;
                if logs_out {
                    (0..super::world::DEVICES as u8).for_each(|device| self.delete_device(device));
                }
            }
            (Harm::WriteWrongPassword, _) => self.write_password(WRONG),
            (Harm::RemovePasswordFile, _) => self.world.disk.password = None,
            (Harm::DeleteDevice, Some(device)) => self.delete_device(device),
            (Harm::KillToken, Some(device)) => self.kill_token(device),
            (Harm::Lock, _) => self.world.server.locked = true,
            (Harm::RefuseDevice, _) => self.world.server.refuses = device,
            (Harm::LoseSessionFile, _) if self.bot.is_none() => self.forget_session(),
            (Harm::LoseDevicesFile, _) if self.bot.is_none() => self.forget_devices(),
            (Harm::LoseStore, Some(device)) if self.bot.is_none() => self.harm_store(device, Store::Missing),
            (Harm::SpoilStore, Some(device)) if self.bot.is_none() => self.harm_store(device, Store::Unreadable),
            _ => {}
        }
    }

    fn harm_store(&mut self, device: u8, store: Store) {
        let folder = self.world.folder(device);
        // What is not there cannot be spoilt.
        if folder.store == Store::Missing {
            return;
        }
        folder.store = store;
        folder.room_keys = 0;
        folder.carried_to = None;
        self.world.forget_keys(device);
    }
}
