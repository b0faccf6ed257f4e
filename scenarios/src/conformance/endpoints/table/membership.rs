//! Who is in a room.

use ruma::api::client::{knock, membership};
use serde_json::json;

use super::super::endpoint::{Endpoint, Fresh};

pub(super) fn endpoints() -> Vec<Endpoint> {
    [listing(), coming(), going()].concat()
}

fn listing() -> Vec<Endpoint> {
    vec![
        Endpoint::of::<membership::joined_rooms::v3::Request>("joined_rooms"),
        Endpoint::of::<membership::joined_members::v3::Request>("joined_members"),
        Endpoint::of::<membership::get_member_events::v3::Request>("get_member_events"),
        Endpoint::of::<membership::get_member_events::v3::Request>("get_some_member_events")
            .query("membership", "join")
            .query("not_membership", "leave")
            .query("at", "{position}"),
    ]
}

fn coming() -> Vec<Endpoint> {
    let nobody = "@nobody:conformance.test";
    vec![
        Endpoint::of::<membership::join_room_by_id::v3::Request>("join_room_by_id")
            .fresh(Fresh::RoomEachCase)
            .by("sam")
            .json(json!({"reason": "so"})),
        Endpoint::of::<membership::join_room_by_id_or_alias::v3::Request>("join_room_by_id_or_alias")
            .fresh(Fresh::RoomEachCase)
            .by("sam")
            .json(json!({"reason": "so"})),
        Endpoint::of::<membership::join_room_by_id_or_alias::v3::Request>("join_room_by_alias")
            .at("room_id_or_alias", "{alias}")
            .by("sam")
            .json(json!({})),
        Endpoint::of::<membership::join_room_by_id::v3::Request>("join_again").json(json!({})),
        Endpoint::of::<membership::join_room_by_id::v3::Request>("join_a_closed_room")
            .fresh(Fresh::KnockRoomEachCase)
            .by("sam")
            .json(json!({})),
        Endpoint::of::<knock::knock_room::v3::Request>("knock_room")
            .fresh(Fresh::KnockRoomEachCase)
            .by("sam")
            .json(json!({"reason": "so"})),
        Endpoint::of::<knock::knock_room::v3::Request>("knock_on_an_open_room").by("sam").json(json!({})),
        Endpoint::of::<membership::invite_user::v3::Request>("invite_user")
            .fresh(Fresh::RoomEachCase)
            .json(json!({"user_id": "{bob}", "reason": "so"}))
            .stranger("user_id", nobody),
        Endpoint::of::<membership::invite_user::v3::Request>("invite_a_user_elsewhere")
            .fresh(Fresh::Room)
            .json(json!({"user_id": "@somebody:elsewhere.test"})),
        Endpoint::of::<membership::invite_user::v3::Request>("invite_a_banned_user")
            .fresh(Fresh::Room)
            .json(json!({"user_id": "{dave}"})),
        Endpoint::of::<membership::invite_user::v3::Request>("invite_by_mail").fresh(Fresh::Room).json(
            json!({"id_server": "id.test", "id_access_token": "nosuch", "medium": "email", "address": "a@example.org"}),
        ),
    ]
}

fn going() -> Vec<Endpoint> {
    let nobody = "@nobody:conformance.test";
    let reason = |user: &str| json!({"user_id": user, "reason": "so"});
    vec![
        Endpoint::of::<membership::leave_room::v3::Request>("leave_room")
            .fresh(Fresh::RoomEachCase)
            .json(json!({"reason": "so"})),
        Endpoint::of::<membership::forget_room::v3::Request>("forget_room").fresh(Fresh::RoomEachCase),
        Endpoint::of::<membership::kick_user::v3::Request>("kick_user")
            .fresh(Fresh::RoomEachCase)
            .json(reason("{erin}"))
            .stranger("user_id", nobody),
        Endpoint::of::<membership::kick_user::v3::Request>("kick_a_user_who_left")
            .fresh(Fresh::RoomEachCase)
            .json(reason("{carol}")),
        Endpoint::of::<membership::kick_user::v3::Request>("kick_a_banned_user")
            .fresh(Fresh::RoomEachCase)
            .json(reason("{dave}")),
        Endpoint::of::<membership::kick_user::v3::Request>("kick_oneself")
            .fresh(Fresh::RoomEachCase)
            .json(reason("{alice}")),
        Endpoint::of::<membership::ban_user::v3::Request>("ban_user")
            .fresh(Fresh::RoomEachCase)
            .json(reason("{carol}"))
            .stranger("user_id", nobody),
        Endpoint::of::<membership::ban_user::v3::Request>("ban_a_banned_user")
            .fresh(Fresh::RoomEachCase)
            .json(reason("{dave}")),
        Endpoint::of::<membership::unban_user::v3::Request>("unban_user")
            .fresh(Fresh::RoomEachCase)
            .json(reason("{dave}"))
            .stranger("user_id", nobody),
        Endpoint::of::<membership::unban_user::v3::Request>("unban_a_user_who_left")
            .fresh(Fresh::RoomEachCase)
            .json(reason("{carol}")),
    ]
}
