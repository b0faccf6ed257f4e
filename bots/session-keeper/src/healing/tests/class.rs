//! What each answer of a homeserver proves. Bodies are as real servers send them.

use std::time::Duration;

use proptest::prelude::*;
use rstest::rstest;
use ruma_common::owned_user_id;

use crate::{
    healing::{AccountBlock, Answer, Asked, Class, Expected, classify, login_flows},
    secret::Secret,
};

fn answer(status: u16, body: &str) -> Result<Answer, String> {
    Ok(Answer {
        status,
        body: body.to_owned(),
        ..Answer::default()
    })
}

fn error(errcode: &str) -> String {
    format!(r#"{{"errcode":"{errcode}","error":"words"}}"#)
}

fn name(class: &Class) -> &'static str {
    match class {
        Class::Alive { .. } => "alive",
        Class::LoggedIn { .. } => "logged in",
        Class::Refreshed { .. } => "refreshed",
        Class::WrongUser { .. } => "wrong user",
        Class::Done(_) => "done",
        Class::Dead => "dead",
        Class::Limited(_) => "limited",
        Class::Unreachable(_) => "unreachable",
        Class::AccountBlocked(AccountBlock::Deactivated) => "deactivated",
        Class::AccountBlocked(AccountBlock::Locked) => "locked",
        Class::AccountBlocked(AccountBlock::Suspended) => "suspended",
        Class::AccountBlocked(AccountBlock::Expired) => "expired",
        Class::AccountBlocked(AccountBlock::Unapproved) => "unapproved",
        Class::Blocked(_) => "blocked",
        Class::WayBroken(_) => "way broken",
        Class::Redirected(_) => "redirected",
        Class::NoPasswords(_) => "no passwords",
        Class::Refused(_) => "refused",
        Class::Other { .. } => "other",
    }
}

const BOT: &str = r#"{"user_id":"@bot:x","device_id":"D","is_guest":false}"#;
const OTHER: &str = r#"{"user_id":"@other:x","device_id":"D"}"#;
const LOGIN: &str = r#"{"user_id":"@bot:x","device_id":"D","access_token":"t"}"#;
const LOGIN_OTHER: &str = r#"{"user_id":"@other:x","device_id":"D","access_token":"t"}"#;

