//! An identity against a homeserver that says what a test wants it to say.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use crate::support::*;
use serde_json::json;
use session_keeper::{
    crypto::{OpenStores, StandbyStore, Stores},
    health::{Board, Health},
    identity::{Identity, StartError},
    secret::Secret,
    session::HealOutcome,
    vault::{FirstSession, ForeignKeys, LockError, Predecessor, Vault, VaultError},
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{method, path},
};

#[tokio::test]
async fn a_dead_token_heals_with_one_login_on_the_saved_device() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    saved(data.path());
    std::fs::write(data.path().join("password"), " pass word \n").unwrap();
    answer_whoami(&server, "saved-token", dead()).await;
    answer_login(&server).await;

    let attempt = healer(&config(&server, data.path())).attempt().await.unwrap();

    let HealOutcome::Live(session) = attempt else {
        panic!("{attempt:?}")
    };
    assert_eq!(session.device, "SAVED");
    let logins = logins(&server).await;
    assert_eq!(logins.len(), 1);
    assert_eq!(logins[0]["device_id"], "SAVED");
    assert_eq!(logins[0]["password"], "pass word");
    let kept = Vault::new(BOT, data.path()).session().unwrap().unwrap();
    assert_eq!(kept.token.unwrap().expose(), "new-token");
}

#[tokio::test]
async fn an_outage_never_costs_a_login() {
    for outage in [
        ResponseTemplate::new(502).set_body_string("<html>502 Bad Gateway</html>"),
        ResponseTemplate::new(200).set_body_string("<html>captive portal</html>"),
        ResponseTemplate::new(503).set_body_json(json!({"errcode": "M_UNKNOWN_TOKEN"})),
        ResponseTemplate::new(429).insert_header("retry-after", "3"),
    ] {
        let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
        saved(data.path());
        std::fs::write(data.path().join("password"), "password").unwrap();
        answer_whoami(&server, "saved-token", outage).await;
        answer_login(&server).await;

        let attempt = healer(&config(&server, data.path())).attempt().await.unwrap();

        assert!(matches!(attempt, HealOutcome::Wait(..)), "{attempt:?}");
        assert_eq!(logins(&server).await.len(), 0);
    }
}

#[tokio::test]
async fn another_users_token_is_never_used() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    answer_whoami(&server, "foreign", whoami("@mallory:x", "M")).await;
    let mut config = config(&server, data.path());
    config.given_token = Some(Secret::new("foreign"));

    let attempt = healer(&config).attempt().await.unwrap();

    assert!(matches!(attempt, HealOutcome::Blocked(_)), "{attempt:?}");
    assert_eq!(Vault::new(BOT, data.path()).session().unwrap(), None);
    assert_eq!(
        server.received_requests().await.unwrap().len(),
        1,
        "the foreign token was used for more than whoami"
    );
}

#[tokio::test]
async fn one_wrong_answer_about_a_saved_token_is_not_believed() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    saved(data.path());
    std::fs::write(data.path().join("password"), "password").unwrap();
    let once = Mock::given(method("GET"))
        .and(path(WHOAMI))
        .respond_with(whoami("@mallory:x", "M"));
    once.up_to_n_times(1).mount(&server).await;
    answer_whoami(&server, "saved-token", whoami("@bot:x", "SAVED")).await;

    let attempt = healer(&config(&server, data.path())).attempt().await.unwrap();

    assert!(matches!(attempt, HealOutcome::Live(_)), "{attempt:?}");
    assert_eq!(logins(&server).await.len(), 0);
}

#[tokio::test]
async fn a_refused_password_is_tried_once_for_each_change_of_its_file() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    saved(data.path());
    answer_whoami(&server, "saved-token", dead()).await;
    let refused = ResponseTemplate::new(403).set_body_json(json!({"errcode": "M_FORBIDDEN", "error": "no"}));
    Mock::given(method("POST"))
        .and(path(LOGIN))
        .respond_with(refused)
        .mount(&server)
        .await;
    let mut healer = healer(&config(&server, data.path()));

    for (written, tries) in [("one", 1), ("two", 2), ("three", 3)] {
        std::fs::write(data.path().join("password"), written).unwrap();
        for _ in 0..5 {
            let attempt = healer.attempt().await.unwrap();
            assert!(matches!(attempt, HealOutcome::Blocked(_)), "{attempt:?}");
        }
        assert_eq!(logins(&server).await.len(), tries);
    }
}

