//! No login is lost, whichever write fails.

use serde_json::{Value, json};
use tempfile::TempDir;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{header, method, path},
};

use super::*;
use crate::vault::faults;

const BOT: Account = Account::new("bot");
/// Each attempt may fail at one write, so a few have to do.
const ATTEMPTS: usize = 5;

/// What there is when the disk is full.
#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    DeadToken,
    Expired,
    DeviceRefused,
}

async fn server(before: Before) -> MockServer {
    let server = MockServer::start().await;
    let dead = ResponseTemplate::new(401).set_body_json(json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "" }));
    let saved = header("authorization", "Bearer saved-token");
    let whoami = Mock::given(method("GET")).and(path("/_matrix/client/v3/account/whoami"));
    whoami.and(saved).respond_with(dead).mount(&server).await;
    let refreshed = json!({ "access_token": "made-1", "refresh_token": "second" });
    let refresh = Mock::given(method("POST")).and(path("/_matrix/client/v3/refresh"));
    let refresh = refresh.respond_with(ResponseTemplate::new(200).set_body_json(refreshed));
    refresh.mount(&server).await;
    let made = std::sync::atomic::AtomicUsize::new(0);
    let login = Mock::given(method("POST")).and(path("/_matrix/client/v3/login"));
    let answer = move |request: &Request| {
        let body: Value = request.body_json().unwrap();
        if matches!(before, Before::DeviceRefused) && body["device_id"] == "SAVED" {
            return ResponseTemplate::new(400).set_body_json(json!({ "errcode": "M_UNKNOWN", "error": "" }));
        }
        let count = made.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        ResponseTemplate::new(200).set_body_json(json!({
            "user_id": "@bot:x", "device_id": body["device_id"], "access_token": format!("made-{count}"),
        }))
    };
    login.respond_with(answer).mount(&server).await;
    let flows = ResponseTemplate::new(200).set_body_json(json!({ "flows": [{ "type": "m.login.password" }] }));
    let flow = Mock::given(method("GET")).and(path("/_matrix/client/v3/login"));
    flow.respond_with(flows).mount(&server).await;
    server
}

fn data(before: Before) -> TempDir {
    let data = TempDir::new().unwrap();
    std::fs::write(data.path().join("password"), "pass word").unwrap();
    let user = OwnedUserId::try_from("@bot:x").unwrap();
    let refresh = matches!(before, Before::Expired).then(|| Secret::new("first"));
    if !matches!(before, Before::Nothing) {
        let token = Secret::new("saved-token");
        Vault::new(BOT, data.path())
            .save_refreshable(&user, &"SAVED".into(), &token, refresh.as_ref())
            .unwrap();
    }
    data
}

/// The disk is full at every single step of every single write, once each: no token that was made is lost, and none is
/// made in the place of one that could not be kept.
#[tokio::test]
async fn whichever_write_fails_no_login_is_lost() {
    for before in [
        Before::Nothing,
        Before::DeadToken,
        Before::Expired,
        Before::DeviceRefused,
    ] {
        let mut steps = 0;
        loop {
            let (server, data) = (server(before).await, data(before));
            let config = IdentityConfig::new(BOT, server.uri().parse().unwrap(), data.path());
            let mut healer = Healer::new(&config, Server::new(config.homeserver.clone(), "a bot").unwrap());
            faults::refuse_after(steps);
            let mut outcomes = Vec::new();
            while outcomes.len() < ATTEMPTS && !matches!(outcomes.last(), Some(Ok(HealOutcome::Live(_)))) {
                outcomes.push(healer.attempt().await);
            }
            let fired = faults::fired();
            let context = format!("{before:?}, refused after {steps} steps: {outcomes:?}");
            let Some(Ok(HealOutcome::Live(session))) = outcomes.last() else {
                panic!("{context}")
            };
            assert_eq!(session.token.expose(), "made-1", "{context}");
            let kept = Vault::new(BOT, data.path()).session().unwrap().unwrap();
            assert_eq!(kept.token.as_ref(), Some(&session.token), "{context}");
            assert_eq!(kept.device.as_ref(), Some(&session.device), "{context}");
            assert!(data.path().join("bot_identity").exists(), "{context}");
            if !fired {
                break;
            }
            steps += 1;
        }
        assert!(steps > 6, "{before:?}: only {steps} steps were refused");
    }
}