#[rstest]
#[case::alive(Asked::Whoami, 200, BOT.to_owned(), "alive")]
#[case::another_user(Asked::Whoami, 200, OTHER.to_owned(), "wrong user")]
#[case::unknown(Asked::Whoami, 401, error("M_UNKNOWN_TOKEN"), "dead")]
#[case::soft(Asked::Whoami, 401, r#"{"errcode":"M_UNKNOWN_TOKEN","error":"","soft_logout":true}"#.to_owned(), "dead")]
#[case::missing(Asked::Whoami, 401, error("M_MISSING_TOKEN"), "way broken")]
#[case::call_missing(Asked::Other, 401, error("M_MISSING_TOKEN"), "way broken")]
#[case::gone(Asked::Whoami, 410, error("M_UNKNOWN_TOKEN"), "dead")]
#[case::consent(Asked::Whoami, 403, error("M_CONSENT_NOT_GIVEN"), "blocked")]
#[case::login_consent(Asked::Login, 403, error("M_CONSENT_NOT_GIVEN"), "blocked")]
#[case::login_resources(Asked::Login, 403, error("M_RESOURCE_LIMIT_EXCEEDED"), "blocked")]
#[case::login_redirected(Asked::Login, 307, error("M_UNKNOWN"), "redirected")]
#[case::login_deactivated(Asked::Login, 400, error("M_USER_DEACTIVATED"), "deactivated")]
#[case::unauthorized(Asked::Whoami, 401, error("M_UNAUTHORIZED"), "dead")]
#[case::call_unauthorized(Asked::Other, 401, error("M_UNAUTHORIZED"), "dead")]
#[case::proxy_401(Asked::Whoami, 401, "<html>login</html>".to_owned(), "unreachable")]
#[case::proxy_401_json(Asked::Whoami, 401, r#"{"message":"no"}"#.to_owned(), "unreachable")]
#[case::forbidden_whoami(Asked::Whoami, 403, error("M_FORBIDDEN"), "other")]
#[case::guest_whoami(Asked::Whoami, 403, error("M_GUEST_ACCESS_FORBIDDEN"), "other")]
#[case::odd_whoami(Asked::Whoami, 400, error("M_UNKNOWN"), "other")]
#[case::unauthorized_by_another_name(Asked::Whoami, 401, error("M_FORBIDDEN"), "dead")]
#[case::unauthorized_without_a_name(Asked::Whoami, 401, error("M_UNKNOWN"), "dead")]
#[case::expired(Asked::Whoami, 403, error("ORG_MATRIX_EXPIRED_ACCOUNT"), "expired")]
#[case::login_expired(Asked::Login, 403, error("ORG_MATRIX_EXPIRED_ACCOUNT"), "expired")]
#[case::login_unapproved(Asked::Login, 403, error("ORG.MATRIX.MSC3866_USER_AWAITING_APPROVAL"), "unapproved")]
#[case::wrong_url(Asked::Whoami, 404, error("M_UNRECOGNIZED"), "unreachable")]
#[case::portal(Asked::Whoami, 200, "<html>welcome</html>".to_owned(), "unreachable")]
#[case::empty_200(Asked::Whoami, 200, String::new(), "unreachable")]
#[case::odd_200(Asked::Whoami, 200, r#"{"ok":true}"#.to_owned(), "unreachable")]
#[case::bad_gateway(Asked::Whoami, 502, "<html>502</html>".to_owned(), "unreachable")]
#[case::matrix_500(Asked::Whoami, 500, error("M_UNKNOWN"), "unreachable")]
#[case::dead_behind_500(Asked::Whoami, 503, error("M_UNKNOWN_TOKEN"), "unreachable")]
#[case::redirect(Asked::Whoami, 302, String::new(), "redirected")]
#[case::limited(Asked::Whoami, 429, error("M_LIMIT_EXCEEDED"), "limited")]
#[case::limited_html(Asked::Whoami, 429, "<html>slow</html>".to_owned(), "limited")]
#[case::locked(Asked::Whoami, 401, error("M_USER_LOCKED"), "locked")]
#[case::logged_in(Asked::Login, 200, LOGIN.to_owned(), "logged in")]
#[case::logged_in_as_another(Asked::Login, 200, LOGIN_OTHER.to_owned(), "wrong user")]
#[case::login_without_token(Asked::Login, 200, BOT.to_owned(), "other")]
#[case::login_without_user(Asked::Login, 200, r#"{"ok":true}"#.to_owned(), "unreachable")]
#[case::wrong_password(Asked::Login, 403, error("M_FORBIDDEN"), "refused")]
#[case::unknown_user(Asked::Login, 404, error("M_NOT_FOUND"), "refused")]
#[case::unknown_user_in_may(Asked::Login, 400, error("M_INVALID_PARAM"), "refused")]
#[case::deactivated(Asked::Login, 403, error("M_USER_DEACTIVATED"), "deactivated")]
#[case::login_locked(Asked::Login, 401, error("M_USER_LOCKED"), "locked")]
#[case::suspended(Asked::Login, 403, error("M_USER_SUSPENDED"), "suspended")]
#[case::login_unknown_token(Asked::Login, 401, error("M_UNKNOWN_TOKEN"), "other")]
#[case::login_outage(Asked::Login, 502, "<html>".to_owned(), "unreachable")]
#[case::login_router(Asked::Login, 404, error("M_UNRECOGNIZED"), "unreachable")]
#[case::login_odd(Asked::Login, 400, error("M_UNKNOWN"), "other")]
#[case::uia(Asked::Other, 401, r#"{"flows":[{"stages":["m.login.password"]}],"session":"s"}"#.to_owned(), "other")]
#[case::uia_wrong(Asked::Other, 401, r#"{"flows":[],"errcode":"M_UNAUTHORIZED","session":"s"}"#.to_owned(), "other")]
#[case::refreshed(Asked::Refresh, 200, r#"{"access_token":"t","refresh_token":"r","expires_in_ms":300000}"#.to_owned(), "refreshed")]
#[case::refreshed_without_another(Asked::Refresh, 200, r#"{"access_token":"t"}"#.to_owned(), "refreshed")]
#[case::refresh_without_a_token(Asked::Refresh, 200, "{}".to_owned(), "unreachable")]
#[case::refresh_without_words(Asked::Refresh, 200, r#"{"access_token":""}"#.to_owned(), "unreachable")]
#[case::refresh_unknown(Asked::Refresh, 401, error("M_UNKNOWN_TOKEN"), "dead")]
#[case::refresh_used(Asked::Refresh, 403, error("M_FORBIDDEN"), "dead")]
#[case::refresh_missing(Asked::Refresh, 401, error("M_MISSING_TOKEN"), "dead")]
#[case::refresh_odd(Asked::Refresh, 400, error("M_UNKNOWN"), "dead")]
#[case::refresh_not_offered(Asked::Refresh, 404, error("M_UNRECOGNIZED"), "dead")]
#[case::refresh_not_offered_by_a_gateway(Asked::Refresh, 502, error("M_UNRECOGNIZED"), "unreachable")]
#[case::refresh_not_offered_by_a_broken_server(Asked::Refresh, 500, error("M_UNRECOGNIZED"), "unreachable")]
#[case::refresh_page(Asked::Refresh, 404, "<html>".to_owned(), "unreachable")]
#[case::refresh_outage(Asked::Refresh, 503, error("M_UNKNOWN_TOKEN"), "unreachable")]
#[case::refresh_limited(Asked::Refresh, 429, error("M_LIMIT_EXCEEDED"), "limited")]
#[case::refresh_locked(Asked::Refresh, 401, error("M_USER_LOCKED"), "locked")]
#[case::refresh_uia(Asked::Refresh, 401, r#"{"flows":[],"session":"s"}"#.to_owned(), "unreachable")]
#[case::done(Asked::Other, 200, "{}".to_owned(), "done")]
fn an_answer_proves(#[case] asked: Asked, #[case] status: u16, #[case] body: String, #[case] class: &str) {
    let expected = Expected::User(owned_user_id!("@bot:x"));
    assert_eq!(name(&classify(asked, &expected, &answer(status, &body))), class);
}

