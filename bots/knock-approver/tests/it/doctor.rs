//! What `doctor` says of a bot that is not well. That it finds nothing on one that is well is shown by a scenario on real homeservers.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking, in helpers too"
)]

use std::path::Path;

use knock_approver::{
    config::{Config, Role},
    doctor::{self, Standing},
    secret::Secret,
    vault::Vault,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

const USER: &str = "@shape-rotator-2:x";
const TOKEN: &str = "a-token-that-nobody-must-see";

fn config(homeserver: &str, data: &Path) -> Config {
    let data = data.display().to_string();
    let lookup = |name: &str| match name {
        "HS" => Some(homeserver.to_owned()),
        "SPACE_ID" => Some("!space:x".to_owned()),
        "DATA_DIR" => Some(data.clone()),
        "HTTP_PORT" => Some("1".to_owned()),
        _ => None,
    };
    Config::from_lookup(&lookup).unwrap()
}

async fn answers(server: &MockServer, verb: &str, route: &str, status: u16, body: Value) {
    Mock::given(method(verb))
        .and(path(format!("/_matrix/client/{route}")))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .mount(server)
        .await;
}

async fn homeserver() -> MockServer {
    let server = MockServer::start().await;
    answers(&server, "GET", "versions", 200, json!({"versions": ["v1.11"]})).await;
    server
}

/// The lines, and whether any is of that standing.
async fn report(config: &Config) -> Vec<(Standing, String)> {
    let findings = doctor::examine(config).await.unwrap();
    findings
        .iter()
        .map(|finding| (finding.standing(), finding.to_string()))
        .collect()
}

fn line<'a>(report: &'a [(Standing, String)], what: &str) -> &'a (Standing, String) {
    let found = report.iter().find(|(_, line)| line.contains(&format!(" {what}: ")));
    found.unwrap_or_else(|| panic!("nothing is said of {what}: {report:#?}"))
}

fn saved(data: &Path) {
    let vault = Vault::new(Role::Approver.into(), data);
    let user = matrix_sdk::ruma::UserId::parse(USER).unwrap();
    vault
        .save_session(&user, &"DEVICE".into(), &Secret::new(TOKEN))
        .unwrap();
}

#[tokio::test]
async fn a_homeserver_that_does_not_answer_is_named_and_nothing_is_concluded_from_it() {
    let data = TempDir::new().unwrap();
    let report = report(&config("http://127.0.0.1:9", data.path())).await;
    let (standing, text) = line(&report, "homeserver");
    assert_eq!(*standing, Standing::Broken);
    assert!(text.contains("http://127.0.0.1:9") && text.contains("cure: "), "{text}");
    assert!(
        !report.iter().any(|(_, line)| line.contains("of the approver")),
        "{report:#?}"
    );
}

#[tokio::test]
async fn a_page_instead_of_a_homeserver_is_told_from_one() {
    let (server, data) = (MockServer::start().await, TempDir::new().unwrap());
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_string("<html>welcome</html>"))
        .mount(&server)
        .await;
    let report = report(&config(&server.uri(), data.path())).await;
    assert_eq!(line(&report, "homeserver").0, Standing::Broken);
}

#[tokio::test]
async fn a_dead_token_without_a_password_names_the_file_to_write() {
    let (server, data) = (homeserver().await, TempDir::new().unwrap());
    saved(data.path());
    answers(
        &server,
        "GET",
        "v3/account/whoami",
        401,
        json!({"errcode": "M_UNKNOWN_TOKEN", "error": "?"}),
    )
    .await;

    let report = report(&config(&server.uri(), data.path())).await;

    let file = data.path().join("shape_rotator_2_password").display().to_string();
    let (standing, text) = line(&report, "token of the approver");
    assert_eq!(*standing, Standing::Broken);
    assert!(text.contains("dead") && text.contains(&file), "{text}");
    assert!(line(&report, "password of the approver").1.contains(&file));
    assert!(
        !report.iter().any(|(_, line)| line.contains(TOKEN)),
        "the token is shown: {report:#?}"
    );
    let asked = server.received_requests().await.unwrap();
    assert!(
        !asked.iter().any(|request| request.url.path().ends_with("/login")),
        "it logged in"
    );
}

