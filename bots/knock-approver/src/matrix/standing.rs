//! What an identity may do in a room, and what it would need.

use matrix_sdk::{
    Error,
    ruma::{RoomId, UserId},
};
use serde_json::Value;

use super::{Membership, membership, rooms::state};
use crate::identity::Live;

/// What an identity may do in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What it is to the room; a room that does not let it look is one that it is out of.
    pub membership: Membership,
    /// Its power there; `i64::MAX` where it is above all levels.
    pub power: i64,
    /// The power that an invite takes.
    pub to_invite: i64,
    /// The power that a message takes.
    pub to_speak: i64,
}

/// Asks for it.
pub async fn standing(live: &Live, room: &RoomId) -> Result<Standing, Error> {
    let membership = match membership(live, room, &live.user_id).await {
        Ok(membership) => membership,
        Err(error) if super::refusal(&error).is_some_and(|no| no.is_of_room()) => Membership::Out,
        Err(error) => return Err(error),
    };
    if membership != Membership::Joined {
        return Ok(Standing {
            membership,
            power: 0,
            to_invite: 0,
            to_speak: 0,
        });
    }
    let levels = state(live, room, "m.room.power_levels", "").await?;
    let levels = levels.unwrap_or_default();
    let power = match is_above_all(live, room, &live.user_id).await? {
        true => i64::MAX,
        false => power_in(&levels, &live.user_id),
    };
    Ok(Standing {
        membership,
        power,
        to_invite: number(&levels["invite"]).unwrap_or(0),
        to_speak: number(&levels["events"]["m.room.message"])
            .or_else(|| number(&levels["events_default"]))
            .unwrap_or(0),
    })
}

/// The power that a user has in a room.
pub async fn power_level(live: &Live, room: &RoomId, user: &UserId) -> Result<i64, Error> {
    if is_above_all(live, room, user).await? {
        return Ok(i64::MAX);
    }
    let levels = state(live, room, "m.room.power_levels", "").await?;
    Ok(power_in(&levels.unwrap_or_default(), user))
}

fn power_in(levels: &Value, user: &UserId) -> i64 {
    let own = number(&levels["users"][user.as_str()]);
    own.or_else(|| number(&levels["users_default"])).unwrap_or(0)
}

/// Old rooms have levels that are text, or numbers with a fraction.
fn number(level: &Value) -> Option<i64> {
    let whole = level.as_i64().or_else(|| level.as_f64().map(|level| level as i64));
    whole.or_else(|| level.as_str()?.trim().parse().ok())
}

/// As of room version 12 creators are above all levels and are not listed.
async fn is_above_all(live: &Live, room: &RoomId, user: &UserId) -> Result<bool, Error> {
    let Some(create) = state(live, room, "m.room.create", "").await? else {
        return Ok(false);
    };
    let version = create["room_version"].as_str().and_then(|version| version.parse().ok());
    if version.unwrap_or(1) < 12 {
        return Ok(false);
    }
    let named = create["additional_creators"].as_array().into_iter().flatten();
    if named.filter_map(Value::as_str).any(|creator| creator == user) {
        return Ok(true);
    }
    // The creator itself is the event's sender, which the content does not name.
    let known = live.client.get_room(room).and_then(|room| room.creators());
    Ok(known.into_iter().flatten().any(|creator| creator == user))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(json!(50), Some(50))]
    #[case(json!("50"), Some(50))]
    #[case(json!(" +50 "), Some(50))]
    #[case(json!(50.0), Some(50))]
    #[case(json!(-1), Some(-1))]
    #[case(json!("many"), None)]
    #[case(json!(null), None)]
    #[case(json!([50]), None)]
    fn levels_of_old_rooms_are_read(#[case] level: Value, #[case] read: Option<i64>) {
        assert_eq!(number(&level), read);
    }
}
