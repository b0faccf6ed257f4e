//! What an effect waits for that a person can cure.

use std::time::Duration;

use matrix_sdk::ruma::{OwnedUserId, RoomId};

use crate::{
    config::Role,
    finding::lacks_power,
    healing::Blocker,
    health::Degraded,
    matrix::{Membership, Refusal, Standing},
};

/// How soon it is looked again whether a room is cured, where the sync has not told.
pub(super) const ROOM_PAUSE: Duration = Duration::from_secs(60);
/// The same at first, where nothing shows that a person has to cure it: it may be over in a moment.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest wait where the homeserver limits the pace.
const LIMIT_PAUSE: Duration = Duration::from_secs(60);
/// The same for an account, of which no sync tells.
pub(super) const ACCOUNT_PAUSE: Duration = Duration::from_secs(15);
/// How seldom, in the end, what nobody seems to cure is tried again.
const RAREST: Duration = Duration::from_secs(3600);

/// An effect that waits for somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    /// What has to change: a room, or an account.
    pub(super) cause: String,
    /// For how long it waits at most.
    pub(super) wait: Duration,
    /// Whether, where the room is the space, nobody is let in without a cure.
    pub(super) blocks: bool,
    /// What the operator is told.
    pub(super) told: Degraded,
}

/// The cause that effects wait for whose account has to be cured.
pub fn account(role: Role) -> String {
    format!("account:{}", role.name())
}

/// What a cause is, as a metric counts it: one word of a few. A room's id would make a series of its own for each room.
pub(super) fn kind(cause: &str) -> &str {
    match cause.starts_with('!') {
        true => "room",
        false => cause.split(':').next().unwrap_or_default(),
    }
}

/// The account waits for a person.
pub(super) fn of_account(role: Role, user: &OwnedUserId, blocker: &Blocker) -> Hold {
    Hold {
        cause: account(role),
        wait: ACCOUNT_PAUSE,
        blocks: false,
        told: Degraded {
            what: format!("what {user} has to do waits: {blocker}"),
            cure: format!("{}; everything is kept and done then", blocker.cure(user.as_str())),
        },
    }
}

/// The cause that effects of a kind wait for whose pace is limited.
pub(super) fn limit(role: Role, what: &str) -> String {
    format!("limit:{}:{what}", role.name())
}

/// The homeserver limits the pace. Its wish is kept only so far: whoever lifts a limit does not tell.
pub(super) fn of_limit(role: Role, what: &str, wait: Duration) -> Hold {
    Hold {
        cause: limit(role, what),
        wait: wait.min(LIMIT_PAUSE),
        blocks: false,
        told: Degraded {
            what: format!(
                "the homeserver limits how many {what} {} may make, for {} s; it is asked again every {} s at the latest",
                role.name(),
                wait.as_secs().max(1),
                LIMIT_PAUSE.as_secs()
            ),
            cure: "nothing to do; where it happens often, lift the limits for this account".to_owned(),
        },
    }
}

/// What an effect needs of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Invite,
    Speak,
}

/// What is missing in a room; `None` where nothing is.
pub(super) fn of_room(room: &RoomId, user: &OwnedUserId, need: Need, standing: &Standing) -> Option<Hold> {
    let (verb, takes) = match need {
        Need::Invite => ("invite", standing.to_invite),
        Need::Speak => ("speak", standing.to_speak),
    };
    let Degraded { what, cure } = match standing.membership {
        Membership::Joined if standing.power >= takes => return None,
        Membership::Joined => lacks_power(user, verb, takes, room, standing.power),
        Membership::Banned => Degraded {
            what: format!("{user} cannot {verb} in {room}: it is banned there"),
            cure: format!("unban {user} in {room} and invite it again"),
        },
        _ => Degraded {
            what: format!("{user} cannot {verb} in {room}: it is not in that room, or there is no such room"),
            cure: format!("invite {user} to {room}, or correct the room id in the configuration and restart"),
        },
    };
    Some(Hold {
        cause: room.to_string(),
        wait: ROOM_PAUSE,
        blocks: true,
        told: Degraded {
            what,
            cure: format!("{cure}; what waits is done then"),
        },
    })
}