#[tokio::test]
async fn a_login_on_a_new_device_is_repeated_with_the_same_id_after_a_crash() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    std::fs::write(data.path().join("password"), "password").unwrap();
    let lost = Mock::given(method("POST"))
        .and(path(LOGIN))
        .respond_with(ResponseTemplate::new(502));
    lost.up_to_n_times(1).mount(&server).await;
    answer_login(&server).await;

    // The first answer is lost with the process.
    healer(&config(&server, data.path())).attempt().await.unwrap();
    let attempt = healer(&config(&server, data.path())).attempt().await.unwrap();

    assert!(matches!(attempt, HealOutcome::Live(_)), "{attempt:?}");
    let logins = logins(&server).await;
    assert_eq!(logins.len(), 2);
    assert_eq!(logins[0]["device_id"], logins[1]["device_id"]);
}

/// Another program, which left a session.
#[derive(Debug)]
struct Former;

impl Predecessor for Former {
    fn session(&self) -> Result<Option<FirstSession>, VaultError> {
        let token = Secret::new("old-token");
        Ok(Some(FirstSession::new(Some("OLD".into()), Some(token))))
    }

    fn room_keys(&self) -> Result<Option<ForeignKeys>, String> {
        Ok(None)
    }
}

#[tokio::test]
async fn what_kept_the_account_before_gives_the_first_session() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    answer_whoami(&server, "old-token", whoami("@bot:x", "OLD")).await;
    let mut config = config(&server, data.path());
    config.predecessor = Some(Arc::new(Former));

    let attempt = healer(&config).attempt().await.unwrap();

    let HealOutcome::Live(session) = attempt else {
        panic!("{attempt:?}")
    };
    assert_eq!(session.device, "OLD");
    let saved = config.vault().session().unwrap().unwrap();
    assert!(!saved.is_first, "from now on it is a session of our own");
}

#[tokio::test]
async fn what_the_vault_writes_only_its_owner_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    std::fs::write(data.path().join("password"), "password").unwrap();
    answer_login(&server).await;
    healer(&config(&server, data.path())).attempt().await.unwrap();

    for name in ["bot_session.json", "bot_devices.json"] {
        let mode = std::fs::metadata(data.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_second_identity_on_the_same_data_is_refused() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    let start = || {
        let board = Board::default();
        Identity::start(
            config(&server, data.path()),
            Arc::new(Memory::default()),
            board,
            CancellationToken::new(),
        )
    };
    let _first = start().unwrap();
    assert!(matches!(start(), Err(StartError::Locked(LockError::Taken(_)))));
}

#[tokio::test]
async fn the_operator_is_told_what_to_do_and_the_password_is_tried_the_moment_it_is_written() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    answer_login(&server).await;
    let board = Board::default();
    let shutdown = CancellationToken::new();
    let (identity, task) = Identity::start(
        config(&server, data.path()),
        Arc::new(Memory::default()),
        board.clone(),
        shutdown.clone(),
    )
    .unwrap();

    let health = until(&board, "a cry for the operator", |health| {
        health.state == Health::NeedsOperator
    })
    .await;
    let next_step = health.next_step.unwrap();
    assert!(
        next_step.contains(&data.path().join("password").display().to_string()),
        "{next_step}"
    );
    assert!(identity.try_handle().is_none());
    assert_eq!(logins(&server).await.len(), 0);

    std::fs::write(data.path().join("password"), "password").unwrap();
    until(&board, "a heal", |health| health.state == Health::Healing).await;
    assert_eq!(logins(&server).await.len(), 1);
    shutdown.cancel();
    task.await.unwrap();
}

