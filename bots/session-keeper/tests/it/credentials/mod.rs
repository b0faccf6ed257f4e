//! What an identity makes of passwords that are not taken, tokens that cannot be used, accounts that wait for a person
//! and ways that are broken.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking, in helpers too"
)]

mod ways;

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use crate::support::*;
use rstest::rstest;
use serde_json::json;
use session_keeper::{
    healing::{Class, Expected},
    health::Health,
    secret::Secret,
    session::HealOutcome,
    vault::Vault,
};
use tempfile::TempDir;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{header, method, path},
};

const KEYS_QUERY: &str = "/_matrix/client/v3/keys/query";
const SYNC: &str = "/_matrix/client/v3/sync";
const VERSIONS: &str = "/_matrix/client/versions";

fn versions() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "versions": ["v1.11"] }))
}

fn flows(flows: &[&str]) -> ResponseTemplate {
    let flows = flows.iter().map(|flow| json!({ "type": flow })).collect::<Vec<_>>();
    ResponseTemplate::new(200).set_body_json(json!({ "flows": flows }))
}

fn with_password(data: &TempDir) {
    std::fs::write(data.path().join("password"), "pass word").unwrap();
}

/// Every way in which servers without passwords were seen, or may be thought, to refuse one.
#[rstest]
#[case::synapse(error(400, "M_UNKNOWN"))]
#[case::unrecognized(error(400, "M_UNRECOGNIZED"))]
#[case::forbidden(error(403, "M_FORBIDDEN"))]
#[case::unknown_403(error(403, "M_UNKNOWN"))]
#[case::no_such_path(error(404, "M_UNRECOGNIZED"))]
#[case::page(ResponseTemplate::new(404).set_body_string("<html>not here</html>"))]
#[case::method(ResponseTemplate::new(405))]
#[case::invalid(error(400, "M_INVALID_PARAM"))]
#[case::custom(error(401, "ORG.EXAMPLE.SSO_ONLY"))]
#[case::not_implemented(error(501, "M_UNRECOGNIZED"))]
#[tokio::test]
async fn a_server_that_takes_no_passwords_is_said_and_not_hammered(#[case] refusal: ResponseTemplate) {
    for with_session in [true, false] {
        let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
        with_password(&data);
        if with_session {
            saved(data.path());
        }
        answer(&server, "GET", WHOAMI, dead()).await;
        answer(&server, "POST", LOGIN, refusal.clone()).await;
        let sso = Mock::given(method("GET"))
            .and(path(LOGIN))
            .respond_with(flows(&["m.login.sso"]));
        let sso = sso.mount_as_scoped(&server).await;

        let mut healer = healer(&config(&server, data.path()));
        for _ in 0..5 {
            let attempt = healer.attempt().await.unwrap();
            assert!(matches!(attempt, HealOutcome::Blocked(_)), "{attempt:?}");
            assert!(format!("{attempt:?}").contains("m.login.sso"), "{attempt:?}");
        }
        assert_eq!(logins(&server).await.len(), 1);

        // The server takes them again: that is noticed without a new file.
        drop(sso);
        server.reset().await;
        answer(&server, "GET", WHOAMI, dead()).await;
        answer(&server, "GET", LOGIN, flows(&["m.login.sso", "m.login.password"])).await;
        answer_login(&server).await;
        let mut attempt = healer.attempt().await.unwrap();
        if matches!(attempt, HealOutcome::Wait(..)) {
            attempt = healer.attempt().await.unwrap();
        }
        assert!(matches!(attempt, HealOutcome::Live(_)), "{attempt:?}");
    }
}

/// A server, or a build of one, that has no way to log in at all: `GET /login` is refused like the rest.
#[rstest]
#[case::no_such_path(error(404, "M_UNRECOGNIZED"))]
#[case::no_such_method(error(405, "M_UNRECOGNIZED"))]
#[case::not_implemented(error(501, "M_UNRECOGNIZED"))]
#[case::forbidden(error(403, "M_FORBIDDEN"))]
#[case::wants_a_token(error(401, "M_MISSING_TOKEN"))]
#[case::page(ResponseTemplate::new(404).set_body_string("<html>not here</html>"))]
#[case::page_of_a_method(ResponseTemplate::new(405))]
#[tokio::test]
async fn a_server_without_any_way_to_log_in_is_said_and_not_hammered(#[case] refusal: ResponseTemplate) {
    for with_session in [true, false] {
        let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
        with_password(&data);
        if with_session {
            saved(data.path());
        }
        answer(&server, "GET", WHOAMI, dead()).await;
        answer(&server, "POST", LOGIN, refusal.clone()).await;
        answer(&server, "GET", LOGIN, refusal.clone()).await;
        answer(&server, "GET", VERSIONS, versions()).await;
        let mut healer = healer(&config(&server, data.path()));
        for _ in 0..5 {
            let attempt = healer.attempt().await.unwrap();
            assert!(format!("{attempt:?}").contains("NoPasswordLogin([])"), "{attempt:?}");
        }
        assert_eq!(logins(&server).await.len(), 1);
        let wait = healer.next_login_in().unwrap();
        assert!(wait > Duration::from_secs(30), "{wait:?}");
    }
}

