//! An identity against a homeserver that says what a test wants it to say.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking, in helpers too"
)]

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use matrix_sdk::{ruma::OwnedRoomId, sync::SyncResponse};
use serde_json::{Value, json};
use session_keeper::{
    Account,
    config::IdentityConfig,
    health::{Board, IdentityHealth},
    identity::{Handle, Identity, Intake, IntakeError},
    secret::Secret,
    session::{Healer, Server},
    vault::Vault,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{header, method, path},
};

pub(crate) const BOT: Account = Account::new("bot");
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const WHOAMI: &str = "/_matrix/client/v3/account/whoami";
pub(crate) const LOGIN: &str = "/_matrix/client/v3/login";

#[derive(Default)]
pub(crate) struct Memory {
    position: Mutex<Option<String>>,
}

#[async_trait]
impl Intake for Memory {
    async fn position(&self) -> Result<Option<String>, IntakeError> {
        Ok(self.position.lock().unwrap().clone())
    }

    async fn take(&self, _: &Handle, _: &SyncResponse, next: &str) -> Result<(), IntakeError> {
        *self.position.lock().unwrap() = Some(next.to_owned());
        Ok(())
    }

    async fn resumed(&self, _: &Handle) -> Result<(), IntakeError> {
        Ok(())
    }

    async fn finished(&self, rooms: Vec<OwnedRoomId>) -> Result<Vec<OwnedRoomId>, IntakeError> {
        Ok(rooms)
    }
}

pub(crate) fn config(server: &MockServer, data: &Path) -> IdentityConfig {
    let mut config = IdentityConfig::new(BOT, server.uri().parse().unwrap(), data);
    config.username = Some("bot".to_owned());
    config.device_name = "a bot".to_owned();
    config
}

pub(crate) fn saved(data: &Path) {
    let vault = Vault::new(BOT, data);
    let user = matrix_sdk::ruma::owned_user_id!("@bot:x");
    vault
        .save_session(&user, &"SAVED".into(), &Secret::new("saved-token"))
        .unwrap();
}

/// Whether this process has a file of a folder open.
#[cfg(target_os = "linux")]
pub(crate) fn holds_open(folder: &Path) -> bool {
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    open.filter_map(|descriptor| std::fs::read_link(descriptor.ok()?.path()).ok())
        .any(|file| file.starts_with(folder))
}

#[cfg(target_os = "linux")]
pub(crate) async fn closed(folder: &Path) {
    let closed = async {
        while holds_open(folder) {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, closed).await;
    assert!(in_time.is_ok(), "a file in {} stays open", folder.display());
}

pub(crate) async fn answer_whoami(server: &MockServer, token: &str, template: ResponseTemplate) {
    Mock::given(method("GET"))
        .and(path(WHOAMI))
        .and(header("authorization", format!("Bearer {token}").as_str()))
        .respond_with(template)
        .mount(server)
        .await;
}

pub(crate) fn dead() -> ResponseTemplate {
    ResponseTemplate::new(401).set_body_json(json!({"errcode": "M_UNKNOWN_TOKEN", "error": "Unknown access token."}))
}

pub(crate) fn whoami(user: &str, device: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"user_id": user, "device_id": device}))
}

pub(crate) async fn answer_login(server: &MockServer) {
    let respond = |request: &Request| {
        let body: Value = request.body_json().unwrap();
        ResponseTemplate::new(200).set_body_json(json!({
            "user_id": "@bot:x", "device_id": body["device_id"], "access_token": "new-token",
        }))
    };
    Mock::given(method("POST"))
        .and(path(LOGIN))
        .respond_with(respond)
        .mount(server)
        .await;
}

pub(crate) async fn logins(server: &MockServer) -> Vec<Value> {
    let requests = server.received_requests().await.unwrap();
    requests
        .iter()
        .filter(|r| r.url.path() == LOGIN && r.method.as_str() == "POST")
        .map(|r| r.body_json().unwrap())
        .collect()
}

pub(crate) fn healer(config: &IdentityConfig) -> Healer {
    Healer::new(
        config,
        Server::new(config.homeserver.clone(), &config.device_name).unwrap(),
    )
}

pub(crate) async fn until(board: &Board, what: &str, holds: impl Fn(&IdentityHealth) -> bool) -> IdentityHealth {
    let deadline = Instant::now() + PATIENCE;
    let mut changes = board.subscribe();
    loop {
        let health = changes.borrow_and_update().clone();
        if holds(&health) {
            return health;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(
            tokio::time::timeout(left, changes.changed()).await.is_ok(),
            "waited {PATIENCE:?} for {what}; last seen: {health:?}"
        );
    }
}

/// A running identity, and what it takes to watch and end it.
pub(crate) struct Running {
    _identity: Identity,
    pub(crate) board: Board,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(config: IdentityConfig) -> Self {
        let (board, shutdown) = (Board::default(), CancellationToken::new());
        let intake = Arc::new(Memory::default());
        let (identity, task) = Identity::start(config, intake, board.clone(), shutdown.clone()).unwrap();
        Self {
            _identity: identity,
            board,
            shutdown,
            task,
        }
    }

    /// Waits until its health is as wanted.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&IdentityHealth) -> bool) -> IdentityHealth {
        until(&self.board, what, holds).await
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }
}

/// Answers every request of a kind.
pub(crate) async fn answer(server: &MockServer, verb: &str, at: &str, template: ResponseTemplate) {
    Mock::given(method(verb))
        .and(path(at))
        .respond_with(template)
        .mount(server)
        .await;
}

/// A Matrix error.
pub(crate) fn error(status: u16, errcode: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({ "errcode": errcode, "error": "words" }))
}

/// How many requests of a kind there were.
pub(crate) async fn count(server: &MockServer, verb: &str, at: &str) -> usize {
    let requests = server.received_requests().await.unwrap();
    let of_kind = |request: &&Request| request.method.as_str() == verb && request.url.path() == at;
    requests.iter().filter(of_kind).count()
}
