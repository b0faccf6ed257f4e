//! The plain client before scripted answers.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::time::Duration;

use knockproof_harness::client::{Error, Http, Registration, User};
use reqwest::Method;
use serde_json::json;
use url::Url;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_partial_json, method, path, query_param, query_param_is_missing},
};

async fn server() -> (MockServer, User) {
    let server = MockServer::start().await;
    let base = Url::parse(&server.uri()).unwrap();
    let user = User::from_session(&base, "@a:hs", "DEVICE", "token-of-a", "password-of-a");
    (server, user)
}

fn refuse(status: u16, errcode: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({ "errcode": errcode, "error": "no" }))
}

#[tokio::test]
async fn a_refusal_is_a_typed_error_that_names_the_request() {
    let (server, user) = server().await;
    Mock::given(method("GET"))
        .respond_with(refuse(401, "M_UNKNOWN_TOKEN"))
        .mount(&server)
        .await;
    let error = user.whoami().await.unwrap_err();
    assert_eq!(error.errcode(), "M_UNKNOWN_TOKEN");
    assert_eq!(error.matrix().unwrap().status, 401);
    assert_eq!(
        error.to_string(),
        "GET /_matrix/client/v3/account/whoami: 401 M_UNKNOWN_TOKEN: no"
    );
}

#[tokio::test]
async fn an_answer_that_is_not_matrix_is_no_refusal() {
    let (server, user) = server().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(502).set_body_string("<html>"))
        .mount(&server)
        .await;
    let error = user.whoami().await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "{error}");
    assert!(error.to_string().contains("502"), "{error}");
}

#[tokio::test]
async fn no_error_holds_a_token() {
    let base = Url::parse("http://127.0.0.1:9").unwrap();
    let error = Http::new(&base)
        .matrix(Method::GET, "/x?access_token=token-of-a", Some("token-of-a"), None)
        .await
        .unwrap_err();
    assert!(!format!("{error} {error:?}").contains("token-of-a"), "{error:?}");
    let user = User::from_session(&base, "@a:hs", "D", "token-of-a", "password-of-a");
    assert!(!format!("{user:?}").contains("-of-a"), "{user:?}");
}

#[tokio::test]
async fn a_registration_goes_through_all_stages() {
    let (server, _) = server().await;
    let flows = json!([{ "stages": ["m.login.registration_token", "m.login.dummy"] }]);
    let asked = |completed: serde_json::Value| {
        ResponseTemplate::new(401)
            .set_body_json(json!({ "session": "s", "flows": flows, "completed": completed, "params": {} }))
    };
    let answer = json!({ "user_id": "@new:hs", "device_id": "D", "access_token": "t" });
    let with = |auth| {
        Mock::given(method("POST"))
            .and(path("/_matrix/client/v3/register"))
            .and(body_partial_json(auth))
    };
    with(json!({ "auth": { "type": "m.login.dummy", "session": "s" } }))
        .respond_with(ResponseTemplate::new(200).set_body_json(&answer))
        .mount(&server)
        .await;
    with(json!({ "auth": { "type": "m.login.registration_token", "session": "s", "token": "reg" } }))
        .respond_with(asked(json!(["m.login.registration_token"])))
        .mount(&server)
        .await;
    with(json!({ "username": "new" }))
        .respond_with(asked(json!([])))
        .mount(&server)
        .await;

    let registration = Registration {
        username: "new",
        password: "pw",
        registration_token: "reg",
    };
    let user = User::register(&Url::parse(&server.uri()).unwrap(), &registration)
        .await
        .unwrap();
    assert_eq!(
        (user.user_id(), user.localpart(), user.device_id()),
        ("@new:hs", "new", "D")
    );
}

#[tokio::test]
async fn a_password_is_given_only_when_it_is_asked_for() {
    let (server, user) = server().await;
    let asked = json!({ "session": "s", "flows": [{ "stages": ["m.login.password"] }] });
    let stage = json!({ "auth": { "type": "m.login.password", "password": "password-of-a", "session": "s" }, "logout_devices": true });
    Mock::given(method("POST"))
        .and(body_partial_json(stage))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(401).set_body_json(asked))
        .mount(&server)
        .await;
    user.change_password("new", true).await.unwrap();
}

#[tokio::test]
async fn waiting_sees_what_is_there_and_goes_on_from_it() {
    let (server, user) = server().await;
    let first =
        json!({ "next_batch": "s1", "rooms": { "invite": { "!there:hs": { "invite_state": { "events": [] } } } } });
    let second =
        json!({ "next_batch": "s2", "rooms": { "invite": { "!new:hs": { "invite_state": { "events": [] } } } } });
    let sync = || Mock::given(method("GET")).and(path("/_matrix/client/v3/sync"));
    sync()
        .and(query_param_is_missing("since"))
        .respond_with(ResponseTemplate::new(200).set_body_json(first))
        .mount(&server)
        .await;
    sync()
        .and(query_param("since", "s1"))
        .respond_with(ResponseTemplate::new(200).set_body_json(second))
        .mount(&server)
        .await;
    let patience = Duration::from_secs(5);
    let there = user.wait_invite("the first", patience, |_| true).await.unwrap();
    assert_eq!(there, "!there:hs");
    let new = user
        .wait_invite("the second", patience, |room| room == "!new:hs")
        .await
        .unwrap();
    assert_eq!(new, "!new:hs");
}

#[tokio::test]
async fn waiting_in_vain_tells_what_was_there() {
    let (server, user) = server().await;
    let body = json!({ "next_batch": "s1", "rooms": { "join": { "!a:hs": {} } } });
    Mock::given(method("GET"))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(body)
                .set_delay(Duration::from_millis(20)),
        )
        .mount(&server)
        .await;
    let error = user
        .wait_invite("an invite", Duration::from_millis(200), |_| true)
        .await
        .unwrap_err();
    let Error::TimedOut(timed_out) = error else {
        panic!("{error}")
    };
    assert_eq!(timed_out.what, "an invite");
    assert_eq!(timed_out.last_seen, "joined !a:hs; invited to none; knocked on none");
}
