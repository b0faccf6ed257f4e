//! What is missing in a room, and what cures it. No I/O.

use matrix_sdk::ruma::{
    UserId,
    events::{MessageLikeEventType, room::power_levels::UserPowerLevel},
};
use serde_json::Value;

use super::{
    look::{Absence, Departure, Inside, View},
    place::{Duty, Place},
    power::shown,
};
use crate::{
    finding::{Finding, lacks_power},
    health::Degraded,
};

/// The one algorithm by which the bot speaks in an encrypted room.
const MEGOLM: &str = "m.megolm.v1.aes-sha2";

/// A finding about a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// What it is about: the same from look to look.
    pub(super) key: String,
    /// What was seen.
    pub(super) finding: Finding,
    /// Without a cure nobody is let in at all.
    pub(super) blocks: bool,
}

/// All that is to be said of a room and its uses.
pub(super) fn judge(places: &[Place], user: &UserId, view: &View) -> Vec<Found> {
    let Some(first) = places.first() else {
        return Vec::new();
    };
    match view {
        View::Unknown(why) => vec![unknown(first, why)],
        View::Outside(absence) => vec![absent(first, user, absence)],
        // What else is wrong with a room that has moved does not matter any more.
        View::Inside(inside) if inside.tombstone.is_some() => vec![moved(first, user, inside)],
        View::Inside(inside) => places
            .iter()
            .flat_map(|place| {
                let rule = joining(place, inside);
                [Some(power(place, user, inside)), rule, encryption(place, inside)]
            })
            .flatten()
            .collect(),
    }
}

impl Place {
    fn found(&self, aspect: &str, finding: Finding) -> Found {
        Found {
            key: format!("room {} {} {aspect}", self.room, self.name),
            finding,
            blocks: false,
        }
    }

    fn is_space(&self) -> bool {
        self.duty == Duty::Space
    }
}

fn unknown(place: &Place, why: &str) -> Found {
    let what = format!("it is not known how {} is: {why}", place.room);
    let cure = "see that the homeserver answers requests about that room; it is asked again";
    let finding = Finding::weak(&place.name, what, cure);
    place.found("unknown", finding)
}

fn absent(place: &Place, user: &UserId, absence: &Absence) -> Found {
    let room = &place.room;
    let invite = format!("invite {user} there from an account that has power in {room}: it joins by itself");
    let how = |departure: &Departure, verb: &str| {
        let by = departure.by.as_ref().filter(|by| **by != user);
        let by = by.map_or_else(String::new, |by| format!(" by {by}"));
        let reason = departure.reason.as_ref();
        let reason = reason.map_or_else(String::new, |reason| format!(" ({})", reason.escape_debug()));
        format!("{verb}{by}{reason}")
    };
    let (why, cure) = match absence {
        Absence::NeverThere => (String::new(), invite),
        Absence::Left(departure) if departure.by.as_deref().is_some_and(|by| by != user) => {
            (format!(": it was {}", how(departure, "kicked")), invite)
        }
        Absence::Left(departure) => (format!(": {}", how(departure, "it left")), invite),
        Absence::Banned(departure) => (
            format!(": it is {}", how(departure, "banned")),
            format!("unban {user} in {room}, then {invite}"),
        ),
        Absence::Invited { by, known } => (
            match known {
                true => format!(": {by} invites it, who has not the power to bring it in"),
                false => format!(": {by} invites it, whose power is not known"),
            },
            format!("{invite}; or put {by} on ADMIN_ALLOWLIST and restart"),
        ),
        Absence::NotLetIn(why) => (
            format!(": it is invited and not let in ({why})"),
            format!("see what the homeserver says against it; {invite}"),
        ),
    };
    let finding = Finding::broken(&place.name, format!("{user} is not in {room}{why}"), cure);
    Found {
        blocks: place.is_space(),
        ..place.found("membership", finding)
    }
}

fn moved(place: &Place, user: &UserId, inside: &Inside) -> Found {
    let replacement = inside.tombstone.as_ref().and_then(|stone| stone.replacement.as_ref());
    let (to, cure) = match replacement {
        Some(new) => (
            format!("{} was upgraded and replaced by {new}", place.room),
            format!(
                "set {} to {new} in place of {}, invite {user} to {new} with the power that it had, and restart the bot",
                place.variable, place.room
            ),
        ),
        None => (
            format!("{} was closed, and no room takes its place", place.room),
            format!(
                "set {} to the room that is to be used, and restart the bot",
                place.variable
            ),
        ),
    };
    Found {
        blocks: place.is_space(),
        ..place.found("tombstone", Finding::broken(&place.name, to, cure))
    }
}