#[tokio::test]
async fn a_deaf_device_and_an_absent_member_are_found() {
    let (server, data) = (homeserver().await, TempDir::new().unwrap());
    saved(data.path());
    answers(
        &server,
        "GET",
        "v3/account/whoami",
        200,
        json!({"user_id": USER, "device_id": "DEVICE"}),
    )
    .await;
    let devices = json!({"devices": [
        {"device_id": "DEVICE", "display_name": "knock-approver"},
        {"device_id": "OLD", "display_name": "knock-approver"},
        {"device_id": "PHONE", "display_name": "somebody's phone"},
    ]});
    answers(&server, "GET", "v3/devices", 200, devices).await;
    // Keys for the device, while there is no store for them here.
    let keys = json!({"device_keys": {USER: {"DEVICE": {"keys": {"curve25519:DEVICE": "c", "ed25519:DEVICE": "e"}}}}});
    answers(&server, "POST", "v3/keys/query", 200, keys).await;
    answers(
        &server,
        "GET",
        "v3/room_keys/version",
        404,
        json!({"errcode": "M_NOT_FOUND", "error": "none"}),
    )
    .await;
    let member = format!("v3/rooms/!space:x/state/m.room.member/{USER}");
    answers(
        &server,
        "GET",
        &member,
        403,
        json!({"errcode": "M_FORBIDDEN", "error": "not in the room"}),
    )
    .await;
    let report = report(&config(&server.uri(), data.path())).await;

    assert_eq!(line(&report, "token of the approver").0, Standing::Well);
    assert_eq!(line(&report, "device keys of the approver").0, Standing::Broken);
    assert_eq!(line(&report, "cross-signing of the approver").0, Standing::Weak);
    assert_eq!(line(&report, "key backup of the approver").0, Standing::Weak);
    let (standing, text) = line(&report, "devices of the approver");
    assert_eq!(*standing, Standing::Weak);
    assert!(text.contains("OLD") && !text.contains("PHONE"), "{text}");
    let (standing, text) = line(&report, "space");
    assert_eq!(*standing, Standing::Broken);
    assert!(text.contains("is not in !space:x"), "{text}");
}

#[tokio::test]
async fn a_closed_space_in_which_the_bot_has_no_power_is_found() {
    let (server, data) = (homeserver().await, TempDir::new().unwrap());
    saved(data.path());
    let me = json!({"user_id": USER, "device_id": "DEVICE"});
    answers(&server, "GET", "v3/account/whoami", 200, me).await;
    let state = |kind: &str| format!("v3/rooms/!space:x/state/{kind}");
    let member = state(&format!("m.room.member/{USER}"));
    answers(&server, "GET", &member, 200, json!({"membership": "join"})).await;
    for (kind, content) in [
        ("m.room.create/", json!({"room_version": "11"})),
        ("m.room.join_rules/", json!({"join_rule": "invite"})),
        ("m.room.power_levels/", json!({"invite": 50, "users": {USER: 25}})),
    ] {
        answers(&server, "GET", &state(kind), 200, content).await;
    }
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(404).set_body_json(json!({"errcode": "M_NOT_FOUND", "error": "none"})))
        .with_priority(200)
        .mount(&server)
        .await;

    let report = report(&config(&server.uri(), data.path())).await;

    let (standing, text) = line(&report, "space");
    assert_eq!(*standing, Standing::Broken);
    assert!(
        text.contains("may not invite (level 50) in !space:x: it has 25"),
        "{text}"
    );
    assert!(
        text.contains("cure: raise the power of @shape-rotator-2:x in !space:x to 50"),
        "{text}"
    );
    assert_eq!(line(&report, "join rule of the space").0, Standing::Weak);
    assert_eq!(line(&report, "command room").0, Standing::Well);
}

