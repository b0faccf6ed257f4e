//! Tokens that expire, and what makes others of them.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking, in helpers too"
)]

use crate::support::*;
use matrix_sdk::ruma::owned_user_id;
use serde_json::{Value, json};
use session_keeper::{secret::Secret, session::HealOutcome, vault::Vault};
use tempfile::TempDir;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_json, method, path},
};

const REFRESH: &str = "/_matrix/client/v3/refresh";

/// A data directory whose session has expired.
async fn expired(server: &MockServer) -> TempDir {
    let data = TempDir::new().unwrap();
    let refresh = Secret::new("first");
    Vault::new(BOT, data.path())
        .save_refreshable(
            &owned_user_id!("@bot:x"),
            &"SAVED".into(),
            &Secret::new("saved-token"),
            Some(&refresh),
        )
        .unwrap();
    let soft = json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "expired", "soft_logout": true });
    answer_whoami(server, "saved-token", ResponseTemplate::new(401).set_body_json(soft)).await;
    for token in ["second-token", "third-token", "new-token"] {
        answer_whoami(server, token, whoami("@bot:x", "SAVED")).await;
    }
    data
}

async fn answer_refresh(server: &MockServer, with: &str, answer: Value) {
    Mock::given(method("POST"))
        .and(path(REFRESH))
        .and(body_json(json!({ "refresh_token": with })))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer))
        .up_to_n_times(1)
        .mount(server)
        .await;
}

fn kept(data: &TempDir) -> (String, Option<String>) {
    let saved = Vault::new(BOT, data.path()).session().unwrap().unwrap();
    let text = |secret: Secret| secret.expose().to_owned();
    (text(saved.token.unwrap()), saved.refresh.map(text))
}

#[tokio::test]
async fn a_token_that_has_expired_is_replaced_on_its_device_without_a_password() {
    let server = MockServer::start().await;
    let data = expired(&server).await;
    answer_refresh(
        &server,
        "first",
        json!({ "access_token": "second-token", "refresh_token": "second", "expires_in_ms": 1 }),
    )
    .await;

    let attempt = healer(&config(&server, data.path())).attempt().await.unwrap();

    let HealOutcome::Live(session) = attempt else {
        panic!("{attempt:?}")
    };
    assert_eq!(session.device, "SAVED");
    assert_eq!(kept(&data), ("second-token".to_owned(), Some("second".to_owned())));
    assert_eq!(count(&server, "POST", REFRESH).await, 1);
    // The token that was just made lives: nothing is rotated a second time.
    healer(&config(&server, data.path())).attempt().await.unwrap();
    assert_eq!(count(&server, "POST", REFRESH).await, 1);
    assert!(logins(&server).await.is_empty());
}

#[tokio::test]
async fn a_refresh_token_that_is_not_replaced_is_good_again() {
    let server = MockServer::start().await;
    let data = expired(&server).await;
    answer_refresh(&server, "first", json!({ "access_token": "second-token" })).await;
    healer(&config(&server, data.path())).attempt().await.unwrap();
    assert_eq!(kept(&data), ("second-token".to_owned(), Some("first".to_owned())));
}

/// The answer is lost with the connection, and the server has forgotten the token that it was for.
#[tokio::test]
async fn a_lost_rotation_costs_one_login_on_the_same_device() {
    for refused in [
        error(401, "M_UNKNOWN_TOKEN"),
        error(403, "M_FORBIDDEN"),
        error(404, "M_UNRECOGNIZED"),
    ] {
        let server = MockServer::start().await;
        let data = expired(&server).await;
        std::fs::write(data.path().join("password"), "pass word").unwrap();
        let lost = Mock::given(method("POST"))
            .and(path(REFRESH))
            .respond_with(ResponseTemplate::new(502));
        lost.up_to_n_times(1).mount(&server).await;
        answer(&server, "POST", REFRESH, refused).await;
        answer_login(&server).await;

        let mut healer = healer(&config(&server, data.path()));
        let attempt = healer.attempt().await.unwrap();
        assert!(matches!(attempt, HealOutcome::Wait(..)), "{attempt:?}");
        let attempt = healer.attempt().await.unwrap();
        let HealOutcome::Live(session) = attempt else {
            panic!("{attempt:?}")
        };
        assert_eq!(session.device, "SAVED");
        let logins = logins(&server).await;
        assert_eq!(logins.len(), 1);
        assert_eq!(
            (&logins[0]["device_id"], &logins[0]["refresh_token"]),
            (&json!("SAVED"), &json!(true))
        );
        assert_eq!(
            kept(&data),
            ("new-token".to_owned(), None),
            "a refresh token of a former session is of no use"
        );
    }
}

#[tokio::test]
async fn no_rotation_whose_token_could_not_be_kept() {
    let server = MockServer::start().await;
    let data = expired(&server).await;
    answer_refresh(
        &server,
        "first",
        json!({ "access_token": "second-token", "refresh_token": "second" }),
    )
    .await;
    let obstacle = data.path().join("bot_devices.json");
    std::fs::create_dir(&obstacle).unwrap();
    std::fs::write(obstacle.join("in the way"), "").unwrap();
    let mut healer = healer(&config(&server, data.path()));
    for _ in 0..3 {
        assert!(healer.attempt().await.is_err());
    }
    assert_eq!(count(&server, "POST", REFRESH).await, 0);
    std::fs::remove_dir_all(&obstacle).unwrap();
    assert!(matches!(healer.attempt().await, Ok(HealOutcome::Live(_))));
    assert_eq!(kept(&data).0, "second-token");
}

#[tokio::test]
async fn what_a_login_gives_is_kept() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    std::fs::write(data.path().join("password"), "pass word").unwrap();
    let login =
        json!({ "user_id": "@bot:x", "device_id": "NEW", "access_token": "second-token", "refresh_token": "second" });
    answer(&server, "POST", LOGIN, ResponseTemplate::new(200).set_body_json(login)).await;
    let attempt = healer(&config(&server, data.path())).attempt().await.unwrap();
    assert_eq!(kept(&data), ("second-token".to_owned(), Some("second".to_owned())));
    assert!(!format!("{attempt:?}").contains("second"));
}
