//! Where requests are led elsewhere, or asked to wait.

use matrix_sdk::{
    Client, SessionMeta, SessionTokens,
    authentication::matrix::MatrixSession,
    config::RequestConfig,
    ruma::{api::client::membership::leave_room, owned_room_id, owned_user_id},
};
use session_keeper::{
    healing::{About, Refusal},
    session::{Server, Strict, refusal_of},
};

use wiremock::matchers::path_regex;

use super::*;

#[tokio::test]
async fn a_redirection_is_never_followed_with_a_secret_and_said_with_its_target() {
    for status in [301, 302, 303, 307, 308] {
        let (server, elsewhere, data) = (
            MockServer::start().await,
            MockServer::start().await,
            TempDir::new().unwrap(),
        );
        with_password(&data);
        saved(data.path());
        let target = format!("{}/elsewhere?token=x", elsewhere.uri());
        let redirect = ResponseTemplate::new(status).insert_header("location", target.as_str());
        answer(&server, "GET", WHOAMI, redirect.clone()).await;
        let attempt = healer(&config(&server, data.path())).attempt().await.unwrap();
        let HealOutcome::Wait(_, why) = attempt else {
            panic!("{attempt:?}")
        };
        assert!(
            why.contains(&format!("{}/elsewhere", elsewhere.uri())) && !why.contains("token=x"),
            "{why}"
        );

        server.reset().await;
        answer(&server, "GET", WHOAMI, dead()).await;
        answer(&server, "POST", LOGIN, redirect).await;
        let attempt = healer(&config(&server, data.path())).attempt().await.unwrap();
        assert!(matches!(attempt, HealOutcome::Wait(..)), "{attempt:?}");
        assert!(
            elsewhere.received_requests().await.unwrap().is_empty(),
            "followed with {status}"
        );
    }
}

#[tokio::test]
async fn a_redirected_sync_is_said_with_its_target() {
    let (server, elsewhere, data) = (
        MockServer::start().await,
        MockServer::start().await,
        TempDir::new().unwrap(),
    );
    saved(data.path());
    answer_whoami(&server, "saved-token", whoami("@bot:x", "SAVED")).await;
    let none = ResponseTemplate::new(200).set_body_json(json!({ "device_keys": {} }));
    answer(&server, "POST", KEYS_QUERY, none).await;
    answer(&server, "GET", VERSIONS, versions()).await;
    let target = format!("{}/elsewhere", elsewhere.uri());
    let redirect = ResponseTemplate::new(307).insert_header("location", format!("{target}?token=x").as_str());
    answer(&server, "GET", SYNC, redirect).await;

    let running = Running::start(config(&server, data.path()));
    let health = running.until("the target", |health| health.why.contains(&target)).await;
    assert!(
        !health.why.contains("token=x") && !health.why.contains("Redirected"),
        "{health:?}"
    );
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
    running.stop().await;
}