/// A proxy whose server is down answers with pages too.
#[tokio::test]
async fn pages_instead_of_answers_are_an_outage_where_nothing_speaks_matrix() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    with_password(&data);
    let page = ResponseTemplate::new(404).set_body_string("404 page not found");
    for verb in ["GET", "POST"] {
        answer(&server, verb, LOGIN, page.clone()).await;
    }
    let attempt = healer(&config(&server, data.path())).attempt().await.unwrap();
    assert!(matches!(attempt, HealOutcome::Wait(..)), "{attempt:?}");
}

#[tokio::test]
async fn where_passwords_are_taken_an_odd_refusal_is_about_the_device_and_then_for_the_operator() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    with_password(&data);
    saved(data.path());
    answer(&server, "GET", WHOAMI, dead()).await;
    answer(&server, "GET", LOGIN, flows(&["m.login.password"])).await;
    answer(&server, "POST", LOGIN, error(400, "M_UNKNOWN")).await;

    let mut healer = healer(&config(&server, data.path()));
    for _ in 0..5 {
        let attempt = healer.attempt().await.unwrap();
        assert!(matches!(attempt, HealOutcome::Blocked(_)), "{attempt:?}");
        assert!(format!("{attempt:?}").contains("M_UNKNOWN"), "{attempt:?}");
    }
    let logins = logins(&server).await;
    assert_eq!(logins.len(), 2, "one on each device");
    assert_ne!(logins[0]["device_id"], logins[1]["device_id"]);
}

#[rstest]
#[case("syt_a\nsyt_b")]
#[case("syt_a\r")]
#[case("syt\u{0}a")]
#[case("syt_\u{e4}")]
#[case("\u{feff}syt_a")]
#[case("\"syt_a\"")]
#[case("'syt_a'")]
#[case("Bearer syt_a")]
#[case("bearer: syt_a")]
#[case("syt_a syt_b")]
#[tokio::test]
async fn a_token_that_no_header_can_carry_is_said_and_the_next_source_asked(#[case] token: &str) {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    with_password(&data);
    answer_login(&server).await;
    let mut config = config(&server, data.path());
    config.given_token = Some(Secret::new(token));

    let mut healer = healer(&config);
    let attempt = healer.attempt().await.unwrap();
    assert!(matches!(attempt, HealOutcome::Live(_)), "{attempt:?}");
    assert_eq!(count(&server, "GET", WHOAMI).await, 0, "it was sent");
    let said = healer.unusable_tokens();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(!said[0].contains("syt"), "{said:?}");
}

#[tokio::test]
async fn a_token_that_cannot_be_used_is_said_to_the_operator() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    let mut config = config(&server, data.path());
    config.given_token = Some(Secret::new("Bearer syt_secret"));
    let running = Running::start(config);
    let health = running
        .until("a cry", |health| health.state == Health::NeedsOperator)
        .await;
    assert!(health.why.contains("Bearer"), "{health:?}");
    let health = running.until("a note", |health| !health.degraded.is_empty()).await;
    assert!(health.degraded[0].what.contains("Bearer"), "{health:?}");
    assert!(!format!("{health:?}").contains("syt_secret"), "{health:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_saved_token_that_no_header_can_carry_costs_one_login_on_its_device() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    with_password(&data);
    let vault = Vault::new(BOT, data.path());
    let user = matrix_sdk::ruma::owned_user_id!("@bot:x");
    vault
        .save_session(&user, &"SAVED".into(), &Secret::new("a\nb"))
        .unwrap();
    answer_login(&server).await;

    let mut healer = healer(&config(&server, data.path()));
    let attempt = healer.attempt().await.unwrap();
    let HealOutcome::Live(session) = attempt else {
        panic!("{attempt:?}")
    };
    assert_eq!(session.device, "SAVED");
    assert!(healer.unusable_tokens().is_empty(), "it is not there any more");
}

