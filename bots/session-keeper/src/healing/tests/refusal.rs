//! What each refused request means, whoever made it. Bodies are as real servers send them.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use crate::healing::{About, AccountBlock, Blocker, No, Refusal, Reply, refusal, retry_after};

fn error(errcode: &str) -> Value {
    json!({ "errcode": errcode, "error": "words" })
}

fn classed(about: About, status: u16, body: &Value) -> Refusal {
    let reply = Reply {
        status,
        body,
        retry_after: None,
        location: None,
    };
    refusal(about, &reply)
}

fn name(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Final(_) => "final",
        Refusal::Operator(Blocker::Account(AccountBlock::Deactivated)) => "deactivated",
        Refusal::Operator(Blocker::Account(AccountBlock::Locked)) => "locked",
        Refusal::Operator(Blocker::Account(AccountBlock::Suspended)) => "suspended",
        Refusal::Operator(Blocker::Account(AccountBlock::Expired)) => "expired",
        Refusal::Operator(Blocker::Account(AccountBlock::Unapproved)) => "unapproved",
        Refusal::Operator(Blocker::Consent { .. }) => "consent",
        Refusal::Operator(Blocker::ResourceLimit { .. }) => "resource limit",
        Refusal::Operator(Blocker::Forbidden(_)) => "forbidden",
        Refusal::Operator(Blocker::UnknownRoom(_)) => "unknown room",
        Refusal::Transient(_) => "transient",
        Refusal::Limited(_) => "limited",
        Refusal::DeadToken => "dead token",
        Refusal::WayBroken(_) => "way broken",
        Refusal::Redirected(_) => "redirected",
        Refusal::Interactive => "interactive",
    }
}

