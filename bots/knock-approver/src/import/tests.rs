use rstest::rstest;

use super::*;
use crate::{
    config::Config,
    storage::{lobby, vetting},
};

const ROOM: &str = "!lobby:hs";

fn flow() -> FlowConfig {
    let lookup = |name: &str| match name {
        "HS" => Some("http://hs.example".to_owned()),
        "SPACE_ID" => Some("!space:hs".to_owned()),
        "OPERATOR_NOTIFY_ROOM" => Some("!operators:hs".to_owned()),
        _ => None,
    };
    Config::from_lookup(&lookup).unwrap().flow
}

async fn imported(files: &[(&str, &str)]) -> (tempfile::TempDir, Store, Imported) {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(dir.path().join(name), content).unwrap();
    }
    let store = Store::open(dir.path()).unwrap();
    let imported = import(&store, dir.path(), &flow()).await.unwrap().unwrap();
    (dir, store, imported)
}

/// What is to be said in the operators' room.
async fn notes_of(store: &Store) -> Vec<String> {
    let payloads = store.run(|tx| {
        let mut query = tx.prepare("SELECT payload FROM outbox ORDER BY id")?;
        let payloads = query
            .query_map([], |row| row.get::<_, String>(0))?
            .collect::<Result<Vec<_>, _>>()?;
        Ok::<_, StoreError>(payloads)
    });
    let payloads = payloads.await.unwrap();
    let body = |payload: &String| {
        let payload: serde_json::Value = serde_json::from_str(payload).unwrap();
        assert_eq!(payload["room"], "!operators:hs");
        payload["body"].as_str().unwrap().to_owned()
    };
    payloads.iter().map(body).collect()
}

fn lobby_file(closed: bool) -> String {
    json!({ ROOM: {
        "alias": "lobby-1", "code": "abc", "created": 1_700_000_000.5, "title": "Moss", "keyword": "moss",
        "challenged": ["@bob:hs"], "tries": { "@bob:hs": 2 }, "displaynames": { "@bob:hs": "Bob" },
        "challenge_sent_ts": { "@bob:hs": 1_700_000_010.25 }, "challenge_resends": { "@bob:hs": 1 },
        "promoted": false, "closed": closed,
    } })
    .to_string()
}

#[tokio::test]
async fn codes_of_both_kinds_keep_uses_label_and_inviter() {
    let (_dir, store, imported) = imported(&[
        (
            "codes.json",
            r#"{"k": {"uses_remaining": 3, "label": "friends"}, "bare": {}}"#,
        ),
        (
            "signup_codes.json",
            r#"{"s": {"uses_remaining": 1, "label": null, "inviter": "@ann:hs"}}"#,
        ),
    ])
    .await;
    assert_eq!(imported.codes, 3);
    let live = store.run(codes::live).await.unwrap();
    let seen = live
        .iter()
        .map(|code| {
            (
                code.code.as_str(),
                code.kind,
                code.uses_remaining,
                code.inviter.as_deref(),
            )
        })
        .collect::<Vec<_>>();
    assert_eq!(
        seen,
        [("k", Kind::Knock, 3, None), ("s", Kind::Signup, 1, Some("@ann:hs"))]
    );
    assert_eq!(live[0].label, "friends");
}

