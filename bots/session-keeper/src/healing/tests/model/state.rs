//! One state of everything, and where it begins.

use super::{
    bot::{Bot, Phase},
    decisions::Decisions,
    rules::Rule,
    world::{Device, ELSEWHERE, FIRST, Folder, Held, OnServer, Published, Store, World, bit},
};

/// How much may go wrong on one way through the states.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Crashes, torn and failed writes, lost answers, outages, and what operators and others do to the account.
    pub(super) faults: u8,
    /// How often a rival logs in beside them; `None`: only as one of them.
    pub(super) rival: Option<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) world: World,
    /// `None`: it is not running.
    pub(super) bot: Option<Bot>,
    /// How many may still happen.
    pub(super) faults: u8,
    /// How often the rival may still log in. Only then it is counted how long tokens live.
    pub(super) rival: Option<u8>,
    /// Logins since the bot was last patient.
    pub(super) fights: u32,
    /// The disk has lost what the bot knew of its devices.
    pub(super) forgotten: bool,
    pub(super) broken: Option<Rule>,
}

impl State {
    /// What the bot can find at its first start. A rival needs a device to fight for, and a bot that can fight.
    pub(super) fn beginnings(bounds: Bounds) -> Vec<Self> {
        let other_user = Held {
            foreign: true,
            ..Held::of(ELSEWHERE, true)
        };
        let hints = [
            None,
            Some(Held::of(ELSEWHERE, true)),
            Some(Held::of(ELSEWHERE, false)),
            Some(Held::of(FIRST, true)),
            Some(other_user),
        ];
        if bounds.rival.is_some() {
            return vec![Self::beginning(true, true, None, bounds)];
        }
        let mut all = Vec::new();
        for saved in [false, true] {
            for with_password in [false, true] {
                for given in hints {
                    // Without a saved device, one device of a token is as good as another.
                    if saved || given.is_none_or(|given| given.device != FIRST) {
                        all.push(Self::beginning(saved, with_password, given, bounds));
                    }
                }
            }
        }
        all
    }

    fn beginning(saved: bool, with_password: bool, given: Option<Held>, bounds: Bounds) -> Self {
        let mut world = World::empty();
        world.disk.password = with_password.then_some(world.server.password);
        world.given = given;
        if let Some(given) = given.filter(|given| given.lives && !given.foreign) {
            world.on_server(given.device).exists = true;
        }
        if saved {
            // A device has one token: where the operator's lives on it, the saved one does not.
            let lives = given.is_none_or(|given| given.device != FIRST);
            world.disk.session = Some(Held::of(FIRST, lives));
            world.disk.made = bit(FIRST);
            *world.on_server(FIRST) = OnServer {
                exists: true,
                keys: Published::Ours,
            };
            *world.folder(FIRST) = Folder {
                store: Store::Whole { published: true },
                room_keys: bit(FIRST),
                carried_to: None,
            };
        }
        Self {
            world,
            bot: None,
            faults: bounds.faults,
            rival: bounds.rival,
            fights: 0,
            forgotten: false,
            broken: None,
        }
    }

    /// Every token that somebody holds.
    pub(super) fn each_token(&mut self, mut see: impl FnMut(&mut Held)) {
        let World { disk, given, .. } = &mut self.world;
        disk.session.iter_mut().for_each(&mut see);
        given.iter_mut().for_each(&mut see);
        disk.left
            .iter_mut()
            .filter_map(|left| left.token.as_mut())
            .for_each(&mut see);
        if let Some(bot) = &mut self.bot {
            bot.tokens().into_iter().for_each(see);
        }
    }

    /// The server forgets the device's token.
    pub(super) fn kill_token(&mut self, device: Device) {
        self.each_token(|held| {
            if held.device == device && !held.foreign {
                held.lives = false;
            }
        });
    }

    /// Somebody logs in on the device.
    pub(super) fn log_in_on(&mut self, device: Device) -> Held {
        self.kill_token(device);
        self.world.on_server(device).exists = true;
        Held::of(device, true)
    }

    pub(super) fn delete_device(&mut self, device: Device) {
        self.kill_token(device);
        *self.world.on_server(device) = OnServer {
            exists: false,
            keys: Published::Nothing,
        };
        let server = &mut self.world.server;
        server.refuses = server.refuses.filter(|refused| *refused != device);
    }

    /// Whether the bot is where it stays unless something happens.
    pub(super) fn rests(&self, decisions: &dyn Decisions) -> bool {
        let serves = matches!(
            self.bot,
            Some(Bot {
                phase: Phase::Serving { .. },
                ..
            })
        );
        serves && !self.has_something_to_do(decisions)
    }
}
