//! The plan, asked and answered as the healer does it.

use super::{Keeping, Mishap, Phase, Turn, Unsaved};
use crate::healing::{
    Ask, Asked, Class, May, Password, Plan, Situation, Source, Step, Target, Token,
    tests::model::{
        answers::{Reply, answer, device_id, expected, is_ours},
        decisions::{Age, Decisions},
        rules::{Rule, Ways},
        state::State,
        world::{Device, Held, bit},
    },
};

/// One attempt to come to a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct Attempt {
    /// What was asked, and what came back. The plan is what these make of it.
    pub(in super::super) heard: Vec<(Ask, Reply)>,
    /// What could be done with the password at the start.
    pub(in super::super) may: Password,
    pub(in super::super) contested: bool,
    /// Whether a token was given that is not the saved one.
    pub(in super::super) given: bool,
    pub(in super::super) found: Option<Held>,
    /// For the rules.
    pub(in super::super) steady: Ways,
}

impl Attempt {
    fn situation(&self, state: &State) -> Situation {
        let session = state.world.disk.session;
        Situation {
            saved_device: session.map(|held| device_id(held.device).into()),
            saved_token: session.is_some(),
            refresh_token: false,
            given_token: self.given,
            password: self.may,
            contested: self.contested,
        }
    }

    fn step(&self, state: &State, decisions: &dyn Decisions) -> Step {
        let situation = self.situation(state);
        let mut plan = Plan::new(situation.clone());
        for (ask, reply) in &self.heard {
            plan.saw(*ask, &class(decisions, *ask, *reply));
        }
        let asked = self.heard.iter().map(|(ask, _)| *ask).collect::<Vec<_>>();
        decisions.next(&plan, &situation, &asked)
    }

    /// What is asked next.
    pub(in super::super) fn next(&self, state: &State, decisions: &dyn Decisions) -> Option<Ask> {
        match self.step(state, decisions) {
            Step::Ask(ask) => Some(ask),
            _ => None,
        }
    }

    /// Which ways in are open now.
    pub(in super::super) fn ways(&self, state: &State) -> Ways {
        let (server, saved) = (&state.world.server, state.world.disk.session);
        let lives = |held: Option<Held>| held.is_some_and(|held| held.lives && !held.foreign) && !server.locked;
        let device = saved.map(|held| held.device);
        let given = state
            .world
            .given
            .filter(|given| device.is_none_or(|device| device == given.device));
        let may = matches!(self.may, Password::Ready | Password::Barred) && !self.contested && !server.locked;
        let refused = device.is_some() && server.refuses == device;
        Ways {
            saved: lives(saved),
            given: lives(given),
            password: may && state.world.disk.password == Some(server.password) && !refused,
        }
    }
}

fn class(decisions: &dyn Decisions, ask: Ask, reply: Reply) -> Class {
    let asked = match ask {
        Ask::Whoami(_) => Asked::Whoami,
        Ask::Refresh => Asked::Refresh,
        Ask::Login(_) => Asked::Login,
    };
    decisions.classify(asked, &expected(), &answer(reply))
}