#[tokio::test]
async fn a_secret_that_others_can_read_is_named_with_the_command_that_closes_it() {
    use std::os::unix::fs::PermissionsExt;

    let data = TempDir::new().unwrap();
    let file = data.path().join("shape_rotator_2_password");
    std::fs::write(&file, "secret").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let report = report(&config("http://127.0.0.1:9", data.path())).await;
    let (standing, text) = line(&report, "secrets");
    assert_eq!(*standing, Standing::Weak);
    assert!(text.ends_with(&format!("chmod 600 {}", file.display())), "{text}");
}

#[tokio::test]
async fn a_database_that_others_can_read_is_found_and_what_was_looked_at_is_counted() {
    use std::os::unix::fs::PermissionsExt;

    let data = TempDir::new().unwrap();
    drop(knock_approver::storage::Store::open(data.path()).unwrap());
    let file = data.path().join("knock-approver.sqlite");
    let well = report(&config("http://127.0.0.1:9", data.path())).await;
    let (standing, text) = line(&well, "secrets");
    assert_eq!(*standing, Standing::Well, "{text}");
    assert!(text.contains("none of "), "{text}");
    assert!(
        line(&well, "database").1.contains("0 codes that can be used"),
        "{well:#?}"
    );
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let report = report(&config("http://127.0.0.1:9", data.path())).await;
    let (standing, text) = line(&report, "secrets");
    assert_eq!(*standing, Standing::Weak);
    assert!(text.contains(&format!("chmod 600 {}", file.display())), "{text}");
}

#[tokio::test]
async fn a_damaged_database_is_found_and_left_alone() {
    let data = TempDir::new().unwrap();
    let file = data.path().join("knock-approver.sqlite");
    std::fs::write(&file, "this is no database at all, whatever its name says").unwrap();
    let report = report(&config("http://127.0.0.1:9", data.path())).await;
    assert_eq!(line(&report, "database").0, Standing::Broken);
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .starts_with("this is no database")
    );
}

/// What there is in a folder: the names, and what is in the files.
fn contents(folder: &Path) -> Vec<(String, Option<Vec<u8>>)> {
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.display().to_string(), std::fs::read(&path).ok())
        })
        .collect();
    found.sort();
    found
}

const NAMES: [&str; 4] = ["session.json", "store_key", "escrow_passphrase", "identity"];

#[rstest::rstest]
#[case::empty(Some(b"".as_slice()))]
#[case::garbage(Some(b"{\"user_id\": 3".as_slice()))]
#[case::no_text(Some(b"\xff\xfe\xff\xff\xfe".as_slice()))]
#[case::a_directory(None)]
#[tokio::test]
async fn a_file_that_is_of_no_use_is_said_to_be_and_is_not_moved(
    #[case] content: Option<&[u8]>,
    #[values(0, 1, 2, 3)] which: usize,
) {
    let (server, data) = (homeserver().await, TempDir::new().unwrap());
    let me = json!({"user_id": USER, "device_id": "DEVICE"});
    answers(&server, "GET", "v3/account/whoami", 200, me).await;
    saved(data.path());
    for name in &NAMES[1..3] {
        std::fs::write(data.path().join(format!("shape_rotator_2_{name}")), "0".repeat(64)).unwrap();
    }
    let file = data.path().join(format!("shape_rotator_2_{}", NAMES[which]));
    std::fs::remove_file(&file).ok();
    match content {
        Some(content) => std::fs::write(&file, content).unwrap(),
        None => std::fs::create_dir(&file).unwrap(),
    }
    let before = contents(data.path());
    let report = report(&config(&server.uri(), data.path())).await;
    assert_eq!(contents(data.path()), before, "it only looks");
    let name = file.display().to_string();
    let is_said = report
        .iter()
        .any(|(standing, line)| *standing != Standing::Well && line.contains(&name));
    // Any letters are a passphrase; whether the right ones shows when something is to be opened.
    let may_be_one =
        which > 0 && which < 3 && content.is_some_and(|text| std::str::from_utf8(text).is_ok() && !text.is_empty());
    // The session tells as well who it is.
    let is_told_elsewhere = which == 3;
    assert!(
        is_said || may_be_one || is_told_elsewhere,
        "nothing is said of {name}: {report:#?}"
    );
}
