//! The front of the library, against a homeserver that says what a test wants it to say.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking, in helpers too"
)]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use session_keeper::{
    Builder, Keeper,
    config::Account,
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

/// A homeserver of one account, whose first token dies when it is told to.
async fn serve(server: &MockServer, dead: &Arc<AtomicBool>) {
    let dead = Arc::clone(dead);
    let whoami = move |request: &Request| {
        let is_first = request.headers["authorization"] == "Bearer first";
        if is_first && dead.load(Ordering::SeqCst) {
            let body = json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "Unknown access token." });
            return ResponseTemplate::new(401).set_body_json(body);
        }
        ResponseTemplate::new(200).set_body_json(json!({ "user_id": "@bot:x", "device_id": "DEVICE" }))
    };
    let get = Mock::given(method("GET")).and(path("/_matrix/client/v3/account/whoami"));
    get.respond_with(whoami).mount(server).await;
    let login = |request: &Request| {
        let body: Value = request.body_json().unwrap();
        ResponseTemplate::new(200).set_body_json(json!({
            "user_id": "@bot:x", "device_id": body["device_id"], "access_token": "second",
        }))
    };
    let post = Mock::given(method("POST")).and(path("/_matrix/client/v3/login"));
    post.respond_with(login).mount(server).await;
    for (verb, at, body) in [
        ("GET", "/_matrix/client/versions", json!({ "versions": ["v1.11"] })),
        ("GET", "/_matrix/client/v3/sync", json!({ "next_batch": "s1" })),
        ("POST", "/_matrix/client/v3/keys/query", json!({ "device_keys": {} })),
        (
            "POST",
            "/_matrix/client/v3/keys/upload",
            json!({ "one_time_key_counts": { "signed_curve25519": 50 } }),
        ),
    ] {
        let answer = ResponseTemplate::new(200).set_body_json(body);
        let mock = Mock::given(method(verb)).and(path(at)).respond_with(answer);
        mock.mount(server).await;
    }
}

#[tokio::test]
async fn a_token_that_dies_under_what_is_done_with_a_batch_is_healed_and_the_batch_comes_again() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    std::fs::write(data.path().join("password"), "password\n").unwrap();
    let dead = Arc::new(AtomicBool::new(false));
    serve(&server, &dead).await;
    let (sender, mut handled) = tokio::sync::mpsc::unbounded_channel();

    let keeper = builder(&server, data.path())
        .token(Some("first".to_owned()))
        .on_sync(move |live, _| {
            dead.store(true, Ordering::SeqCst);
            let sender = sender.clone();
            async move {
                live.client.whoami().await?;
                sender.send(live.generation).ok();
                Ok::<_, matrix_sdk::HttpError>(())
            }
        })
        .start()
        .unwrap();

    let generation = tokio::time::timeout(PATIENCE, handled.recv()).await;
    let generation = generation.unwrap_or_else(|_| panic!("never handled: {:?}", keeper.board().snapshot()));
    assert!(generation.unwrap() > 1, "the first generation's token was dead");
    keeper.end().await.unwrap();
}