impl Turn<'_> {
    pub(super) fn begin(&mut self) {
        let Some(bot) = &self.state.bot else { return };
        if let Some(Unsaved { source, session }) = bot.unsaved {
            return self.go(Phase::Keeping(Keeping::new(source, session, 0)));
        }
        let disk = &self.state.world.disk;
        let same = |given: &Held| disk.session.is_some_and(|saved| saved == *given && saved.lives);
        let mut attempt = Attempt {
            heard: Vec::new(),
            may: match disk
                .password
                .map(|password| self.decisions.may(bot.throttled, password))
            {
                None => Password::Missing,
                Some(May::Try) => Password::Ready,
                Some(May::Wait(_)) if bot.barred => Password::Barred,
                Some(May::Wait(_)) => Password::Spent,
            },
            contested: bot.cools,
            given: self.state.world.given.as_ref().is_some_and(|given| !same(given)),
            found: None,
            steady: Ways::default(),
        };
        attempt.steady = attempt.ways(&self.state);
        self.follow(attempt);
    }

    /// Does what the plan says, unless that is to ask.
    fn follow(&mut self, attempt: Attempt) {
        match (attempt.step(&self.state, self.decisions), attempt.found) {
            (Step::Ask(_), _) => self.go(Phase::Attempting(attempt)),
            (Step::Go(source), Some(session)) => self.take_session(&attempt, source, session),
            (Step::Blocked(_), _) => self.go(Phase::Blocked),
            (Step::Go(_) | Step::Wait(..), _) => self.go(Phase::Beginning),
        }
    }

    fn take_session(&mut self, attempt: &Attempt, source: Source, session: Held) {
        if session.foreign {
            self.state.breaks(Rule::ForeignToken);
        }
        let elsewhere = source == Source::GivenTokenOnOther;
        if elsewhere && self.state.saved_is_whole() && attempt.steady.any() {
            self.state.breaks(Rule::DeviceThrownAway);
        }
        self.go(Phase::Keeping(Keeping::new(source, session, 0)));
        if matches!(source, Source::LoginOnSaved | Source::LoginOnNew)
            && let Some(bot) = &mut self.state.bot
        {
            bot.unsaved = Some(Unsaved { source, session });
        }
    }

    pub(super) fn ask(&mut self, mut attempt: Attempt) {
        let Some(ask) = attempt.next(&self.state, self.decisions) else {
            return self.follow(attempt);
        };
        let (class, session) = match ask {
            Ask::Whoami(token) => {
                let held = match token {
                    Token::Saved => self.state.world.disk.session,
                    Token::Given => self.state.world.given,
                };
                let reply = self.whoami(held);
                attempt.heard.push((ask, reply));
                let class = class(self.decisions, ask, reply);
                let session = held.filter(|_| matches!(class, Class::Alive { .. }));
                (class, session)
            }
            Ask::Refresh => return self.go(Phase::Beginning),
            Ask::Login(target) => {
                let device = match target {
                    Target::Saved => self.state.world.disk.session.map(|held| held.device),
                    Target::New => match self.pending() {
                        Some(device) => Some(device),
                        None => return,
                    },
                };
                // Read anew, as it is now.
                let (Some(password), Some(device)) = (self.state.world.disk.password, device) else {
                    return self.go(Phase::Beginning);
                };
                let steady = attempt.steady;
                let (reply, session) = self.log_in(target, device, password, steady);
                attempt.heard.push((ask, reply));
                (class(self.decisions, ask, reply), session)
            }
        };
        if let Class::Alive { user, .. } = &class
            && !is_ours(user)
        {
            self.state.breaks(Rule::ForeignToken);
        }
        attempt.found = session.or(attempt.found);
        self.follow(attempt);
    }

    fn whoami(&self, held: Option<Held>) -> Reply {
        if let Some(Mishap::Outage(outage)) = self.mishap {
            return outage.reply();
        }
        match held {
            Some(held) if held.foreign => Reply::OtherUser,
            Some(_) if self.state.world.server.locked => Reply::Locked,
            Some(held) if held.lives => Reply::Alive(held.device),
            _ => Reply::Dead,
        }
    }

    /// The id that a login on a new device takes. Where it is not on the disk yet, it is written, and that is all.
    pub(super) fn pending(&mut self) -> Option<Device> {
        if let Some(pending) = self.state.world.disk.pending {
            return Some(pending);
        }
        if self.can_write(Phase::Beginning, State::forget_devices) {
            let device = self.state.world.unused();
            let disk = &mut self.state.world.disk;
            disk.pending = Some(device);
            disk.made |= bit(device);
        }
        None
    }

    /// A login, with what the healer remembers of it.
    pub(super) fn log_in(&mut self, target: Target, device: Device, password: u8, ways: Ways) -> (Reply, Option<Held>) {
        if let Some(bot) = self.state.bot.clone() {
            self.state.judge_login(&bot, target, device, password, ways);
        }
        if let Some(Mishap::Outage(outage)) = self.mishap {
            return (outage.reply(), None);
        }
        let server = &self.state.world.server;
        let (reply, session) = match () {
            () if server.locked => (Reply::Locked, None),
            () if server.password != password => (Reply::WrongPassword, None),
            () if server.refuses == Some(device) => (Reply::DeviceRefused, None),
            () => (Reply::LoggedIn(device), Some(self.state.log_in_on(device))),
        };
        if self.mishap == Some(Mishap::AnswerLost) {
            return (Reply::TimedOut, None);
        }
        self.remember(&class(self.decisions, Ask::Login(target), reply), target, password);
        (reply, session)
    }

    fn remember(&mut self, class: &Class, target: Target, password: u8) {
        let refused = matches!(class, Class::Other { .. }) && target == Target::New;
        if refused && !self.decisions.keeps_refused_id() {
            self.state.world.disk.abandon_pending();
        }
        let Some(bot) = &mut self.state.bot else { return };
        match class {
            Class::LoggedIn { .. } => {
                bot.throttled = None;
                bot.barred = false;
                bot.refused = None;
            }
            Class::Refused(_) | Class::AccountBlocked(_) => {
                bot.barred = matches!(class, Class::AccountBlocked(_));
                bot.throttled = Some((password, Age::New));
                bot.refused = Some(password);
            }
            Class::Other { .. } if refused => {
                bot.barred = false;
                bot.throttled = Some((password, Age::New));
                bot.refused = Some(password);
            }
            _ => {}
        }
    }
}