/// Answers that change what there is while the homeserver is asked.
async fn changing(answer: ResponseTemplate, change: impl Fn() + Send + Sync + 'static) -> MockServer {
    let server = MockServer::start().await;
    let whoami = Mock::given(method("GET")).and(path("/_matrix/client/v3/account/whoami"));
    let respond = move |_: &Request| {
        change();
        answer.clone()
    };
    whoami.respond_with(respond).mount(&server).await;
    server
}

fn dead() -> ResponseTemplate {
    ResponseTemplate::new(401).set_body_json(json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "" }))
}

fn healer(server: &MockServer, data: &TempDir) -> Healer {
    let config = IdentityConfig::new(BOT, server.uri().parse().unwrap(), data.path());
    Healer::new(&config, Server::new(config.homeserver.clone(), "a bot").unwrap())
}

/// The passwords that were tried.
async fn tried(server: &MockServer) -> Vec<String> {
    let all = server.received_requests().await.unwrap();
    let logins = all.iter().filter(|request| request.url.path().ends_with("/login"));
    let bodies = logins.filter_map(|request| request.body_json::<Value>().ok());
    bodies
        .filter_map(|body| body["password"].as_str().map(str::to_owned))
        .collect()
}

#[tokio::test]
async fn a_password_that_is_written_while_the_homeserver_is_asked_is_the_one_that_is_tried() {
    let data = data(Before::DeadToken);
    let file = data.path().join("password");
    let server = changing(dead(), move || std::fs::write(&file, "another one").unwrap()).await;
    let mut healer = healer(&server, &data);
    healer.attempt().await.unwrap();
    assert_eq!(tried(&server).await, ["another one"]);
    // And it is known: it is no news to whoever waits for a new one.
    assert_eq!(healer.take_tried_password(), healer.password_source().state());
    assert_eq!(healer.take_tried_password(), None);
}

#[tokio::test]
async fn a_password_that_goes_while_the_homeserver_is_asked_is_not_tried() {
    let data = data(Before::DeadToken);
    let file = data.path().join("password");
    let server = changing(dead(), move || drop(std::fs::remove_file(&file))).await;
    let mut healer = healer(&server, &data);
    healer.attempt().await.unwrap();
    assert_eq!(tried(&server).await, Vec::<String>::new());
}

/// The answer to a login on a new device is lost, and then the old session is found alive after all.
#[tokio::test]
async fn a_device_that_may_have_been_made_is_left_behind_and_not_forgotten() {
    let data = data(Before::DeadToken);
    let alive = ResponseTemplate::new(200).set_body_json(json!({ "user_id": "@bot:x", "device_id": "SAVED" }));
    let server = changing(alive, || ()).await;
    let lost = Mock::given(method("POST")).and(path("/_matrix/client/v3/login"));
    lost.respond_with(ResponseTemplate::new(502)).mount(&server).await;
    let mut healer = healer(&server, &data);
    let outcome = healer.take_new_device().await.unwrap();
    assert!(matches!(outcome, HealOutcome::Wait(..)), "{outcome:?}");
    let pending = healer.vault().devices().unwrap().pending.unwrap();

    let HealOutcome::Live(session) = healer.attempt().await.unwrap() else {
        panic!("the saved session lives");
    };
    assert_eq!(session.device, "SAVED");
    let devices = healer.vault().devices().unwrap();
    assert_eq!(devices.pending, None);
    let left: Vec<_> = devices.left.into_iter().map(|left| left.device).collect();
    assert_eq!(left, [pending]);
}
