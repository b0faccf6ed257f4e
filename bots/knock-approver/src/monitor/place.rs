//! The rooms that the environment names.

use matrix_sdk::ruma::{OwnedRoomId, RoomId};

use crate::config::Config;

/// What the bot needs of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    /// People knock on it, and are invited into it.
    Space,
    /// Those who were let in are invited, and those who signed up join by themselves as members of this space.
    Child {
        /// The space; `None` where nobody can sign up.
        of: Option<OwnedRoomId>,
    },
    /// The bot speaks there.
    Speaks,
}

/// One use of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// What it is called.
    pub(super) name: String,
    /// Which room.
    pub(super) room: OwnedRoomId,
    /// What for.
    pub(super) duty: Duty,
    /// The variable that names it.
    pub(super) variable: &'static str,
}

/// Every room with its uses, the space first. A room that serves as another one by default is not named twice.
pub(super) fn places(config: &Config) -> Vec<(OwnedRoomId, Vec<Place>)> {
    let flow = &config.flow;
    let mut rooms: Vec<(OwnedRoomId, Vec<Place>)> = Vec::new();
    let mut add = |name: &str, room: &RoomId, duty: Duty, variable| {
        let place = Place {
            name: name.to_owned(),
            room: room.to_owned(),
            duty,
            variable,
        };
        match rooms.iter_mut().find(|(known, _)| known == room) {
            Some((_, places)) if places.iter().any(|known| known.duty == place.duty) => {}
            Some((_, places)) => places.push(place),
            None => rooms.push((room.to_owned(), vec![place])),
        }
    };
    add("space", &flow.space, Duty::Space, "SPACE_ID");
    let of = config.registration_token.as_ref().map(|_| flow.space.clone());
    for (n, child) in flow.children.iter().enumerate() {
        let duty = Duty::Child { of: of.clone() };
        add(&format!("child room {}", n + 1), child, duty, "SPACE_CHILD_IDS");
    }
    add("command room", &flow.command_room, Duty::Speaks, "ADMIN_COMMAND_ROOM");
    add("feed room", &flow.feed_room, Duty::Speaks, "FEED_ROOM");
    add(
        "operators' room",
        &flow.notify_room,
        Duty::Speaks,
        "OPERATOR_NOTIFY_ROOM",
    );
    rooms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pairs: &[(&str, &str)]) -> Vec<(String, Vec<String>)> {
        let lookup = |name: &str| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let rooms = places(&Config::from_lookup(&lookup).unwrap());
        let names = |places: Vec<Place>| places.into_iter().map(|place| place.name).collect();
        rooms
            .into_iter()
            .map(|(room, places)| (room.to_string(), names(places)))
            .collect()
    }

    #[test]
    fn a_room_is_named_once_for_each_thing_that_the_bot_does_there() {
        let least = names(&[("HS", "http://hs"), ("SPACE_ID", "!s:x")]);
        assert_eq!(
            least,
            [("!s:x".to_owned(), vec!["space".to_owned(), "command room".to_owned()])]
        );
        let all = names(&[
            ("HS", "http://hs"),
            ("SPACE_ID", "!s:x"),
            ("SPACE_CHILD_IDS", "!a:x,!b:x"),
            ("ADMIN_COMMAND_ROOM", "!a:x"),
            ("FEED_ROOM", "!f:x"),
        ]);
        let all: Vec<String> = all
            .iter()
            .map(|(room, names)| format!("{room} {}", names.join("+")))
            .collect();
        assert_eq!(
            all,
            [
                "!s:x space",
                "!a:x child room 1+command room",
                "!b:x child room 2",
                "!f:x feed room"
            ]
        );
    }
}