/// They may bring the folder back from a backup meanwhile, and a database that is closed later takes the new one's log away.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_database_is_open_while_the_operator_is_waited_for() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    saved(data.path());
    let (user, vault) = (matrix_sdk::ruma::user_id!("@bot:x"), Vault::new(BOT, data.path()));
    let stores = Stores::new(BOT, user, &vault).unwrap();
    let (mut standby, mut open_stores) = (StandbyStore::default(), OpenStores::default());
    stores
        .prepare("SAVED".into(), &mut standby, &mut open_stores)
        .await
        .unwrap();
    assert!(
        stores
            .room_keys("SAVED".into(), &mut open_stores)
            .await
            .unwrap()
            .is_empty()
    );
    drop(open_stores);
    let folder = data.path().canonicalize().unwrap().join("crypto/SAVED");
    closed(&folder).await;
    // They are open while the bot waits for the homeserver; otherwise there would be nothing to close.
    let opened_ahead = Arc::new(AtomicBool::new(false));
    let (opened, of) = (opened_ahead.clone(), folder.clone());
    let look = Mock::given(method("GET")).and(path(WHOAMI));
    look.respond_with(move |_: &Request| {
        let until = Instant::now() + PATIENCE / 4;
        while !holds_open(&of) && Instant::now() < until {
            std::thread::yield_now();
        }
        opened.fetch_or(holds_open(&of), Ordering::Relaxed);
        dead()
    })
    .mount(&server)
    .await;

    let board = Board::default();
    let shutdown = CancellationToken::new();
    let (_identity, task) = Identity::start(
        config(&server, data.path()),
        Arc::new(Memory::default()),
        board.clone(),
        shutdown.clone(),
    )
    .unwrap();
    until(&board, "a cry for the operator", |health| {
        health.state == Health::NeedsOperator
    })
    .await;

    assert!(opened_ahead.load(Ordering::Relaxed), "nothing was opened ahead");
    closed(&folder).await;
    shutdown.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn a_password_that_is_written_while_the_tokens_are_looked_at_ends_the_truce_with_a_rival() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    let password = data.path().join("password");
    std::fs::write(&password, "password").unwrap();
    saved(data.path());
    answer_login(&server).await;
    let keys = Mock::given(method("POST")).and(path("/_matrix/client/v3/keys/query"));
    keys.respond_with(dead()).mount(&server).await;
    // Each token dies at once. While one is asked about, the operator writes the file, when it is time.
    let write = Arc::new(AtomicBool::new(false));
    let now = write.clone();
    let look = Mock::given(method("GET")).and(path(WHOAMI));
    look.respond_with(move |request: &Request| {
        if now.swap(false, Ordering::Relaxed) {
            std::fs::write(&password, "password").unwrap();
        }
        match request.headers.contains_key("authorization") {
            true => dead(),
            false => error(401, "M_MISSING_TOKEN"),
        }
    })
    .mount(&server)
    .await;

    let board = Board::default();
    let shutdown = CancellationToken::new();
    let config = config(&server, data.path());
    let (_identity, task) =
        Identity::start(config, Arc::new(Memory::default()), board.clone(), shutdown.clone()).unwrap();
    until(&board, "a cool-down", |health| health.state == Health::NeedsOperator).await;
    let before = logins(&server).await.len();
    write.store(true, Ordering::Relaxed);
    until(&board, "another try", |health| health.state == Health::Healing).await;
    assert!(!write.load(Ordering::Relaxed), "no token was looked at");
    assert!(logins(&server).await.len() > before);
    shutdown.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn a_homeserver_that_is_down_is_waited_for() {
    let data = TempDir::new().unwrap();
    let server = MockServer::start().await;
    let mut config = config(&server, data.path());
    // Nothing listens on a port that has just been given back.
    config.homeserver = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap()).parse().unwrap()
    };
    config.given_token = Some(Secret::new("given-token"));
    let board = Board::default();
    let shutdown = CancellationToken::new();
    let (identity, task) =
        Identity::start(config, Arc::new(Memory::default()), board.clone(), shutdown.clone()).unwrap();

    let health = until(&board, "the outage", |health| health.why.contains("cannot connect")).await;
    assert_eq!(health.state, Health::Healing);
    assert_eq!(health.next_step, None);
    assert!(identity.try_handle().is_none());
    shutdown.cancel();
    task.await.unwrap();
}
