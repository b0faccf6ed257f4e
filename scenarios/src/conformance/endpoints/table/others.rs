//! Discovery, media, push, directories of users, and what few servers have.

use ruma::api::client::{
    admin, appservice, authenticated_media, discovery, media, push, reporting, session, sync, thirdparty, uiaa,
    user_directory, voip,
};
use serde_json::json;

use super::super::endpoint::Endpoint;

/// A picture of one dot.
const PICTURE: &[u8] =
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\
    \x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82";

/// What is asked before the others have left their traces: syncs.
pub(super) fn quiet() -> Vec<Endpoint> {
    vec![
        Endpoint::of::<sync::sync_events::v3::Request>("sync_events")
            .by("sam")
            .query("timeout", "0")
            .query("since", "{sync}")
            .query("full_state", "true")
            .query("set_presence", "online")
            .query("filter", r#"{"room":{"timeline":{"limit":5}}}"#),
        Endpoint::of::<sync::sync_events::v3::Request>("sync_events_from_the_start").by("sam"),
        Endpoint::of::<sync::sync_events::v5::Request>("sliding_sync").by("sam").json(json!({
            "conn_id": "{case}", "lists": {"all": {"ranges": [[0, 9]], "timeline_limit": 3, "required_state": [["m.room.create", ""]]}},
            "room_subscriptions": {}, "extensions": {},
        })),
    ]
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    [discoveries(), media_with_token(), media_without(), rules(), few()].concat()
}

fn discoveries() -> Vec<Endpoint> {
    vec![
        Endpoint::of::<discovery::get_supported_versions::Request>("get_supported_versions"),
        Endpoint::of::<discovery::get_capabilities::v3::Request>("get_capabilities"),
        Endpoint::of::<discovery::discover_homeserver::Request>("discover_homeserver"),
        Endpoint::of::<discovery::discover_support::Request>("discover_support"),
        Endpoint::of::<discovery::discover_policy_server::Request>("discover_policy_server"),
        Endpoint::of::<discovery::get_authorization_server_metadata::v1::Request>("get_authorization_server_metadata"),
        Endpoint::of::<session::get_login_types::v3::Request>("get_login_types"),
        Endpoint::of::<session::login_fallback::Request>("login_fallback"),
        Endpoint::of::<session::sso_login::v3::Request>("sso_login").query("redirectUrl", "http://client.test/"),
        Endpoint::of::<session::sso_login_with_provider::v3::Request>("sso_login_with_provider")
            .query("redirectUrl", "http://client.test/"),
        Endpoint::of::<uiaa::get_uiaa_fallback_page::v3::Request>("get_uiaa_fallback_page")
            .at("auth_type", "m.login.dummy")
            .query("session", "nosuch"),
        Endpoint::of::<user_directory::search_users::v3::Request>("search_users")
            .json(json!({"search_term": "alice", "limit": 5})),
        Endpoint::of::<user_directory::search_users::v3::Request>("search_users_of_no_name")
            .json(json!({"search_term": "nosuchname"})),
    ]
}

fn media_with_token() -> Vec<Endpoint> {
    use authenticated_media as media;
    vec![
        Endpoint::of::<media::get_media_config::v1::Request>("get_media_config"),
        Endpoint::of::<media::get_content::v1::Request>("get_content").query("timeout_ms", "100"),
        Endpoint::of::<media::get_content_as_filename::v1::Request>("get_content_as_filename"),
        Endpoint::of::<media::get_content_thumbnail::v1::Request>("get_content_thumbnail")
            .query("width", "32")
            .query("height", "32")
            .query("method", "scale")
            .query("timeout_ms", "100"),
        Endpoint::of::<media::get_media_preview::v1::Request>("get_media_preview")
            .query("url", "http://127.0.0.1:9/")
            .query("ts", "0"),
    ]
}

#[expect(deprecated, reason = "older clients ask for media without a token")]
fn media_without() -> Vec<Endpoint> {
    vec![
        Endpoint::of::<media::create_content::v3::Request>("create_content")
            .query("filename", "dot.png")
            .bytes(PICTURE),
        Endpoint::of::<media::create_mxc_uri::v1::Request>("create_mxc_uri"),
        Endpoint::of::<media::create_content_async::v3::Request>("create_content_async").bytes(PICTURE),
        Endpoint::of::<media::get_media_config::v3::Request>("old_get_media_config"),
        Endpoint::of::<media::get_content::v3::Request>("old_get_content"),
        Endpoint::of::<media::get_content_as_filename::v3::Request>("old_get_content_as_filename"),
        Endpoint::of::<media::get_content_thumbnail::v3::Request>("old_get_content_thumbnail")
            .query("width", "32")
            .query("height", "32"),
        Endpoint::of::<media::get_media_preview::v3::Request>("old_get_media_preview")
            .query("url", "http://127.0.0.1:9/"),
    ]
}

fn rules() -> Vec<Endpoint> {
    let pusher = json!({
        "app_id": "app", "pushkey": "key", "kind": "http", "app_display_name": "App", "device_display_name": "Desk", "lang": "en",
        "data": {"url": "http://push.test/_matrix/push/v1/notify"},
    });
    let own = |endpoint: Endpoint| endpoint.at("kind", "content").at("rule_id", "own");
    vec![
        Endpoint::of::<push::get_pushrules_all::v3::Request>("get_pushrules_all"),
        Endpoint::of::<push::get_pushrules_global_scope::v3::Request>("get_pushrules_global_scope"),
        own(Endpoint::of::<push::set_pushrule::v3::Request>("set_pushrule"))
            .json(json!({"actions": ["notify"], "pattern": "hello"})),
        Endpoint::of::<push::set_pushrule::v3::Request>("set_a_default_pushrule")
            .json(json!({"actions": ["notify"], "conditions": []})),
        own(Endpoint::of::<push::get_pushrule::v3::Request>("get_pushrule")),
        Endpoint::of::<push::get_pushrule::v3::Request>("get_a_default_pushrule"),
        own(Endpoint::of::<push::set_pushrule_actions::v3::Request>(
            "set_pushrule_actions",
        ))
        .json(json!({"actions": ["notify"]})),
        own(Endpoint::of::<push::get_pushrule_actions::v3::Request>(
            "get_pushrule_actions",
        )),
        own(Endpoint::of::<push::set_pushrule_enabled::v3::Request>(
            "set_pushrule_enabled",
        ))
        .json(json!({"enabled": false})),
        own(Endpoint::of::<push::get_pushrule_enabled::v3::Request>(
            "get_pushrule_enabled",
        )),
        own(Endpoint::of::<push::delete_pushrule::v3::Request>("delete_pushrule")),
        Endpoint::of::<push::delete_pushrule::v3::Request>("delete_a_default_pushrule"),
        Endpoint::of::<push::set_pusher::v3::Request>("set_pusher").json(pusher),
        Endpoint::of::<push::get_pushers::v3::Request>("get_pushers"),
        Endpoint::of::<push::set_pusher::v3::Request>("remove_pusher")
            .json(json!({"app_id": "app", "pushkey": "key", "kind": null})),
        Endpoint::of::<push::get_notifications::v3::Request>("get_notifications")
            .query("limit", "5")
            .query("only", "highlight")
            .query("from", "nosuch"),
        Endpoint::of::<push::get_notifications::v3::Request>("get_notifications_from_the_start"),
    ]
}

/// What servers have for administrators, application services and bridges.
fn few() -> Vec<Endpoint> {
    vec![
        Endpoint::of::<voip::get_turn_server_info::v3::Request>("get_turn_server_info"),
        Endpoint::of::<thirdparty::get_protocols::v3::Request>("get_protocols"),
        Endpoint::of::<thirdparty::get_protocol::v3::Request>("get_protocol"),
        Endpoint::of::<thirdparty::get_location_for_protocol::v3::Request>("get_location_for_protocol"),
        Endpoint::of::<thirdparty::get_location_for_room_alias::v3::Request>("get_location_for_room_alias")
            .query("alias", "{alias}"),
        Endpoint::of::<thirdparty::get_user_for_protocol::v3::Request>("get_user_for_protocol"),
        Endpoint::of::<thirdparty::get_user_for_user_id::v3::Request>("get_user_for_user_id")
            .query("userid", "{alice}"),
        Endpoint::of::<admin::get_user_info::v3::Request>("get_user_info")
            .by("bob")
            .at("user_id", "{bob}"),
        Endpoint::of::<admin::is_user_locked::v1::Request>("is_user_locked").by("bob"),
        Endpoint::of::<admin::is_user_suspended::v1::Request>("is_user_suspended").by("bob"),
        Endpoint::of::<admin::lock_user::v1::Request>("lock_user")
            .by("bob")
            .at("user_id", "{lou}")
            .json(json!({"locked": false})),
        Endpoint::of::<admin::suspend_user::v1::Request>("suspend_user")
            .by("bob")
            .at("user_id", "{lou}")
            .json(json!({"suspended": false})),
        Endpoint::of::<reporting::report_user::v3::Request>("report_user")
            .at("user_id", "{bob}")
            .json(json!({"reason": "so"})),
        Endpoint::of::<appservice::request_ping::v1::Request>("request_ping").json(json!({"transaction_id": "one"})),
        Endpoint::of::<appservice::set_room_visibility::v3::Request>("set_network_room_visibility")
            .json(json!({"visibility": "public"})),
    ]
}