/// A refusal for which no reason can be seen: some rule of the homeserver that only its operator knows.
pub(super) fn of_riddle(room: &RoomId, user: &OwnedUserId, no: &Refusal, age: i64) -> Hold {
    Hold {
        cause: room.to_string(),
        wait: growing(FIRST_PAUSE, age),
        blocks: false,
        told: Degraded {
            what: format!("{user} is in {room} and has the power it needs, and yet: {no}"),
            cure: "look whether a module of the homeserver forbids it; it is kept, and tried again now and then"
                .to_owned(),
        },
    }
}

/// No room can be made for a knocker.
pub(super) fn of_creation(role: Role, user: &OwnedUserId, no: &Refusal, age: i64) -> Hold {
    Hold {
        cause: format!("creation:{}", role.name()),
        // Each try makes a room and leaves it.
        wait: growing(ROOM_PAUSE, age),
        blocks: false,
        told: Degraded {
            what: format!("no room can be made in which {user} is asked: {no}"),
            cure: format!(
                "look whether the homeserver lets {} make rooms and invite {user}; the knock is kept and tried again",
                role.name()
            ),
        },
    }
}

/// As long again as an effect of this age, in milliseconds, has waited already.
fn growing(first: Duration, age: i64) -> Duration {
    Duration::from_millis(u64::try_from(age).unwrap_or(0)).clamp(first, RAREST)
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::{owned_user_id, room_id};
    use rstest::rstest;

    use super::*;

    fn standing(membership: Membership, power: i64) -> Standing {
        Standing {
            membership,
            power,
            to_invite: 50,
            to_speak: 10,
        }
    }

    #[rstest]
    #[case("!space:hs", "room")]
    #[case("!a-room-without-a-server", "room")]
    #[case(&account(Role::Approver), "account")]
    #[case(&limit(Role::Approver, "rooms"), "limit")]
    #[case("creation:approver", "creation")]
    fn a_cause_is_counted_by_what_it_is_and_not_by_name(#[case] cause: &str, #[case] counted: &str) {
        assert_eq!(kind(cause), counted);
    }

    #[rstest]
    #[case(standing(Membership::Joined, 50), Need::Invite, None)]
    #[case(standing(Membership::Joined, i64::MAX), Need::Invite, None)]
    #[case(standing(Membership::Joined, 10), Need::Speak, None)]
    #[case(
        standing(Membership::Joined, 0),
        Need::Invite,
        Some("may not invite (level 50) in !space:hs: it has 0")
    )]
    #[case(
        standing(Membership::Joined, 0),
        Need::Speak,
        Some("may not speak (level 10) in !space:hs: it has 0")
    )]
    #[case(standing(Membership::Out, 0), Need::Invite, Some("not in that room"))]
    #[case(standing(Membership::Invited, 0), Need::Invite, Some("not in that room"))]
    #[case(standing(Membership::Banned, 0), Need::Speak, Some("banned"))]
    fn what_is_missing_is_named_with_room_and_account(
        #[case] standing: Standing,
        #[case] need: Need,
        #[case] missing: Option<&str>,
    ) {
        let hold = of_room(room_id!("!space:hs"), &owned_user_id!("@bot:hs"), need, &standing);
        assert_eq!(hold.is_some(), missing.is_some());
        if let (Some(hold), Some(missing)) = (hold, missing) {
            assert!(hold.told.what.contains(missing), "{}", hold.told.what);
            for text in [hold.told.what, hold.told.cure] {
                assert!(text.contains("!space:hs") && text.contains("@bot:hs"), "{text}");
            }
            assert_eq!(hold.cause, "!space:hs");
        }
    }

    #[test]
    fn terms_are_named_with_their_page() {
        let uri = Some("https://hs/consent".to_owned());
        let hold = of_account(Role::Approver, &owned_user_id!("@bot:hs"), &Blocker::Consent { uri });
        assert!(hold.told.what.contains("terms") && hold.told.what.contains("@bot:hs"));
        assert!(hold.told.cure.contains("https://hs/consent"));
    }
}