fn power(place: &Place, user: &UserId, inside: &Inside) -> Found {
    let (room, levels) = (&place.room, inside.powers.levels());
    let (verb, needed) = match place.duty {
        Duty::Space | Duty::Child { .. } => ("invite", levels.invite),
        Duty::Speaks => ("speak", levels.for_message(MessageLikeEventType::RoomMessage)),
    };
    let own = levels.for_user(user);
    if own >= UserPowerLevel::from(needed) {
        let seen = format!("{user} is in {room} and may {verb} (level {needed})");
        return place.found("power", Finding::well(&place.name, seen));
    }
    let Degraded { what, cure } = lacks_power(user, verb, needed, room, shown(own));
    let finding = Finding::broken(&place.name, what, cure);
    Found {
        blocks: place.is_space(),
        ..place.found("power", finding)
    }
}

/// Whether those can come in who are to.
fn joining(place: &Place, inside: &Inside) -> Option<Found> {
    let rule = inside.join_rules["join_rule"].as_str().unwrap_or("not set");
    match &place.duty {
        Duty::Space => {
            // The rules that let people knock (room version 7 and later).
            let what = "join rule of the space";
            let finding = match rule {
                "knock" | "knock_restricted" => Finding::well(what, rule),
                other => Finding::weak(
                    what,
                    format!("{other}: nobody can knock on {}", place.room),
                    format!("set the join rule of {} to knock", place.room),
                ),
            };
            Some(place.found("join rule", finding))
        }
        Duty::Child { of: Some(space) } => {
            let lets_members_in = |allow: &Value| allow["room_id"] == space.as_str();
            let open = match rule {
                "public" => true,
                "restricted" | "knock_restricted" => {
                    let allow = inside.join_rules["allow"].as_array();
                    allow.is_some_and(|allow| allow.iter().any(lets_members_in))
                }
                _ => false,
            };
            let closed = || {
                Finding::weak(
                    format!("join rule of {}", place.name),
                    format!("{rule}: who signs up cannot join {}", place.room),
                    format!(
                        "set the join rule of {} to restricted, for the members of {space}",
                        place.room
                    ),
                )
            };
            (!open).then(|| place.found("join rule", closed()))
        }
        Duty::Child { of: None } | Duty::Speaks => None,
    }
}

