use serde_json::json;

use super::pick::outcome;
use crate::conformance::step::{Step, delete, get, post, put, register};

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn steps() -> Vec<Step> {
    let alias = "/v3/directory/room/%23lobby-1%3Aconformance.test";
    vec![
        register("the_owner_registers", "adam"),
        register("a_guest_registers", "gaby"),
        post(
            "a_room_with_an_alias_is_made",
            "/v3/createRoom",
            json!({"preset": "public_chat", "room_version": "11", "room_alias_name": "lobby-1"}),
        )
        .by("adam")
        .save("lobby", "/room_id")
        .only(&["/errcode"]),
        get("the_alias_leads_to_the_room", alias).by("gaby"),
        get(
            "the_alias_is_the_canonical_one",
            "/v3/rooms/{lobby}/state/m.room.canonical_alias",
        )
        .by("adam"),
        post(
            "an_alias_that_is_taken_is_refused",
            "/v3/createRoom",
            json!({"room_alias_name": "lobby-1"}),
        )
        .by("adam")
        .only(&["/errcode"]),
        get(
            "an_unknown_alias_is_not_found",
            "/v3/directory/room/%23nosuch%3Aconformance.test",
        )
        .by("gaby")
        .only(&["/errcode"]),
        put(
            "another_alias_is_set",
            "/v3/directory/room/%23lobby-2%3Aconformance.test",
            json!({"room_id": "{lobby}"}),
        )
        .by("adam"),
        put(
            "an_alias_that_is_set_is_not_set_again",
            alias,
            json!({"room_id": "{lobby}"}),
        )
        .by("adam")
        .only(&["/errcode"]),
        get("the_rooms_aliases_are_listed", "/v3/rooms/{lobby}/aliases")
            .by("adam")
            .pick(|body| super::pick::rows(body, "/aliases", &[""])),
        post(
            "a_guest_joins_by_the_alias",
            "/v3/join/%23lobby-1%3Aconformance.test",
            json!({}),
        )
        .by("gaby"),
        delete("a_guest_cannot_remove_an_alias", alias).by("gaby").pick(outcome),
        delete(
            "the_owner_removes_an_alias",
            "/v3/directory/room/%23lobby-2%3Aconformance.test",
        )
        .by("adam"),
        get(
            "a_removed_alias_is_not_found",
            "/v3/directory/room/%23lobby-2%3Aconformance.test",
        )
        .by("adam")
        .only(&["/errcode"]),
        get("a_room_is_not_listed_by_default", "/v3/directory/list/room/{lobby}").by("adam"),
        put(
            "a_room_is_listed",
            "/v3/directory/list/room/{lobby}",
            json!({"visibility": "public"}),
        )
        .by("adam")
        .decided_by("publishes_rooms"),
        get("a_listed_room_is_in_the_directory", "/v3/publicRooms")
            .by("gaby")
            .pick(|body| {
                super::pick::rows(
                    body,
                    "/chunk",
                    &["/room_id", "/canonical_alias", "/num_joined_members", "/join_rule"],
                )
            })
            .decided_by("publishes_rooms"),
        put(
            "a_room_is_unlisted",
            "/v3/directory/list/room/{lobby}",
            json!({"visibility": "private"}),
        )
        .by("adam"),
        get("an_unlisted_room_is_not_in_the_directory", "/v3/publicRooms")
            .by("gaby")
            .pick(|body| super::pick::rows(body, "/chunk", &["/room_id"])),
    ]
}
