//! The model as the checker takes it, with all that must hold.

use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    sync::Mutex,
};

use stateright::{Model, Property};

use super::{
    bot::{Bot, Phase},
    decisions::Decisions,
    events::Event,
    rules::Rule,
    state::{Bounds, State},
    world::{Published, Store},
};

/// So many steps without any further fault make it healthy.
const HEALS_WITHIN: u8 = 60;

pub(super) const THROWN_AWAY: &str = "no whole device with a way in is thrown away";
pub(super) const FOREIGN: &str = "no token of another user is used";
pub(super) const KEY_LOST: &str = "no room key is lost";
pub(super) const WHILE_ALIVE: &str = "no login while a token lives";
pub(super) const FOR_NOTHING: &str = "no refused login again where nothing has changed";
pub(super) const NOT_KEPT: &str = "no login whose token or device nobody would know of";
pub(super) const FIGHT: &str = "no fight without end";
pub(super) const WAY_CLOSED: &str = "the last way in is not closed from within";
pub(super) const TWO_DEVICES: &str = "never two devices in the end";
pub(super) const HEALS: &str = "it heals when nothing happens any more";

/// One search through all states.
pub(super) struct Search {
    decisions: Box<dyn Decisions>,
    bounds: Bounds,
    /// How many quiet steps it is to a good end, of states from which that is known.
    healed: Mutex<HashMap<u64, u8>>,
}

impl Search {
    pub(super) fn new(decisions: impl Decisions + 'static, bounds: Bounds) -> Self {
        Self {
            decisions: Box::new(decisions),
            bounds,
            healed: Mutex::default(),
        }
    }

    /// The most steps that any state has taken to heal.
    pub(super) fn longest_healing(&self) -> u8 {
        let healed = self.healed.lock().expect("one thread");
        healed.values().copied().max().unwrap_or_default()
    }

    /// What happens next where nobody interferes.
    fn quiet(&self, state: &State) -> Option<State> {
        let decisions = &*self.decisions;
        let waits = match &state.bot {
            None => return state.after(Event::Start, decisions),
            Some(bot) => matches!(bot.phase, Phase::Blocked) || state.rests(decisions),
        };
        let later = waits.then(|| state.after(Event::TimePasses, decisions)).flatten();
        match state.rests(decisions) {
            true => later,
            false => later.or_else(|| state.after(Event::Step(None), decisions)),
        }
    }

    /// Whether the state, left alone, comes to a good end.
    fn heals(&self, start: &State) -> bool {
        let mut healed = self.healed.lock().expect("one thread");
        let fingerprint = |state: &State| BuildHasherDefault::<DefaultHasher>::default().hash_one(state);
        let (mut state, mut passed) = (start.clone(), Vec::new());
        let mut steps = loop {
            let mark = fingerprint(&state);
            if let Some(steps) = healed.get(&mark) {
                break *steps;
            }
            // What breaks a rule is found by that.
            if state.broken.is_some() || is_well(&state) {
                healed.insert(mark, 0);
                break 0;
            }
            passed.push(mark);
            match self.quiet(&state) {
                Some(next) if passed.len() <= usize::from(HEALS_WITHIN) => state = next,
                _ => return false,
            }
        };
        for mark in passed.into_iter().rev() {
            steps += 1;
            healed.insert(mark, steps);
        }
        steps <= HEALS_WITHIN
    }
}

/// As good as it can be: it serves where there is a way in, on a healthy device where there is a password; else it says that
/// it needs its operator.
fn is_well(state: &State) -> bool {
    let world = &state.world;
    let Some(Bot { phase, .. }) = &state.bot else {
        return false;
    };
    if !world.has_way_in() {
        return *phase == Phase::Blocked;
    }
    let (Phase::Serving { degraded }, Some(session)) = (phase, world.disk.session) else {
        return false;
    };
    let healthy = world.store(session.device) == (Store::Whole { published: true })
        && world.keys(session.device) == Published::Ours;
    session.lives && !session.foreign && healthy != *degraded && (healthy || !world.has_password())
}

impl Model for Search {
    type State = State;
    type Action = Event;

    fn init_states(&self) -> Vec<State> {
        State::beginnings(self.bounds)
    }

    fn actions(&self, state: &State, events: &mut Vec<Event>) {
        state.events(&*self.decisions, events);
    }

    fn next_state(&self, state: &State, event: Event) -> Option<State> {
        state.after(event, &*self.decisions)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        fn keeps<const RULE: u8>(_: &Search, state: &State) -> bool {
            state.broken.is_none_or(|broken| broken as u8 != RULE)
        }
        vec![
            Property::always(THROWN_AWAY, keeps::<{ Rule::DeviceThrownAway as u8 }>),
            Property::always(FOREIGN, keeps::<{ Rule::ForeignToken as u8 }>),
            Property::always(KEY_LOST, keeps::<{ Rule::KeyLost as u8 }>),
            Property::always(WHILE_ALIVE, keeps::<{ Rule::LoginWhileAlive as u8 }>),
            Property::always(FOR_NOTHING, keeps::<{ Rule::LoginForNothing as u8 }>),
            Property::always(NOT_KEPT, keeps::<{ Rule::TokenNotKept as u8 }>),
            Property::always(FIGHT, keeps::<{ Rule::Fight as u8 }>),
            Property::always(WAY_CLOSED, keeps::<{ Rule::WayClosed as u8 }>),
            Property::always(TWO_DEVICES, |search: &Self, state: &State| {
                !state.has_devices_to_spare(&*search.decisions)
            }),
            Property::always(HEALS, Search::heals),
        ]
    }
}