fn encryption(place: &Place, inside: &Inside) -> Option<Found> {
    let algorithm = inside.algorithm.as_deref().filter(|algorithm| *algorithm != MEGOLM)?;
    (place.duty == Duty::Speaks).then(|| {
        let finding = Finding::broken(
            format!("encryption of the {}", place.name),
            format!(
                "{} is encrypted by {}, which the bot cannot",
                place.room,
                algorithm.escape_debug()
            ),
            format!(
                "set {} to a room that is encrypted by {MEGOLM}, or not at all",
                place.variable
            ),
        );
        place.found("encryption", finding)
    })
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::{owned_room_id, owned_user_id, user_id};
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::{
        finding::Standing,
        monitor::{look::Tombstone, power::Powers},
    };

    fn place(duty: Duty) -> Place {
        Place {
            name: "room".to_owned(),
            room: owned_room_id!("!r:x"),
            duty,
            variable: "ROOM",
        }
    }

    /// A room in which everything is as it should be for every duty.
    fn whole() -> Inside {
        Inside {
            powers: Powers::of("11", json!({ "invite": 50, "users": { "@bot:x": 50 } })),
            join_rules: json!({ "join_rule": "knock" }),
            algorithm: Some(MEGOLM.to_owned()),
            tombstone: None,
        }
    }

    fn found(duty: Duty, view: View) -> Vec<(String, bool)> {
        let found = judge(&[place(duty)], user_id!("@bot:x"), &view);
        let wrong = found
            .into_iter()
            .filter(|found| found.finding.standing() != Standing::Well);
        wrong.map(|found| (found.finding.to_string(), found.blocks)).collect()
    }

    fn inside(duty: Duty, change: impl FnOnce(&mut Inside)) -> Vec<(String, bool)> {
        let mut inside = whole();
        change(&mut inside);
        found(duty, View::Inside(Box::new(inside)))
    }

    #[test]
    fn a_whole_room_is_well() {
        let child = Duty::Child {
            of: Some(owned_room_id!("!space:x")),
        };
        assert_eq!(inside(Duty::Space, |_| {}), []);
        assert_eq!(inside(Duty::Speaks, |_| {}), []);
        let allow = json!([{ "type": "m.room_membership", "room_id": "!space:x" }]);
        let rules = json!({ "join_rule": "restricted", "allow": allow });
        assert_eq!(inside(child, |room| room.join_rules = rules), []);
    }

    #[rstest]
    #[case(Duty::Space, true)]
    #[case(Duty::Child { of: None }, false)]
    fn power_that_is_missing_is_named_with_room_and_level(#[case] duty: Duty, #[case] blocks: bool) {
        let levels = json!({ "invite": 50, "users": { "@bot:x": 49 } });
        let wrong = inside(duty, |room| room.powers = Powers::of("11", levels));
        let line = "broken room: @bot:x may not invite (level 50) in !r:x: it has 49; cure: raise the power of @bot:x in !r:x to 50";
        assert_eq!(wrong, [(line.to_owned(), blocks)]);
    }

    #[test]
    fn a_level_for_messages_counts_where_the_bot_speaks() {
        let levels = json!({ "events": { "m.room.message": 60 }, "users": { "@bot:x": 50 } });
        let wrong = inside(Duty::Speaks, |room| room.powers = Powers::of("11", levels));
        assert!(wrong[0].0.contains("may not speak (level 60)"), "{wrong:?}");
    }

    #[rstest]
    #[case::kicked(Absence::Left(departure(Some("rude"))), ["it was kicked by @owner:x (rude)", "cure: invite @bot:x there"])]
    #[case::banned(Absence::Banned(departure(None)), ["it is banned by @owner:x", "cure: unban @bot:x in !r:x"])]
    #[case::never_there(Absence::NeverThere, ["@bot:x is not in !r:x", "cure: invite @bot:x there"])]
    #[case::a_member_invites(
        Absence::Invited { by: owned_user_id!("@member:x"), known: true },
        ["@member:x invites it, who has not the power", "cure: invite @bot:x there"]
    )]
    fn why_the_bot_is_not_there_is_said_with_the_cure(#[case] absence: Absence, #[case] words: [&str; 2]) {
        let wrong = found(Duty::Space, View::Outside(absence));
        assert!(
            wrong[0].1 && words.iter().all(|word| wrong[0].0.contains(word)),
            "{wrong:?}"
        );
    }

    fn departure(reason: Option<&str>) -> Departure {
        Departure {
            by: Some(owned_user_id!("@owner:x")),
            reason: reason.map(str::to_owned),
        }
    }

    #[test]
    fn a_room_that_cannot_be_looked_at_is_named_and_blocks_nothing() {
        let wrong = found(Duty::Space, View::Unknown("HTTP 400 M_UNKNOWN".to_owned()));
        assert!(
            wrong[0].0.starts_with("weak") && wrong[0].0.contains("!r:x is: HTTP 400 M_UNKNOWN") && !wrong[0].1,
            "{wrong:?}"
        );
    }

    #[test]
    fn a_room_that_moved_is_named_with_its_replacement_and_nothing_else_is_said_of_it() {
        let wrong = inside(Duty::Space, |room| {
            room.join_rules = json!({ "join_rule": "invite" });
            room.tombstone = Some(Tombstone {
                replacement: Some(owned_room_id!("!new:x")),
            });
        });
        assert_eq!(wrong.len(), 1);
        assert!(
            wrong[0].0.contains("replaced by !new:x; cure: set ROOM to !new:x"),
            "{wrong:?}"
        );
    }

    #[rstest]
    #[case::nobody_can_knock(Duty::Space, json!({ "join_rule": "invite" }), "nobody can knock")]
    #[case::members_of_another_space(
        Duty::Child { of: Some(owned_room_id!("!space:x")) },
        json!({ "join_rule": "restricted", "allow": [{ "room_id": "!other:x" }] }),
        "who signs up cannot join"
    )]
    fn a_rule_that_keeps_people_out_is_weaker(#[case] duty: Duty, #[case] rules: Value, #[case] words: &str) {
        let wrong = inside(duty, |room| room.join_rules = rules);
        assert!(
            wrong[0].0.starts_with("weak") && wrong[0].0.contains(words) && !wrong[0].1,
            "{wrong:?}"
        );
    }

    #[test]
    fn an_encryption_that_the_bot_cannot_is_found_where_it_speaks() {
        let wrong = inside(Duty::Speaks, |room| room.algorithm = Some("org.example.mls".to_owned()));
        assert!(wrong[0].0.contains("encrypted by org.example.mls"), "{wrong:?}");
    }
}
