//! The front of the library, against a homeserver that says what a test wants it to say.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking, in helpers too"
)]

use std::{path::Path, time::Duration};

use serde_json::{Value, json};
use session_keeper::{
    Account, Builder, Keeper,
    health::{Health, IdentityHealth},
    identity::StartError,
    vault::{LockError, Saved, Vault},
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{header, method, path},
};

const PATIENCE: Duration = Duration::from_secs(20);

fn builder(server: &MockServer, data: &Path) -> Builder {
    Keeper::builder(server.uri().parse().unwrap(), data)
        .user("bot")
        .device_name("a bot")
}

async fn until(keeper: &Keeper, what: &str, holds: impl FnMut(&IdentityHealth) -> bool) -> IdentityHealth {
    let mut health = keeper.health();
    let found = tokio::time::timeout(PATIENCE, health.wait_for(holds)).await;
    let found = found.unwrap_or_else(|_| panic!("waited {PATIENCE:?} for {what}: {:?}", keeper.board().snapshot()));
    found.unwrap().clone()
}

#[tokio::test]
async fn what_it_cannot_heal_it_says_with_the_next_step() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    let password = data.path().join("secrets/bot");
    let keeper = builder(&server, data.path()).password_file(&password).start().unwrap();
    let health = until(&keeper, "a cry for the operator", |health| {
        health.state == Health::NeedsOperator
    })
    .await;
    let next_step = health.next_step.unwrap();
    assert!(next_step.contains(password.to_str().unwrap()), "{next_step}");
    keeper.end().await.unwrap();
}

#[tokio::test]
async fn a_data_directory_keeps_an_account_once_until_that_has_ended() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    let keeper = builder(&server, data.path()).start().unwrap();
    let second = builder(&server, data.path()).start();
    assert!(
        matches!(second, Err(StartError::Locked(LockError::Taken(_)))),
        "{second:?}"
    );
    let another = builder(&server, data.path()).account(Account::new("another")).start();
    another.unwrap().end().await.unwrap();
    keeper.end().await.unwrap();
    builder(&server, data.path()).start().unwrap().end().await.unwrap();
}

#[tokio::test]
async fn a_dead_token_is_a_hint_and_the_password_the_source_of_truth() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    std::fs::write(data.path().join("password"), "password\n").unwrap();
    let dead = json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "Unknown access token." });
    Mock::given(method("GET"))
        .and(path("/_matrix/client/v3/account/whoami"))
        .and(header("authorization", "Bearer hint"))
        .respond_with(ResponseTemplate::new(401).set_body_json(dead))
        .expect(1..)
        .mount(&server)
        .await;
    let respond = |request: &Request| {
        let body: Value = request.body_json().unwrap();
        assert_eq!(body["initial_device_display_name"], "a bot");
        ResponseTemplate::new(200).set_body_json(json!({
            "user_id": "@bot:x", "device_id": body["device_id"], "access_token": "new-token",
        }))
    };
    Mock::given(method("POST"))
        .and(path("/_matrix/client/v3/login"))
        .respond_with(respond)
        .expect(1)
        .mount(&server)
        .await;

    let keeper = builder(&server, data.path())
        .token(Some("hint".to_owned()))
        .start()
        .unwrap();

    let saved = session(data.path()).await;
    assert_eq!(saved.token.unwrap().expose(), "new-token");
    keeper.end().await.unwrap();
}

/// The session, as soon as there is one.
async fn session(data: &Path) -> Saved {
    let vault = Vault::new(Account::new("bot"), data);
    let found = async {
        loop {
            if let Some(saved) = vault.session().unwrap() {
                return saved;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, found).await.unwrap()
}

#[tokio::test]
async fn the_programs_own_shutdown_ends_it() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    let shutdown = CancellationToken::new();
    let mut keeper = builder(&server, data.path())
        .shutdown(shutdown.clone())
        .start()
        .unwrap();
    shutdown.cancel();
    tokio::time::timeout(PATIENCE, keeper.ended()).await.unwrap().unwrap();
}