#[tokio::test]
async fn an_open_vetting_goes_on_and_a_closed_one_stays_closed() {
    let file = r#"{
        "!open:hs": {"mxid": "@bob:hs", "code": "k", "created": 1700000000.5, "title": "Moss", "keyword": "moss",
                     "tries_left": 2, "promoted": false, "closed": false},
        "!done:hs": {"mxid": "@ann:hs", "code": "k", "created": 1700000000, "title": "Moss", "keyword": "moss",
                     "tries_left": 3, "promoted": true, "closed": true, "displayname": "Ann",
                     "promoted_at": 1700000100.5, "invited_children": ["!c:hs"]}
    }"#;
    let (_dir, store, imported) = imported(&[("vetting.json", file)]).await;
    assert_eq!(imported.vettings, 2);
    store
        .run(|tx| {
            let open = vetting::in_room(tx, "!open:hs")?.unwrap();
            assert!(!open.closed);
            assert_eq!(
                (open.mxid.as_str(), open.keyword.as_deref(), open.tries_left),
                ("@bob:hs", Some("moss"), 2)
            );
            assert!(vetting::in_room(tx, "!done:hs")?.unwrap().closed);
            assert_eq!(queue::pending(tx, Queue::Inbox)?, 1, "only the open one has a time-out");
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn an_open_lobby_keeps_its_users_and_their_tries() {
    let (_dir, store, imported) = imported(&[("lobby.json", &lobby_file(false))]).await;
    assert_eq!(imported.lobbies, 1);
    store
        .run(|tx| {
            let lobby = lobby::in_room(tx, ROOM)?.unwrap();
            assert_eq!((lobby.alias.as_str(), lobby.keyword.as_str()), ("lobby-1", "moss"));
            let user = lobby::user(tx, lobby.id, "@bob:hs")?.unwrap();
            assert!(user.challenged && user.answered);
            assert_eq!((user.tries, user.resends), (2, 1));
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
}

#[rstest]
#[case::open_and_never_announced(false, None, &["🚪 Bob (@bob:hs) started lobby flow (code=abc)"])]
#[case::open_and_announced_to_others_only(
    false,
    Some(r#"{"!lobby:hs": {"started": ["@ann:hs"], "failed": false}}"#),
    &["🚪 Bob (@bob:hs) started lobby flow (code=abc)"]
)]
#[case::open_and_announced(false, Some(r#"{"!lobby:hs": {"started": ["@bob:hs"], "failed": false}}"#), &[])]
#[case::closed_and_never_announced(true, None, &[])]
#[case::closed_and_announced(true, Some(r#"{"!lobby:hs": {"started": ["@bob:hs"], "failed": true}}"#), &[])]
#[tokio::test]
async fn an_open_lobby_is_announced_once_and_a_closed_one_never(
    #[case] closed: bool,
    #[case] announced: Option<&str>,
    #[case] expected: &[&str],
) {
    let lobbies = lobby_file(closed);
    let mut files = vec![("lobby.json", lobbies.as_str())];
    files.extend(announced.map(|announced| ("operator_announce.json", announced)));
    let (dir, store, _) = imported(&files).await;
    assert_eq!(notes_of(&store).await, expected);
    assert!(
        import(&store, dir.path(), &flow()).await.unwrap().is_none(),
        "only once"
    );
    assert_eq!(notes_of(&store).await, expected);
}

/// That the files were imported can be forgotten alone.
#[tokio::test]
async fn importing_again_tells_nothing_again() {
    let lobbies = json!({
        ROOM: serde_json::from_str::<serde_json::Value>(&lobby_file(false)).unwrap()[ROOM],
        "!other:hs": { "alias": "lobby-2", "code": "abc", "created": 1_700_000_000, "title": "Moss", "keyword": "moss" },
    });
    let (dir, store, _) = imported(&[("lobby.json", &lobbies.to_string())]).await;
    let told = notes_of(&store).await;
    let lost = store.run(|tx| {
        tx.execute("DELETE FROM meta", [])?;
        tx.execute("DELETE FROM announcement", [])?;
        queue::pending(tx, Queue::Inbox)
    });
    let pending = lost.await.unwrap();
    assert!(import(&store, dir.path(), &flow()).await.unwrap().is_some());
    assert_eq!(notes_of(&store).await, told);
    let now = store.run(|tx| queue::pending(tx, Queue::Inbox)).await.unwrap();
    assert_eq!(now, pending, "no second time-out");
}

#[tokio::test]
async fn a_lobby_that_nobody_joined_is_not_news() {
    let file =
        r#"{"!lobby:hs": {"alias": "a", "code": "k", "created": 1700000000, "title": "Moss", "keyword": "moss"}}"#;
    let (_dir, store, _) = imported(&[("lobby.json", file)]).await;
    assert!(notes_of(&store).await.is_empty());
}

#[tokio::test]
async fn a_file_of_another_shape_stops_the_import_without_telling_its_codes() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("codes.json"), r#"{"secret-code": 3}"#).unwrap();
    let store = Store::open(dir.path()).unwrap();
    let error = import(&store, dir.path(), &flow()).await.unwrap_err().to_string();
    assert!(error.starts_with("codes.json"), "{error}");
    assert!(!error.contains("secret-code"), "{error}");
}

const FILES: [&str; 5] = [
    "codes.json",
    "signup_codes.json",
    "vetting.json",
    "lobby.json",
    "operator_announce.json",
];

fn damaged(dir: &std::path::Path, file: &str, damage: &str) {
    let path = dir.join(file);
    match damage {
        "a directory" => std::fs::create_dir(&path).unwrap(),
        "garbage" => std::fs::write(&path, "garbage").unwrap(),
        "empty" => std::fs::write(&path, "").unwrap(),
        "not UTF-8" => std::fs::write(&path, b"{\"\xff\": {}}").unwrap(),
        "of zeros" => std::fs::write(&path, [0; 64]).unwrap(),
        "truncated" => std::fs::write(&path, r#"{"k": {"uses"#).unwrap(),
        other => panic!("{other}"),
    }
}

/// Nobody looks after files that were imported years ago.
#[rstest]
#[tokio::test]
async fn an_old_file_that_is_damaged_after_the_import_stops_no_start(
    #[values("a directory", "garbage", "empty", "not UTF-8", "of zeros", "truncated")] damage: &str,
) {
    for file in FILES {
        let (dir, store, _) = imported(&[]).await;
        damaged(dir.path(), file, damage);
        assert!(import(&store, dir.path(), &flow()).await.unwrap().is_none(), "{file}");
    }
}

#[rstest]
#[tokio::test]
async fn an_old_file_that_is_damaged_before_the_import_is_named_with_a_step(
    #[values("a directory", "garbage", "empty", "not UTF-8", "of zeros", "truncated")] damage: &str,
) {
    for file in FILES {
        let dir = tempfile::tempdir().unwrap();
        damaged(dir.path(), file, damage);
        let store = Store::open(dir.path()).unwrap();
        let error = import(&store, dir.path(), &flow()).await.unwrap_err().to_string();
        assert!(error.contains(file) && error.contains("move it away"), "{error}");
    }
}

#[tokio::test]
async fn an_old_file_with_a_byte_order_mark_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let text = "\u{feff}{\"k\": {\"uses_remaining\": 3}}";
    std::fs::write(dir.path().join("codes.json"), text).unwrap();
    let wide: Vec<u8> = "\u{feff}{\"s\": {\"uses_remaining\": 1}}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    std::fs::write(dir.path().join("signup_codes.json"), wide).unwrap();
    let store = Store::open(dir.path()).unwrap();
    let imported = import(&store, dir.path(), &flow()).await.unwrap().unwrap();
    assert_eq!(imported.codes, 2);
}

/// What is left of a wait is told by the old approver's own clock alone: nobody was heard since its last word.
#[rstest]
#[case::half_an_hour_ago(-1800, 5400)]
#[case::in_the_moment(0, 7200)]
#[case::by_a_clock_that_was_set_back(600, 7200)]
#[case::long_over(-9000, 0)]
#[tokio::test]
async fn what_waits_goes_on_waiting_for_as_long_as_the_old_approver_would(#[case] began: i64, #[case] left: i64) {
    let dir = tempfile::tempdir().unwrap();
    let written = std::time::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    let created = 1_600_000_000 + began;
    let vetting = json!({ "!v:hs": { "mxid": "@bob:hs", "code": "k", "created": created } });
    let lobby =
        json!({ "!l:hs": { "alias": "a", "code": "k", "created": created, "title": "Moss", "keyword": "moss" } });
    for (name, content) in [("vetting.json", vetting), ("lobby.json", lobby)] {
        let path = dir.path().join(name);
        std::fs::write(&path, content.to_string()).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(written).unwrap();
    }
    let store = Store::open(dir.path()).unwrap();
    import(&store, dir.path(), &flow()).await.unwrap().unwrap();
    let dues = store.run(|tx| {
        let mut query = tx.prepare("SELECT due FROM inbox WHERE key LIKE '%:timeout'")?;
        let dues = query.query_map([], |row| row.get::<_, i64>(0))?;
        Ok(dues.collect::<Result<Vec<_>, _>>()?)
    });
    let dues = dues.await.unwrap();
    assert_eq!(dues.len(), 2);
    for due in dues {
        let seconds = (due - now_ms()) / 1000;
        // Give or take what the test itself takes.
        assert!((left - 60..=left).contains(&seconds), "{seconds}");
    }
}

/// The old approver wrote what it had, which was nothing now and then, or a number that had gone too far.
#[tokio::test]
async fn what_is_null_counts_as_absent_and_what_is_out_of_range_as_its_end() {
    let vetting = r#"{"!v:hs": {"mxid": "@ann:hs", "code": null, "created": null, "title": null, "tries_left": -1, "promoted": null}}"#;
    let lobby = r#"{"!l:hs": {"alias": null, "code": "c", "created": 1.5, "title": null, "keyword": null, "challenged": ["@bob:hs"],
        "tries": {"@bob:hs": 2.0}, "displaynames": {"@bob:hs": null}, "challenge_sent_ts": {"@bob:hs": null},
        "challenge_resends": null, "promoted": false, "closed": null}}"#;
    let codes = r#"{"gone": {"uses_remaining": -3, "label": "a"}, "much": {"uses_remaining": 1e12}, "none": {"uses_remaining": null}}"#;
    let announced = r#"{"!l:hs": {"started": null, "failed": null}}"#;
    let (_dir, store, imported) = imported(&[
        ("vetting.json", vetting),
        ("lobby.json", lobby),
        ("codes.json", codes),
        ("operator_announce.json", announced),
    ])
    .await;
    assert_eq!((imported.codes, imported.vettings, imported.lobbies), (3, 1, 1));
    let live = store.run(codes::live).await.unwrap();
    let uses: Vec<_> = live
        .iter()
        .map(|code| (code.code.as_str(), code.uses_remaining))
        .collect();
    assert_eq!(uses, [("much", u32::MAX)]);
    let found = store.run(|tx| Ok::<_, StoreError>((vetting::in_room(tx, "!v:hs")?, lobby::in_room(tx, "!l:hs")?)));
    let (vetting, lobby) = found.await.unwrap();
    assert_eq!(vetting.unwrap().tries_left, 0);
    let id = lobby.unwrap().id;
    let bob = store
        .run(move |tx| lobby::user(tx, id, "@bob:hs"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((bob.tries, bob.resends), (2, 0));
}