#[rstest]
// Final.
#[case::room_in_use(400, error("M_ROOM_IN_USE"), "final")]
#[case::alias_taken(409, error("M_UNKNOWN"), "final")]
#[case::bad_json(400, error("M_BAD_JSON"), "final")]
#[case::invalid(400, error("M_INVALID_PARAM"), "final")]
#[case::unknown(400, error("M_UNKNOWN"), "final")]
#[case::too_large(413, error("M_TOO_LARGE"), "final")]
#[case::custom(418, error("IO.EXAMPLE.TEAPOT"), "final")]
// For the operator.
#[case::power(403, error("M_FORBIDDEN"), "forbidden")]
#[case::no_power_by_another_status(400, error("M_FORBIDDEN"), "forbidden")]
#[case::rule_of_the_server(403, error("M_UNKNOWN"), "forbidden")]
#[case::room(404, error("M_NOT_FOUND"), "unknown room")]
#[case::room_gone(410, error("M_UNKNOWN"), "unknown room")]
#[case::room_by_another_status(400, error("M_NOT_FOUND"), "unknown room")]
#[case::consent(403, error("M_CONSENT_NOT_GIVEN"), "consent")]
#[case::consent_by_another_status(451, error("M_CONSENT_NOT_GIVEN"), "consent")]
#[case::resources(403, error("M_RESOURCE_LIMIT_EXCEEDED"), "resource limit")]
#[case::resources_by_another_status(400, error("M_RESOURCE_LIMIT_EXCEEDED"), "resource limit")]
#[case::resources_as_limit(429, error("M_RESOURCE_LIMIT_EXCEEDED"), "resource limit")]
#[case::deactivated(403, error("M_USER_DEACTIVATED"), "deactivated")]
#[case::deactivated_as_401(401, error("M_USER_DEACTIVATED"), "deactivated")]
#[case::locked(401, error("M_USER_LOCKED"), "locked")]
#[case::locked_as_403(403, error("M_USER_LOCKED"), "locked")]
#[case::suspended(403, error("M_USER_SUSPENDED"), "suspended")]
#[case::suspended_as_401(401, error("M_USER_SUSPENDED"), "suspended")]
#[case::expired(403, error("ORG_MATRIX_EXPIRED_ACCOUNT"), "expired")]
#[case::unapproved(403, error("M_USER_AWAITING_APPROVAL"), "unapproved")]
#[case::unapproved_before_its_time(403, error("ORG.MATRIX.MSC3866_USER_AWAITING_APPROVAL"), "unapproved")]
#[case::suspended_before_its_time(403, error("ORG.MATRIX.MSC3823.USER_ACCOUNT_SUSPENDED"), "suspended")]
// Transient.
#[case::matrix_500(500, error("M_UNKNOWN"), "transient")]
#[case::dead_behind_500(503, error("M_UNKNOWN_TOKEN"), "transient")]
#[case::gateway(502, Value::Null, "transient")]
#[case::timed_out(408, error("M_UNKNOWN"), "transient")]
#[case::page_403(403, Value::Null, "transient")]
#[case::page_404(404, Value::Null, "transient")]
#[case::page_401(401, json!({ "message": "no" }), "transient")]
#[case::wrong_url(404, error("M_UNRECOGNIZED"), "transient")]
#[case::wrong_method(405, error("M_UNRECOGNIZED"), "transient")]
#[case::limited(429, error("M_LIMIT_EXCEEDED"), "limited")]
#[case::limited_by_a_proxy(429, Value::Null, "limited")]
#[case::limited_by_another_status(403, error("M_LIMIT_EXCEEDED"), "limited")]
// The token and the way.
#[case::unknown_token(401, error("M_UNKNOWN_TOKEN"), "dead token")]
#[case::unknown_token_as_403(403, error("M_UNKNOWN_TOKEN"), "dead token")]
#[case::unknown_token_as_404(404, error("M_UNKNOWN_TOKEN"), "dead token")]
#[case::unknown_token_as_410(410, error("M_UNKNOWN_TOKEN"), "dead token")]
#[case::unauthorized(401, error("M_UNAUTHORIZED"), "dead token")]
#[case::unauthorized_dead(
    401,
    json!({ "errcode": "M_UNAUTHORIZED", "error": "Unauthorized: Invalid access token." }),
    "dead token"
)]
#[case::missing(401, error("M_MISSING_TOKEN"), "way broken")]
#[case::missing_as_403(403, error("M_MISSING_TOKEN"), "way broken")]
#[case::unauthorized_missing(
    401,
    json!({
        "errcode": "M_UNAUTHORIZED",
        "error": "Unauthorized: Failed to extract authorization: no access token found, but this endpoint requires one",
    }),
    "way broken"
)]
#[case::unauthorized_elsewhere(403, error("M_UNAUTHORIZED"), "forbidden")]
#[case::redirect(302, Value::Null, "redirected")]
#[case::redirect_with_a_body(307, error("M_UNKNOWN"), "redirected")]
#[case::uia(401, json!({ "flows": [], "session": "s" }), "interactive")]
#[case::uia_failed(401, json!({ "flows": [], "errcode": "M_FORBIDDEN", "session": "s" }), "interactive")]
fn a_refusal_of_something_in_a_room_is(#[case] status: u16, #[case] body: Value, #[case] class: &str) {
    assert_eq!(name(&classed(About::Room, status, &body)), class);
}

#[test]
fn what_is_missing_outside_a_room_stays_missing() {
    for status in [404, 410] {
        assert_eq!(name(&classed(About::Other, status, &error("M_NOT_FOUND"))), "final");
    }
}

#[test]
fn a_blocked_account_tells_where_the_cure_is() {
    let consent = json!({ "errcode": "M_CONSENT_NOT_GIVEN", "error": "", "consent_uri": "https://hs/consent?u=bot" });
    let limit = json!({ "errcode": "M_RESOURCE_LIMIT_EXCEEDED", "error": "", "admin_contact": "mailto:admin@hs" });
    for (body, wanted) in [(consent, "https://hs/consent?u=bot"), (limit, "mailto:admin@hs")] {
        let Refusal::Operator(blocker) = classed(About::Other, 403, &body) else {
            panic!("{body}")
        };
        assert!(blocker.is_of_account());
        assert!(blocker.cure("@bot:hs").contains(wanted), "{blocker:?}");
    }
}

