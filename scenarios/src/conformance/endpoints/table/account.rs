//! Accounts, profiles, account data, filters, presence, third-party identifiers.

use ruma::api::client::{account, config, filter, presence, profile, tag};
use serde_json::{Value, json};

use super::super::endpoint::Endpoint;

pub(super) fn endpoints() -> Vec<Endpoint> {
    [identity(), third_parties(), data(), profiles()].concat()
}

fn identity() -> Vec<Endpoint> {
    vec![
        Endpoint::of::<account::whoami::v3::Request>("whoami"),
        Endpoint::of::<account::register::v3::Request>("register")
            .json(json!({"username": "newcomer", "password": "correct-horse"})),
        Endpoint::of::<account::get_username_availability::v3::Request>("get_username_availability")
            .query("username", "somebody"),
        Endpoint::of::<account::get_username_availability::v3::Request>("get_username_availability_of_a_taken_name")
            .query("username", "alice"),
        Endpoint::of::<account::check_registration_token_validity::v1::Request>("check_registration_token_validity")
            .query("token", "nosuchtoken"),
        Endpoint::of::<account::request_openid_token::v3::Request>("request_openid_token").json(json!({})),
        Endpoint::of::<presence::set_presence::v3::Request>("set_presence")
            .json(json!({"presence": "unavailable", "status_msg": "away"})),
        Endpoint::of::<presence::get_presence::v3::Request>("get_presence"),
        Endpoint::of::<presence::get_presence::v3::Request>("get_presence_that_was_never_set").at("user_id", "{lou}"),
    ]
}

/// Third-party identifiers, of which a server without an identity server and without mail has none.
fn third_parties() -> Vec<Endpoint> {
    let email = json!({"client_secret": "secret", "email": "alice@example.org", "send_attempt": 1});
    let phone = json!({"client_secret": "secret", "country": "DE", "phone_number": "0301234567", "send_attempt": 1});
    let owned = json!({"medium": "email", "address": "alice@example.org"});
    vec![
        Endpoint::of::<account::get_3pids::v3::Request>("get_3pids"),
        Endpoint::of::<account::add_3pid::v3::Request>("add_3pid").json(json!({"client_secret": "secret", "sid": "1"})),
        Endpoint::of::<account::bind_3pid::v3::Request>("bind_3pid")
            .json(json!({"client_secret": "secret", "sid": "1", "id_server": "id.test", "id_access_token": "nosuch"})),
        Endpoint::of::<account::delete_3pid::v3::Request>("delete_3pid").json(owned.clone()),
        Endpoint::of::<account::unbind_3pid::v3::Request>("unbind_3pid").json(owned),
        Endpoint::of::<account::request_3pid_management_token_via_email::v3::Request>(
            "request_3pid_management_token_via_email",
        )
        .json(email.clone()),
        Endpoint::of::<account::request_3pid_management_token_via_msisdn::v3::Request>(
            "request_3pid_management_token_via_msisdn",
        )
        .json(phone.clone()),
        Endpoint::of::<account::request_password_change_token_via_email::v3::Request>(
            "request_password_change_token_via_email",
        )
        .json(email.clone()),
        Endpoint::of::<account::request_password_change_token_via_msisdn::v3::Request>(
            "request_password_change_token_via_msisdn",
        )
        .json(phone.clone()),
        Endpoint::of::<account::request_registration_token_via_email::v3::Request>(
            "request_registration_token_via_email",
        )
        .json(email),
        Endpoint::of::<account::request_registration_token_via_msisdn::v3::Request>(
            "request_registration_token_via_msisdn",
        )
        .json(phone),
    ]
}

fn data() -> Vec<Endpoint> {
    let of_ours = "org.example.setting";
    let order = || -> Value { json!({"order": 0.5}) };
    vec![
        Endpoint::of::<config::set_global_account_data::v3::Request>("set_global_account_data")
            .at("event_type", of_ours)
            .json(json!({"is": "so"})),
        Endpoint::of::<config::get_global_account_data::v3::Request>("get_global_account_data")
            .at("event_type", of_ours),
        Endpoint::of::<config::set_global_account_data::v3::Request>("set_push_rules_as_account_data")
            .at("event_type", "m.push_rules")
            .json(json!({"global": {}})),
        Endpoint::of::<config::set_room_account_data::v3::Request>("set_room_account_data")
            .at("event_type", of_ours)
            .json(json!({"is": "so"})),
        Endpoint::of::<config::get_room_account_data::v3::Request>("get_room_account_data").at("event_type", of_ours),
        Endpoint::of::<tag::create_tag::v3::Request>("create_tag").json(order()),
        Endpoint::of::<tag::get_tags::v3::Request>("get_tags"),
        Endpoint::of::<tag::delete_tag::v3::Request>("delete_tag"),
        Endpoint::of::<filter::create_filter::v3::Request>("create_filter")
            .json(json!({"room": {"timeline": {"limit": 5}}, "event_fields": ["type"]})),
        Endpoint::of::<filter::get_filter::v3::Request>("get_filter"),
    ]
}

fn profiles() -> Vec<Endpoint> {
    vec![
        Endpoint::of::<profile::set_display_name::v3::Request>("set_display_name")
            .json(json!({"displayname": "Alice"})),
        Endpoint::of::<profile::get_display_name::v3::Request>("get_display_name"),
        Endpoint::of::<profile::set_avatar_url::v3::Request>("set_avatar_url")
            .json(json!({"avatar_url": "mxc://conformance.test/face"})),
        Endpoint::of::<profile::get_avatar_url::v3::Request>("get_avatar_url"),
        Endpoint::of::<profile::get_profile::v3::Request>("get_profile"),
        Endpoint::of::<profile::set_profile_field::v3::Request>("set_profile_field")
            .at("field", "org.example.colour")
            .json(json!({"org.example.colour": "red"})),
        Endpoint::of::<profile::get_profile_field::v3::Request>("get_profile_field").at("field", "org.example.colour"),
        Endpoint::of::<profile::delete_profile_field::v3::Request>("delete_profile_field")
            .at("field", "org.example.colour"),
        Endpoint::of::<profile::set_profile_field::v3::Request>("set_time_zone")
            .at("field", "m.tz")
            .json(json!({"m.tz": "Europe/Berlin"})),
    ]
}