#[rstest]
#[case::no_device(json!({ "user_id": "@bot:x" }))]
#[case::null(json!({ "user_id": "@bot:x", "device_id": null }))]
#[case::empty(json!({ "user_id": "@bot:x", "device_id": "" }))]
#[tokio::test]
async fn a_token_that_belongs_to_no_device_is_not_used(#[case] whoami: serde_json::Value) {
    for password in [true, false] {
        let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
        if password {
            with_password(&data);
        }
        answer(
            &server,
            "GET",
            WHOAMI,
            ResponseTemplate::new(200).set_body_json(whoami.clone()),
        )
        .await;
        answer_login(&server).await;
        let mut config = config(&server, data.path());
        config.given_token = Some(Secret::new("given-token"));
        let mut healer = healer(&config);
        let attempt = healer.attempt().await.unwrap();
        assert_eq!(matches!(attempt, HealOutcome::Live(_)), password, "{attempt:?}");
        assert_eq!(matches!(attempt, HealOutcome::Blocked(_)), !password, "{attempt:?}");
        assert!(healer.unusable_tokens()[0].contains("no device"));
    }
}

#[rstest]
#[case::consent(
    json!({ "errcode": "M_CONSENT_NOT_GIVEN", "error": "", "consent_uri": "https://hs/consent" }),
    "https://hs/consent"
)]
#[case::limit(
    json!({ "errcode": "M_RESOURCE_LIMIT_EXCEEDED", "error": "", "admin_contact": "mailto:admin@hs" }),
    "mailto:admin@hs"
)]
#[tokio::test]
async fn an_account_that_waits_for_a_person_says_where_and_goes_on_once_that_is_cured(
    #[case] body: serde_json::Value,
    #[case] wanted: &str,
) {
    for blocked_at in [WHOAMI, LOGIN] {
        let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
        with_password(&data);
        saved(data.path());
        let blocked = ResponseTemplate::new(403).set_body_json(&body);
        if blocked_at == WHOAMI {
            answer(&server, "GET", WHOAMI, blocked).await;
        } else {
            answer(&server, "GET", WHOAMI, dead()).await;
            answer(&server, "POST", LOGIN, blocked).await;
        }
        let running = Running::start(config(&server, data.path()));
        let health = running
            .until("a cry", |health| health.state == Health::NeedsOperator)
            .await;
        assert!(health.next_step.unwrap().contains(wanted));
        assert!(logins(&server).await.len() <= 1);

        server.reset().await;
        answer_whoami(&server, "saved-token", dead()).await;
        answer_login(&server).await;
        running.until("a heal", |health| health.state == Health::Healing).await;
        assert_eq!(logins(&server).await[0]["device_id"], "SAVED");
        running.stop().await;
    }
}

#[rstest]
#[case::missing(error(401, "M_MISSING_TOKEN"))]
#[case::unauthorized(ResponseTemplate::new(401).set_body_json(json!({
    "errcode": "M_UNAUTHORIZED", "error": "Unauthorized: no access token found, but this endpoint requires one",
})))]
#[tokio::test]
async fn where_the_header_is_stripped_nobody_logs_in_and_it_is_said_until_it_is_over(
    #[case] stripped: ResponseTemplate,
) {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    with_password(&data);
    saved(data.path());
    answer(&server, "GET", WHOAMI, stripped.clone()).await;
    answer(&server, "POST", KEYS_QUERY, stripped).await;
    answer_login(&server).await;

    let running = Running::start(config(&server, data.path()));
    let health = running
        .until("a cry", |health| health.state == Health::NeedsOperator)
        .await;
    assert!(health.next_step.unwrap().contains("Authorization"));
    assert!(logins(&server).await.is_empty());

    server.reset().await;
    answer_whoami(&server, "saved-token", whoami("@bot:x", "SAVED")).await;
    answer(
        &server,
        "POST",
        KEYS_QUERY,
        ResponseTemplate::new(200).set_body_json(json!({ "device_keys": {} })),
    )
    .await;
    answer_login(&server).await;
    running
        .until("the way to be free", |health| health.state == Health::Healing)
        .await;
    assert!(logins(&server).await.is_empty());
    running.stop().await;
}