#[rstest]
#[case(
    "https://evil.example/_matrix/client/v3/login",
    "https://evil.example/_matrix/client/v3/login"
)]
#[case("https://user:word@other.example/x?token=abc#frag", "https://other.example/x")]
#[case("http://other.example", "http://other.example")]
#[case("/login?next=abc", "/login")]
fn a_redirection_is_told_without_what_a_log_must_not_hold(#[case] location: &str, #[case] told: &str) {
    let reply = Reply {
        status: 308,
        body: &Value::Null,
        retry_after: None,
        location: Some(location),
    };
    assert_eq!(refusal(About::Other, &reply), Refusal::Redirected(told.to_owned()));
}

#[test]
fn words_are_one_line_of_bounded_length_without_the_code_in_front() {
    let long = "x".repeat(1000);
    let body = json!({ "errcode": "M_FORBIDDEN", "error": format!("M_FORBIDDEN: M_FORBIDDEN: line\n\u{7}two {long}") });
    let Refusal::Operator(Blocker::Forbidden(no)) = classed(About::Room, 403, &body) else {
        panic!("{body}")
    };
    assert!(no.words.starts_with("line two x"), "{no}");
    assert_eq!(no.words.chars().count(), 200);
}

#[rstest]
#[case("7", Some(7))]
#[case(" 1800 ", Some(1800))]
#[case("Fri, 27 Nov 2026 16:05:00 GMT", Some(300))]
#[case("Fri, 27 Nov 2026 15:05:00 GMT", None)]
#[case("soon", None)]
fn retry_after_is_seconds_or_a_date(#[case] header: &str, #[case] seconds: Option<u64>) {
    // 2026-11-27T16:00:00Z.
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_795_200);
    assert_eq!(retry_after(header, now), seconds.map(Duration::from_secs));
}

#[rstest]
#[case(None, json!({}), 2_000)]
#[case(Some(7), json!({}), 7_000)]
#[case(Some(1), json!({ "retry_after_ms": 1500 }), 1_500)]
#[case(None, json!({ "retry_after_ms": 1500.5 }), 1_500)]
#[case(None, json!({ "retry_after_ms": 1_800_000 }), 1_800_000)]
#[case(Some(999_999_999), json!({}), 3_600_000)]
fn the_longer_delay_counts(#[case] header: Option<u64>, #[case] body: Value, #[case] milliseconds: u64) {
    let reply = Reply {
        status: 429,
        body: &body,
        retry_after: header.map(Duration::from_secs),
        location: None,
    };
    let Refusal::Limited(delay) = refusal(About::Other, &reply) else {
        panic!("{body}")
    };
    assert_eq!(delay.as_millis(), u128::from(milliseconds));
}

proptest! {
    #[test]
    fn what_is_no_matrix_error_proves_nothing(status in 100u16..600, about in prop_oneof![Just(About::Room), Just(About::Other)]) {
        prop_assume!(!(200..300).contains(&status));
        for body in [Value::Null, json!({}), json!({ "error": "words" }), json!({ "errcode": 7 })] {
            let class = name(&classed(about, status, &body));
            prop_assert!(["transient", "limited", "redirected"].contains(&class), "{class}");
        }
    }

    #[test]
    fn a_server_error_is_never_final(status in 500u16..600, code in "M_[A-Z_]{3,20}") {
        let class = name(&classed(About::Room, status, &error(&code)));
        prop_assert!(class != "final" && class != "forbidden" && class != "dead token", "{class}");
    }
}

fn no(errcode: &str, words: &str) -> No {
    let body = json!({ "errcode": errcode, "error": words });
    match classed(About::Room, 403, &body) {
        Refusal::Operator(Blocker::Forbidden(no)) => no,
        other => panic!("{other:?}"),
    }
}

