//! A point of the bot's traffic.

use std::{fmt, num::NonZeroU8, str::FromStr};

use crate::front_door::{Matcher, Point};

/// What a bot asks its homeserver for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Call {
    /// Whose its token is.
    Whoami,
    /// A new session.
    Login,
    /// To take its keys.
    KeysUpload,
    /// The keys of users.
    KeysQuery,
    /// Its devices.
    Devices,
    /// What it keeps in its account.
    AccountData,
    /// To keep something in its account.
    AccountDataWritten,
    /// What is new.
    Sync,
    /// The state of a room.
    RoomState,
}

impl Call {
    /// All, in the order in which bots mostly come to them.
    pub const ALL: [Self; 9] = [
        Self::Whoami,
        Self::Login,
        Self::KeysUpload,
        Self::KeysQuery,
        Self::Devices,
        Self::AccountData,
        Self::AccountDataWritten,
        Self::Sync,
        Self::RoomState,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Whoami => "whoami",
            Self::Login => "login",
            Self::KeysUpload => "keys-upload",
            Self::KeysQuery => "keys-query",
            Self::Devices => "devices",
            Self::AccountData => "account-data",
            Self::AccountDataWritten => "account-data-written",
            Self::Sync => "sync",
            Self::RoomState => "room-state",
        }
    }

    fn matcher(self) -> Matcher {
        let (method, endpoint) = match self {
            Self::Whoami => ("GET", "/account/whoami"),
            Self::Login => ("POST", "/login"),
            Self::KeysUpload => ("POST", "/keys/upload"),
            Self::KeysQuery => ("POST", "/keys/query"),
            Self::Devices => ("GET", "/devices"),
            Self::AccountData => ("GET", "/user/*/account_data/*"),
            Self::AccountDataWritten => ("PUT", "/user/*/account_data/*"),
            Self::Sync => ("GET", "/sync"),
            Self::RoomState => ("GET", "/rooms/*/state/*/*"),
        };
        Matcher::endpoint(method, endpoint)
    }
}

/// One request of a bot that starts again, and the side of the homeserver on which it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Passage {
    /// What is asked for.
    pub call: Call,
    /// Where it is held.
    pub point: Point,
    /// Which of the start's requests of that kind it is, from 1.
    pub nth: NonZeroU8,
}

impl Passage {
    /// The first request of that kind.
    pub const fn first(call: Call, point: Point) -> Self {
        Self {
            call,
            point,
            nth: NonZeroU8::MIN,
        }
    }

    /// The first of that kind, on both sides of the homeserver.
    pub const fn around(call: Call) -> [Self; 2] {
        [
            Self::first(call, Point::BeforeForward),
            Self::first(call, Point::AfterReply),
        ]
    }

    /// The request that is meant, of all that come after the one of that number.
    pub(crate) fn matcher(self, user: &str, since: u64) -> Matcher {
        let matcher = self.call.matcher().from_bot().by(user).after(since);
        matcher.skipping(u64::from(self.nth.get()) - 1, 1)
    }
}

impl fmt::Display for Passage {
    /// `before-sync`: before the homeserver sees it. `after-sync-2`: after the homeserver has answered the second one, before the bot sees that.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.point {
            Point::BeforeForward => "before",
            Point::AfterReply => "after",
        };
        write!(f, "{side}-{}", self.call.name())?;
        match self.nth.get() {
            1 => Ok(()),
            nth => write!(f, "-{nth}"),
        }
    }
}

/// Words that name no point of the traffic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no point of the traffic, as before-sync and after-keys-query-2 are")]
pub struct BadPassage(String);

impl FromStr for Passage {
    type Err = BadPassage;

    fn from_str(words: &str) -> Result<Self, Self::Err> {
        let found = || {
            let (side, rest) = words.split_once('-')?;
            let point = match side {
                "before" => Point::BeforeForward,
                "after" => Point::AfterReply,
                _ => return None,
            };
            let numbered = rest
                .rsplit_once('-')
                .and_then(|(name, nth)| Some((name, nth.parse().ok()?)));
            let (name, nth) = numbered.unwrap_or((rest, NonZeroU8::MIN));
            let call = Call::ALL.into_iter().find(|call| call.name() == name)?;
            Some(Self { call, point, nth })
        };
        found().ok_or_else(|| BadPassage(words.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::front_door::{Who, example};

    #[test]
    fn every_passage_reads_back_as_what_it_was() {
        for passage in Call::ALL.into_iter().flat_map(Passage::around) {
            let later = Passage {
                nth: NonZeroU8::new(12).unwrap(),
                ..passage
            };
            for passage in [passage, later] {
                assert_eq!(passage.to_string().parse(), Ok(passage));
            }
        }
    }

    #[rstest]
    #[case("sync")]
    #[case("during-sync")]
    #[case("before-teatime")]
    #[case("before-sync-0")]
    #[case("before-sync-300")]
    fn what_names_none_is_refused(#[case] words: &str) {
        let error = words.parse::<Passage>().unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn the_second_means_the_second() {
        let passage: Passage = "before-room-state-2".parse().unwrap();
        let mut exchange = example::exchange("GET", "/_matrix/client/v3/rooms/!a:b/state/m.room.create/");
        let user_id = "@bot:b".to_owned();
        let matcher = passage.matcher(&user_id, 0);
        exchange.who = Some(Who {
            user_id,
            device_id: None,
        });
        assert!(!matcher.takes(&exchange));
        assert!(matcher.takes(&exchange));
        assert!(!matcher.takes(&exchange));
    }
}