#[test]
fn what_is_logged_of_an_answer_names_what_it_proves() {
    let limited = Class::Limited(Duration::from_secs(7));
    assert_eq!(format!("{:?} {limited:?}", Class::Dead), "Dead Limited(7s)");
    let shown = format!("{:?}", answer(401, "{}").unwrap());
    assert!(shown.contains("401") && shown.contains("body_bytes: 2"), "{shown}");
}

#[test]
fn a_page_of_something_on_the_way_is_told_from_an_answer() {
    let class = classify(Asked::Whoami, &Expected::Anyone, &answer(200, "<html>welcome</html>"));
    let why = "HTTP 200 with a body that is not from a Matrix server";
    assert_eq!(class, Class::Unreachable(why.to_owned()));
}

/// Only what a login has just made is to be logged out again: a token that came from elsewhere is somebody's.
#[test]
fn another_users_token_is_handed_on_where_a_login_made_it() {
    let expected = Expected::User(owned_user_id!("@bot:x"));
    for (asked, made) in [(Asked::Login, Some(Secret::new("t"))), (Asked::Whoami, None)] {
        let wrong_user = Class::WrongUser {
            user: owned_user_id!("@other:x"),
            token: made,
        };
        assert_eq!(classify(asked, &expected, &answer(200, LOGIN_OTHER)), wrong_user);
    }
}