/// What is said to the operator is a whole sentence, and the cure names who and where.
#[rstest]
#[case(
    Blocker::Account(AccountBlock::Deactivated),
    true,
    "the account is deactivated",
    "reactivate @bot:hs on the homeserver"
)]
#[case(
    Blocker::Account(AccountBlock::Locked),
    true,
    "the account is locked",
    "unlock @bot:hs on the homeserver"
)]
#[case(
    Blocker::Account(AccountBlock::Suspended),
    true,
    "the account is suspended",
    "lift the suspension of @bot:hs on the homeserver"
)]
#[case(
    Blocker::Consent { uri: Some("https://hs/c".to_owned()) },
    true,
    "the homeserver wants its terms accepted first",
    "open https://hs/c as @bot:hs and accept the terms"
)]
#[case(
    Blocker::Consent { uri: None },
    true,
    "the homeserver wants its terms accepted first",
    "accept the homeserver's terms as @bot:hs"
)]
#[case(
    Blocker::ResourceLimit { contact: Some("mailto:a@hs".to_owned()) },
    true,
    "the homeserver has reached a limit of its own",
    "ask mailto:a@hs to raise the homeserver's limit"
)]
#[case(
    Blocker::ResourceLimit { contact: None },
    true,
    "the homeserver has reached a limit of its own",
    "have the homeserver's limit raised"
)]
#[case(
    Blocker::Forbidden(no("M_FORBIDDEN", "words")),
    false,
    "the homeserver does not allow it (M_FORBIDDEN: words)",
    "give @bot:hs the power and membership that it needs"
)]
#[case(
    Blocker::UnknownRoom(no("M_FORBIDDEN", "")),
    false,
    "the homeserver does not know the room (HTTP 403 M_FORBIDDEN)",
    "see that the room exists and invite @bot:hs to it"
)]
fn what_a_person_has_to_see_to_is_said_with_its_cure(
    #[case] blocker: Blocker,
    #[case] of_account: bool,
    #[case] said: &str,
    #[case] cure: &str,
) {
    assert_eq!(blocker.to_string(), said);
    assert_eq!(blocker.cure("@bot:hs"), cure);
    assert_eq!(blocker.is_of_account(), of_account);
}

#[rstest]
#[case::no_token("No access token given.", true)]
#[case::missing("Missing access token", true)]
#[case::missing_token("missing token", true)]
#[case::is_missing("The token is missing", true)]
#[case::none("no token", true)]
#[case::invalid("Invalid access token", false)]
fn an_unauthorized_request_had_no_token_or_a_dead_one(#[case] words: &str, #[case] is_missing: bool) {
    let body = json!({ "errcode": "M_UNAUTHORIZED", "error": words });
    let class = name(&classed(About::Other, 401, &body));
    assert_eq!(class, if is_missing { "way broken" } else { "dead token" });
}

#[test]
fn what_came_back_is_told_in_one_line() {
    let told = |status: u16, body: &Value| match classed(About::Other, status, body) {
        Refusal::Transient(words) | Refusal::WayBroken(words) => words,
        other => panic!("{other:?}"),
    };
    assert_eq!(told(503, &Value::Null), "HTTP 503");
    assert_eq!(told(503, &error("M_UNKNOWN")), "HTTP 503 M_UNKNOWN");
    assert_eq!(
        told(404, &Value::Null),
        "HTTP 404 with a body that is not a Matrix error"
    );
    assert_eq!(
        told(404, &error("M_UNRECOGNIZED")),
        "HTTP 404 M_UNRECOGNIZED: is the base URL right?"
    );
    assert_eq!(told(401, &error("M_MISSING_TOKEN")), "M_MISSING_TOKEN: words");
}

#[rstest]
#[case::none(None)]
#[case::empty(Some(" \n"))]
fn a_redirection_to_nowhere_is_told_too(#[case] location: Option<&str>) {
    let reply = Reply {
        status: 302,
        body: &Value::Null,
        retry_after: None,
        location,
    };
    let wanted = Refusal::Redirected("an address that it does not name".to_owned());
    assert_eq!(refusal(About::Other, &reply), wanted);
}

#[rstest]
#[case(Refusal::Transient("it is away".to_owned()), "it is away")]
#[case(Refusal::Limited(Duration::from_millis(1_500)), "it asks for 2 s of patience")]
#[case(Refusal::DeadToken, "the token is dead")]
#[case(Refusal::Redirected("https://elsewhere".to_owned()), "it redirects to https://elsewhere, which is not followed")]
#[case(Refusal::Interactive, "it wants a person to authenticate")]
fn a_refusal_says_what_it_is(#[case] refusal: Refusal, #[case] words: &str) {
    assert_eq!(refusal.to_string(), words);
}
