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