#[rstest]
#[case(
    Asked::Login,
    r#"{"user_id":"@bot:x","device_id":"D","access_token":"t","refresh_token":"r"}"#,
    Some("r")
)]
#[case(
    Asked::Login,
    r#"{"user_id":"@bot:x","device_id":"D","access_token":"t","refresh_token":""}"#,
    None
)]
#[case(Asked::Login, LOGIN, None)]
#[case(Asked::Refresh, r#"{"access_token":"t","refresh_token":"r"}"#, Some("r"))]
#[case(Asked::Refresh, r#"{"access_token":"t"}"#, None)]
fn the_next_refresh_token_is_kept(#[case] asked: Asked, #[case] body: &str, #[case] wanted: Option<&str>) {
    let (Class::LoggedIn { token, refresh, .. } | Class::Refreshed { token, refresh }) =
        classify(asked, &Expected::Anyone, &answer(200, body))
    else {
        panic!("{body}")
    };
    assert_eq!((token.expose(), refresh.as_ref().map(Secret::expose)), ("t", wanted));
}

#[test]
fn no_answer_proves_nothing() {
    let class = classify(Asked::Login, &Expected::Anyone, &Err("connection refused".to_owned()));
    assert_eq!(class, Class::Unreachable("connection refused".to_owned()));
}

#[rstest]
#[case(Some(7), "{}", 7_000)]
#[case(None, r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1500}"#, 1_500)]
#[case(Some(1), r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1500}"#, 1_500)]
#[case(None, "{}", 2_000)]
#[case(Some(999_999_999), "{}", 3_600_000)]
fn the_servers_delay_is_kept(#[case] header: Option<u64>, #[case] body: &str, #[case] milliseconds: u64) {
    let answer = Answer {
        status: 429,
        retry_after: header.map(Duration::from_secs),
        body: body.to_owned(),
        ..Answer::default()
    };
    let class = classify(Asked::Whoami, &Expected::Anyone, &Ok(answer));
    assert_eq!(class, Class::Limited(Duration::from_millis(milliseconds)));
}