/// As above, but whoever strips the header lets the server say that the token is unknown, perhaps with something that is never the same.
#[rstest]
#[case::in_the_same_words(false)]
#[case::with_a_trace(true)]
#[tokio::test]
async fn a_new_token_that_is_answered_like_none_is_the_way_and_costs_no_further_login(#[case] traced: bool) {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    with_password(&data);
    saved(data.path());
    let number = std::sync::atomic::AtomicUsize::new(0);
    let unknown = move |_: &Request| match traced {
        true => ResponseTemplate::new(401).set_body_json(json!({
            "errcode": "M_UNKNOWN_TOKEN", "error": "", "trace_id": number.fetch_add(1, Ordering::Relaxed),
        })),
        false => dead(),
    };
    let look = Mock::given(method("GET")).and(path(WHOAMI));
    look.respond_with(unknown).mount(&server).await;
    answer(&server, "POST", KEYS_QUERY, dead()).await;
    answer_login(&server).await;

    let running = Running::start(config(&server, data.path()));
    let health = running
        .until("a cry", |health| health.state == Health::NeedsOperator)
        .await;
    assert!(health.next_step.unwrap().contains("Authorization"));
    let looks = count(&server, "GET", WHOAMI).await;
    let deadline = Instant::now() + PATIENCE;
    while count(&server, "GET", WHOAMI).await < looks + 2 {
        assert!(Instant::now() < deadline, "it is not asked again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(logins(&server).await.len(), 1);
    running.stop().await;
}

/// Part of a homeserver may not know a token yet that another part has made.
#[tokio::test]
async fn a_new_token_that_is_called_dead_once_is_asked_about_again_before_another_login() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    with_password(&data);
    saved(data.path());
    let unknown = Mock::given(method("GET"))
        .and(path(WHOAMI))
        .and(header("authorization", "Bearer new-token"));
    unknown
        .respond_with(dead())
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&server)
        .await;
    answer_whoami(&server, "new-token", whoami("@bot:x", "SAVED")).await;
    answer_whoami(&server, "saved-token", dead()).await;
    let none = Mock::given(method("GET")).and(path(WHOAMI));
    none.respond_with(error(401, "M_MISSING_TOKEN"))
        .with_priority(10)
        .mount(&server)
        .await;
    answer_login(&server).await;
    let mut healer = healer(&config(&server, data.path()));
    let Ok(HealOutcome::Live(session)) = healer.attempt().await else {
        panic!("no session")
    };
    assert_eq!(session.token.expose(), "new-token");
    let expected = Expected::User(session.user.clone());
    let class = healer.ask_whoami(&session.token, &expected).await;
    assert!(matches!(class, Class::Alive { .. }), "{class:?}");
    assert_eq!(logins(&server).await.len(), 1);
}

#[tokio::test]
async fn a_token_that_cannot_be_kept_is_kept_later_and_costs_no_second_login() {
    for (name, before) in [("identity", true), ("session.json", false), ("devices.json", false)] {
        let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
        with_password(&data);
        let user = matrix_sdk::ruma::owned_user_id!("@bot:x");
        Vault::new(BOT, data.path())
            .save_session(&user, &"SAVED".into(), &Secret::new("saved-token"))
            .unwrap();
        answer_whoami(&server, "saved-token", dead()).await;
        answer_whoami(&server, "new-token", whoami("@bot:x", "SAVED")).await;
        let obstacle = data.path().join(format!("bot_{name}"));
        if before {
            std::fs::create_dir(&obstacle).unwrap();
        }
        // Where it is not there before, it comes between the login and the save.
        let (there, at) = (before, obstacle.clone());
        let login = Mock::given(method("POST")).and(path(LOGIN));
        login
            .respond_with(move |request: &Request| {
                if !there {
                    std::fs::remove_file(&at).ok();
                    std::fs::create_dir(&at).unwrap();
                    std::fs::write(at.join("in the way"), "").unwrap();
                }
                let body: serde_json::Value = request.body_json().unwrap();
                ResponseTemplate::new(200).set_body_json(json!({
                    "user_id": "@bot:x", "device_id": body["device_id"], "access_token": "new-token",
                }))
            })
            .mount(&server)
            .await;

        let mut healer = healer(&config(&server, data.path()));
        let mut failed = 0;
        for _ in 0..5 {
            match healer.attempt().await {
                Err(error) => {
                    failed += 1;
                    let text = format!("{error} {}", error.next_step());
                    assert!(text.contains(&obstacle.display().to_string()), "{text}");
                }
                Ok(attempt) => assert!(matches!(attempt, HealOutcome::Live(_)), "{attempt:?}"),
            }
        }
        let made = logins(&server).await.len();
        assert!(made <= 1, "{made} logins with {name} in the way");
        assert_eq!(made == 0, before, "{name}: {failed} failures");

        std::fs::remove_dir_all(&obstacle).ok();
        let attempt = healer.attempt().await.unwrap();
        assert!(matches!(attempt, HealOutcome::Live(_)), "{attempt:?}");
        assert_eq!(logins(&server).await.len(), 1);
        let kept = Vault::new(BOT, data.path()).session().unwrap().unwrap();
        assert_eq!(kept.token.unwrap().expose(), "new-token");
    }
}
