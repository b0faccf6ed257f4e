//! What is there outside of the running bot: its homeserver and its disk.
//!
//! Whether a token lives, and whether the keys on the server are those of the local store, is noted where the token and the
//! keys are, as the truth that nobody can see. So no history of tokens and keys is needed, and states that differ only in
//! that are one.

/// How many devices can be told apart. An id is used again when nothing remembers it any more.
pub(super) const DEVICES: usize = 8;
/// The device that is saved at the start, where one is.
pub(super) const FIRST: Device = 0;
/// The device of a token that the operator has from elsewhere.
pub(super) const ELSEWHERE: Device = 1;
/// A password that no server ever has.
pub(super) const WRONG: u8 = 0;

pub(super) type Device = u8;

/// A token in somebody's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Held {
    pub(super) device: Device,
    pub(super) lives: bool,
    /// It is another user's.
    pub(super) foreign: bool,
}

impl Held {
    pub(super) const fn of(device: Device, lives: bool) -> Self {
        Self {
            device,
            lives,
            foreign: false,
        }
    }
}

/// Which keys the server hands out for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Published {
    Nothing,
    /// Those of the local store.
    Ours,
    /// Others.
    Others,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct OnServer {
    pub(super) exists: bool,
    pub(super) keys: Published,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Server {
    /// Each reset makes another one.
    pub(super) password: u8,
    pub(super) locked: bool,
    /// A device on which it lets nobody log in, for a reason of its own.
    pub(super) refuses: Option<Device>,
    pub(super) devices: [OnServer; DEVICES],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Store {
    Missing,
    Whole { published: bool },
    Unreadable,
    Makeshift,
}

/// The folder of a device's crypto store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Folder {
    pub(super) store: Store,
    /// Of which devices' times it has the room keys: one bit each.
    pub(super) room_keys: u8,
    /// Into which device's store they were brought.
    pub(super) carried_to: Option<Device>,
}

/// A device left behind, that is still to be logged out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Left {
    pub(super) device: Device,
    pub(super) token: Option<Held>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Disk {
    pub(super) session: Option<Held>,
    /// The id that a login on a new device takes.
    pub(super) pending: Option<Device>,
    /// Devices that logins have made from here: one bit each.
    pub(super) made: u8,
    pub(super) left: Vec<Left>,
    pub(super) folders: [Folder; DEVICES],
    pub(super) password: Option<u8>,
}

/// Both, and the token that the program is given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) server: Server,
    pub(super) disk: Disk,
    pub(super) given: Option<Held>,
}

pub(super) const fn bit(device: Device) -> u8 {
    1 << device
}

impl Disk {
    /// As the devices of the vault do it.
    pub(super) fn abandon_pending(&mut self) {
        if let Some(device) = self.pending.take()
            && self.left.iter().all(|left| left.device != device)
        {
            self.left.push(Left { device, token: None });
        }
    }
}

impl World {
    /// Nothing saved, no device on the server, the password known to nobody.
    pub(super) fn empty() -> Self {
        let device = OnServer {
            exists: false,
            keys: Published::Nothing,
        };
        let folder = Folder {
            store: Store::Missing,
            room_keys: 0,
            carried_to: None,
        };
        Self {
            server: Server {
                password: WRONG + 1,
                locked: false,
                refuses: None,
                devices: [device; DEVICES],
            },
            disk: Disk {
                session: None,
                pending: None,
                made: 0,
                left: Vec::new(),
                folders: [folder; DEVICES],
                password: None,
            },
            given: None,
        }
    }

    pub(super) fn on_server(&mut self, device: Device) -> &mut OnServer {
        &mut self.server.devices[usize::from(device)]
    }

    pub(super) fn exists(&self, device: Device) -> bool {
        self.server.devices[usize::from(device)].exists
    }

    pub(super) fn folder(&mut self, device: Device) -> &mut Folder {
        &mut self.disk.folders[usize::from(device)]
    }

    pub(super) fn store(&self, device: Device) -> Store {
        self.disk.folders[usize::from(device)].store
    }

    pub(super) fn keys(&self, device: Device) -> Published {
        self.server.devices[usize::from(device)].keys
    }

    /// The keys of this device's store are gone; the server may still hand them out.
    pub(super) fn forget_keys(&mut self, device: Device) {
        let keys = &mut self.on_server(device).keys;
        if *keys == Published::Ours {
            *keys = Published::Others;
        }
    }

    /// A device that nothing remembers: what a random id is.
    pub(super) fn unused(&self) -> Device {
        let disk = &self.disk;
        let remembered = |device: Device| {
            self.exists(device)
                || device == ELSEWHERE
                || self.store(device) != Store::Missing
                || disk.session.is_some_and(|held| held.device == device)
                || disk.left.iter().any(|left| left.device == device)
                || disk.made & bit(device) != 0
                || disk.pending == Some(device)
                || self.server.refuses == Some(device)
        };
        (0..DEVICES as Device)
            .find(|device| !remembered(*device))
            .expect("a free id: there are too few devices for these bounds")
    }

    /// Whether peers can write to the device, or will as soon as it has published its keys.
    pub(super) fn is_whole(&self, device: Device) -> bool {
        let fresh = matches!(self.store(device), Store::Missing | Store::Whole { published: false });
        match self.keys(device) {
            Published::Ours => matches!(self.store(device), Store::Whole { .. }),
            Published::Nothing => fresh,
            Published::Others => false,
        }
    }

    /// Whether the password in the file is the account's.
    pub(super) fn has_password(&self) -> bool {
        self.disk.password == Some(self.server.password)
    }

    /// Whether there is a way to come to a session without anybody's help.
    pub(super) fn has_way_in(&self) -> bool {
        let lives = |held: Option<Held>| held.is_some_and(|held| held.lives && !held.foreign);
        !self.server.locked && (lives(self.disk.session) || lives(self.given) || self.has_password())
    }
}