/// A device without a name is none: its folder would be that of all devices.
#[rstest]
#[case("")]
#[case(r#","device_id":"""#)]
#[case(r#","device_id":null"#)]
#[case(r#","device_id":7"#)]
fn a_token_of_no_device_is_known_as_one(#[case] device: &str) {
    let body = format!(r#"{{"user_id":"@bot:x"{device}}}"#);
    let class = classify(Asked::Whoami, &Expected::Anyone, &answer(200, &body));
    let alive = Class::Alive {
        user: owned_user_id!("@bot:x"),
        device: None,
    };
    assert_eq!(class, alive);
    let body = format!(r#"{{"user_id":"@bot:x","access_token":"t"{device}}}"#);
    let class = classify(Asked::Login, &Expected::Anyone, &answer(200, &body));
    assert!(
        matches!(class, Class::Other { status: 200, .. }),
        "another login would bring the same: {class:?}"
    );
}

#[test]
fn a_token_too_long_for_the_server_is_of_no_use() {
    let class = classify(Asked::Whoami, &Expected::Anyone, &answer(431, ""));
    assert_eq!(class, Class::Dead);
}

#[rstest]
#[case::passwords(200, r#"{"flows":[{"type":"m.login.password"}]}"#, Some(vec!["m.login.password"]))]
#[case::none(200, r#"{"flows":[]}"#, Some(vec![]))]
#[case::sso(200, r#"{"flows":[{"type":"m.login.sso"},{"type":"m.login.token"}]}"#, Some(vec!["m.login.sso", "m.login.token"]))]
#[case::portal(200, "<html>welcome</html>", None)]
#[case::odd(200, r#"{"ok":true}"#, None)]
#[case::down(502, r#"{"flows":[]}"#, None)]
#[case::no_such_path(404, r#"{"errcode":"M_UNRECOGNIZED","error":"no"}"#, Some(vec![]))]
#[case::no_such_method(405, r#"{"errcode":"M_UNRECOGNIZED","error":"no"}"#, Some(vec![]))]
#[case::not_implemented(501, r#"{"errcode":"M_UNRECOGNIZED","error":"no"}"#, Some(vec![]))]
#[case::not_found(404, r#"{"errcode":"M_NOT_FOUND","error":"no"}"#, Some(vec![]))]
#[case::forbidden(403, r#"{"errcode":"M_FORBIDDEN","error":"no"}"#, Some(vec![]))]
#[case::wants_a_token(401, r#"{"errcode":"M_MISSING_TOKEN","error":"no"}"#, Some(vec![]))]
#[case::busy(429, r#"{"errcode":"M_LIMIT_EXCEEDED","error":"no"}"#, None)]
#[case::broken(500, r#"{"errcode":"M_UNRECOGNIZED","error":"no"}"#, None)]
#[case::page_404(404, "<html>not here</html>", None)]
#[case::elsewhere(302, "", None)]
fn the_ways_to_log_in_are_read(#[case] status: u16, #[case] body: &str, #[case] flows: Option<Vec<&str>>) {
    let flows = flows.map(|flows| flows.into_iter().map(ToOwned::to_owned).collect::<Vec<_>>());
    assert_eq!(login_flows(&answer(status, body)), flows);
}

#[rstest]
#[case(Expected::Anyone, true)]
#[case(Expected::Localpart("bot".to_owned()), true)]
#[case(Expected::Localpart("Bot".to_owned()), true)]
#[case(Expected::Localpart("other".to_owned()), false)]
#[case(Expected::User(owned_user_id!("@bot:x")), true)]
#[case(Expected::User(owned_user_id!("@bot:y")), false)]
fn only_the_wanted_user_is_admitted(#[case] expected: Expected, #[case] admits: bool) {
    assert_eq!(expected.admits(&owned_user_id!("@bot:x")), admits);
}

proptest! {
    #[test]
    fn a_body_that_is_not_json_never_proves_a_token_dead(status in 100u16..600, body in "[^{]{0,40}") {
        prop_assume!(status != 431);
        for asked in [Asked::Whoami, Asked::Login, Asked::Refresh, Asked::Other] {
            let class = classify(asked, &Expected::Anyone, &answer(status, &body));
            prop_assert!(
                matches!(class, Class::Unreachable(_) | Class::Limited(_) | Class::Redirected(_)),
                "{class:?}"
            );
        }
    }

    #[test]
    fn a_server_error_never_proves_a_token_dead(status in 500u16..600, code in "M_[A-Z_]{3,20}") {
        let class = classify(Asked::Whoami, &Expected::Anyone, &answer(status, &error(&code)));
        prop_assert!(matches!(class, Class::Unreachable(_) | Class::AccountBlocked(_)), "{class:?}");
    }

    #[test]
    fn secrets_of_an_answer_are_not_shown(token in "[a-zA-Z0-9]{20,40}") {
        let body = format!(r#"{{"user_id":"@bot:x","device_id":"D","access_token":"{token}"}}"#);
        let class = classify(Asked::Login, &Expected::Anyone, &answer(200, &body));
        let shown = format!("{class:?}");
        prop_assert!(!shown.contains(&token));
        let secret = format!("https://user:{token}@hs.example/x?token={token}");
        for status in [200, 307, 401, 404, 500] {
            let answer = Answer { status, location: Some(secret.clone()), body: body.clone(), ..Answer::default() };
            let shown = format!("{answer:?}");
            prop_assert!(!shown.contains(&token));
            for asked in [Asked::Whoami, Asked::Login, Asked::Refresh, Asked::Other] {
                let class = classify(asked, &Expected::Anyone, &Ok(answer.clone()));
                let shown = format!("{class:?}");
                prop_assert!(!shown.contains(&token), "{}", status);
            }
        }
    }
}