#[rstest]
#[case::milliseconds(ResponseTemplate::new(429).set_body_json(json!({ "errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 1_800_000 })))]
#[case::seconds(ResponseTemplate::new(429).insert_header("retry-after", "1800"))]
#[tokio::test]
async fn during_a_long_wait_a_new_password_is_tried_at_once(#[case] limited: ResponseTemplate) {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    with_password(&data);
    saved(data.path());
    answer(&server, "GET", WHOAMI, dead()).await;
    let once = Mock::given(method("POST")).and(path(LOGIN)).respond_with(limited);
    once.up_to_n_times(1).mount(&server).await;
    answer_login(&server).await;

    let running = Running::start(config(&server, data.path()));
    let health = running
        .until("the wait", |health| health.why.contains("limits requests until"))
        .await;
    let left = health
        .until
        .unwrap()
        .duration_since(std::time::SystemTime::now())
        .unwrap();
    assert!(
        left <= Duration::from_secs(5 * 60),
        "it is not asked again for {left:?}"
    );
    assert_eq!(logins(&server).await.len(), 1);

    std::fs::write(data.path().join("password"), "another word").unwrap();
    let deadline = Instant::now() + PATIENCE;
    while logins(&server).await.len() < 2 {
        assert!(Instant::now() < deadline, "the new password was not tried");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(logins(&server).await[1]["password"], "another word");
    running.stop().await;
}

/// The device has to be another one, and the homeserver limits logins.
#[tokio::test]
async fn during_a_long_wait_for_a_new_device_a_new_password_is_tried_at_once() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    with_password(&data);
    saved(data.path());
    answer_whoami(&server, "saved-token", whoami("@bot:x", "SAVED")).await;
    let keys = json!({ "curve25519:SAVED": "curve", "ed25519:SAVED": "ed" });
    let known = json!({ "device_keys": { "@bot:x": { "SAVED": { "keys": keys } } } });
    answer(
        &server,
        "POST",
        KEYS_QUERY,
        ResponseTemplate::new(200).set_body_json(known),
    )
    .await;
    let limited = json!({ "errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 1_800_000 });
    let once = Mock::given(method("POST"))
        .and(path(LOGIN))
        .respond_with(ResponseTemplate::new(429).set_body_json(limited));
    once.up_to_n_times(1).mount(&server).await;
    answer_login(&server).await;

    let running = Running::start(config(&server, data.path()));
    running
        .until("the wait", |health| health.why.contains("limits requests until"))
        .await;
    assert_eq!(logins(&server).await.len(), 1);
    std::fs::write(data.path().join("password"), "another word").unwrap();
    let deadline = Instant::now() + PATIENCE;
    while logins(&server).await.len() < 2 {
        assert!(Instant::now() < deadline, "the new password was not tried");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(logins(&server).await[1]["password"], "another word");
    running.stop().await;
}

/// To the SDK, any status below 400 is a success, and an empty answer the answer to much.
#[rstest]
#[case(301)]
#[case(302)]
#[case(303)]
#[case(307)]
#[case(308)]
#[tokio::test]
async fn what_is_redirected_is_not_taken_for_done(#[case] status: u16) {
    let (server, elsewhere) = (MockServer::start().await, MockServer::start().await);
    answer(&server, "GET", VERSIONS, versions()).await;
    let target = format!("{}/elsewhere", elsewhere.uri());
    let redirect = ResponseTemplate::new(status)
        .insert_header("location", format!("{target}?token=x").as_str())
        .set_body_json(json!({}));
    let leaves = Mock::given(method("POST")).and(path_regex("/leave$"));
    leaves.respond_with(redirect).mount(&server).await;

    let client = client(&server).await;
    let leave = leave_room::v3::Request::new(owned_room_id!("!a:x"));
    let error = client.send(leave).await.unwrap_err();
    assert_eq!(refusal_of(About::Room, &error.into()), Refusal::Redirected(target));
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

/// A client of the SDK as it works for a bot, without retries.
async fn client(server: &MockServer) -> Client {
    let http = Server::new(server.uri().parse().unwrap(), "a bot").unwrap().http();
    let client = Client::builder()
        .homeserver_url(server.uri())
        .http_client(http)
        .request_config(RequestConfig::new().disable_retry());
    let client = client.build().await.unwrap();
    let session = MatrixSession {
        meta: SessionMeta {
            user_id: owned_user_id!("@bot:x"),
            device_id: "D".into(),
        },
        tokens: SessionTokens {
            access_token: "token".to_owned(),
            refresh_token: None,
        },
    };
    client.restore_session(session).await.unwrap();
    client
}

/// Nor is a page, or a redirection that names no place, of which the SDK would see nothing but the status.
#[rstest]
#[case::a_page(200, Some("<html>We will be back soon</html>"), "not from a Matrix server")]
#[case::nothing(200, None, "not from a Matrix server")]
#[case::a_list(200, Some("[]"), "not from a Matrix server")]
#[case::no_content(204, None, "not from a Matrix server")]
#[case::choices(300, Some("{}"), "redirects to an address that it does not name")]
#[case::redirected_nowhere(302, Some("{}"), "redirects to an address that it does not name")]
#[case::not_modified(304, None, "redirects to an address that it does not name")]
#[case::redirected_for_good(308, Some("<html>"), "redirects to an address that it does not name")]
#[tokio::test]
async fn what_no_homeserver_has_answered_is_not_taken_for_done(
    #[case] status: u16,
    #[case] body: Option<&str>,
    #[case] words: &str,
) {
    let server = MockServer::start().await;
    answer(&server, "GET", VERSIONS, versions()).await;
    let mut page = ResponseTemplate::new(status);
    if let Some(body) = body {
        page = page.set_body_string(body);
    }
    let leaves = Mock::given(method("POST")).and(path_regex("/leave$"));
    leaves.respond_with(page).up_to_n_times(1).mount(&server).await;
    let done = Mock::given(method("POST")).and(path_regex("/leave$"));
    done.respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
        .mount(&server)
        .await;
    let client = client(&server).await;
    let leave = Strict(leave_room::v3::Request::new(owned_room_id!("!a:x")));
    let error = client.send(leave.clone()).await.unwrap_err();
    let refusal = refusal_of(About::Room, &error.into());
    let is_final = matches!(refusal, Refusal::Final(_) | Refusal::Operator(_));
    assert!(refusal.to_string().contains(words) && !is_final, "{refusal}");
    client.send(leave).await.unwrap();
}
