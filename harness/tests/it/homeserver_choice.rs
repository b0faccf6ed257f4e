//! What is taken for a wish, and what is said when it cannot be met.
//!
//! The answer depends on the environment alone, so each case runs in a copy of this test program with an environment of its own.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use knockproof_harness::homeserver::{Choice, choose, look};
use rstest::rstest;
use tempfile::TempDir;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path, path_regex},
};

/// Set in the copy that chooses; `look` where it only looks.
const CHOOSER: &str = "KNOCKPROOF_TEST_CHOOSER";
const NO_ENGINE: &str = "unix:///nonexistent/docker.sock";

#[tokio::test]
async fn chooser() {
    let Some(how) = std::env::var_os(CHOOSER) else {
        return;
    };
    let chosen = match Choice::from_env() {
        Ok(choice) if how == "look" => look(&choice).await,
        Ok(choice) => choose(&choice).await,
        Err(error) => Err(error),
    };
    match chosen {
        Ok(selection) => println!("\ntaken: {}", selection.why),
        Err(error) => println!("\nfailed: {error}"),
    }
}

/// Chooses in an environment that holds nothing but what is given, and answers the line that is said.
fn choose_in(environment: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "homeserver_choice::chooser", "--nocapture"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env(CHOOSER, "1")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let said: Vec<&str> = printed
        .lines()
        .skip_while(|line| !line.starts_with("taken: ") && !line.starts_with("failed: "))
        .take_while(|line| !line.starts_with("test "))
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(said.len(), 1, "not one line: {printed}");
    said[0].to_owned()
}

/// A program that says it is some server.
fn binary(folder: &Path, version: &str) -> PathBuf {
    let path = folder.join("server");
    fs::write(&path, format!("#!/bin/sh\necho '{version}'\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A folder that looks like a virtual environment with Synapse.
fn venv() -> TempDir {
    let venv = tempfile::tempdir().unwrap();
    fs::create_dir(venv.path().join("bin")).unwrap();
    for name in ["python", "synapse_homeserver"] {
        fs::write(venv.path().join("bin").join(name), "").unwrap();
    }
    venv
}

#[rstest]
#[case::unknown("dendrite", &["there is no homeserver 'dendrite'", "continuwuity", "synapse-container"])]
#[case::no_engine_and_no_binary("conduwuit", &["no Docker engine answers", "DOCKER_HOST", "KNOCKPROOF_HOMESERVER_BIN names no binary"])]
#[case::no_engine("synapse-container", &["no Docker engine answers", "DOCKER_HOST"])]
#[case::no_binary("tuwunel-process", &["KNOCKPROOF_HOMESERVER_BIN names no binary"])]
fn a_wish_that_cannot_be_met_says_in_one_line_what_is_missing(#[case] wish: &str, #[case] parts: &[&str]) {
    let said = choose_in(&[("KNOCKPROOF_HOMESERVER", wish), ("DOCKER_HOST", NO_ENGINE)]);
    assert!(said.starts_with("failed: "), "{said}");
    for part in parts {
        assert!(said.contains(part), "no '{part}' in: {said}");
    }
}

#[test]
fn a_virtual_environment_without_synapse_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let said = choose_in(&[
        ("KNOCKPROOF_HOMESERVER", "synapse-process"),
        ("KNOCKPROOF_SYNAPSE_VENV", folder.path().to_str().unwrap()),
    ]);
    assert!(
        said.contains("holds no Synapse") && said.starts_with("failed: "),
        "{said}"
    );
}

#[rstest]
#[case("auto", "taken: continuwuity (process, ")]
#[case("continuwuity", "taken: continuwuity (process, ")]
#[case("continuwuity-process", "taken: continuwuity (process, ")]
#[case("conduwuit", "failed: KNOCKPROOF_HOMESERVER=conduwuit cannot be had: ")]
fn a_binary_is_taken_for_what_it_says_it_is(#[case] wish: &str, #[case] beginning: &str) {
    let folder = tempfile::tempdir().unwrap();
    let binary = binary(folder.path(), "continuwuity 26.7.3");
    let said = choose_in(&[
        ("KNOCKPROOF_HOMESERVER", wish),
        ("KNOCKPROOF_HOMESERVER_BIN", binary.to_str().unwrap()),
        ("DOCKER_HOST", NO_ENGINE),
    ]);
    assert!(said.starts_with(beginning), "{said}");
}

#[test]
fn what_was_preferred_and_is_missing_is_told_with_what_was_taken() {
    let venv = venv();
    let said = choose_in(&[
        ("DOCKER_HOST", NO_ENGINE),
        ("KNOCKPROOF_HOMESERVER", "synapse"),
        ("KNOCKPROOF_SYNAPSE_VENV", venv.path().to_str().unwrap()),
    ]);
    assert!(said.starts_with("taken: synapse (process, "), "{said}");

    let said = choose_in(&[("DOCKER_HOST", NO_ENGINE)]);
    assert!(said.starts_with("taken: embedded (embedded, "), "{said}");
    assert!(said.contains("not taken: no Docker engine answers"), "{said}");
}

/// The causes are kept: who may not use the socket reads something else than who has no engine.
#[rstest]
#[case::an_image(&[("KNOCKPROOF_IMAGE", "somebody/sever:7")], &["no Docker engine answers"])]
#[case::a_binary(&[("KNOCKPROOF_HOMESERVER_BIN", "/nowhere/conduwuit")], &["/nowhere/conduwuit cannot be run", "No such file"])]
#[case::an_environment_of_synapse(
    &[("KNOCKPROOF_HOMESERVER", "synapse"), ("KNOCKPROOF_SYNAPSE_VENV", "/nowhere")],
    &["/nowhere holds no Synapse"]
)]
fn what_is_named_and_not_there_is_never_replaced(#[case] named: &[(&str, &str)], #[case] parts: &[&str]) {
    let said = choose_in(&[&[("DOCKER_HOST", NO_ENGINE)], named].concat());
    assert!(said.starts_with("failed: "), "{said}");
    for part in parts {
        assert!(said.contains(part), "no '{part}' in: {said}");
    }
}

#[test]
fn an_engine_on_another_machine_is_refused_at_once() {
    let since = Instant::now();
    let said = choose_in(&[
        ("KNOCKPROOF_HOMESERVER", "conduwuit-container"),
        // An address for documentation, which nobody has.
        ("DOCKER_HOST", "tcp://192.0.2.7:2375"),
    ]);
    assert!(
        said.starts_with("failed: ") && said.contains("another machine"),
        "{said}"
    );
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
}

/// An engine that has no image and whose registry never answers.
async fn cut_off_engine() -> MockServer {
    let engine = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path_regex("/_ping$"))
        .respond_with(ResponseTemplate::new(200).set_body_string("OK"))
        .mount(&engine)
        .await;
    Mock::given(method("GET"))
        .and(path_regex("/images/json$"))
        .respond_with(ResponseTemplate::new(200).set_body_string("[]"))
        .mount(&engine)
        .await;
    Mock::given(method("POST"))
        .and(path_regex("/images/create$"))
        .respond_with(ResponseTemplate::new(200).set_delay(Duration::from_secs(120)))
        .mount(&engine)
        .await;
    engine
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_out_of_reach_is_noticed_within_seconds_and_the_next_way_taken() {
    let engine = cut_off_engine().await;
    let host = engine.uri().replace("http://", "tcp://");
    let since = Instant::now();

    let said = choose_in(&[("DOCKER_HOST", &host)]);

    assert!(said.starts_with("taken: embedded (embedded, "), "{said}");
    assert!(said.contains("cannot be pulled (no answer for 8 s)"), "{said}");
    assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_looks_pulls_nothing_and_is_told_what_would_be_pulled() {
    let engine = cut_off_engine().await;
    let host = engine.uri().replace("http://", "tcp://");

    let said = choose_in(&[("DOCKER_HOST", &host), (CHOOSER, "look")]);

    assert!(
        said.starts_with("taken: conduwuit (container, girlbossceo/conduwuit:latest): "),
        "{said}"
    );
    assert!(said.contains("is not here and would be pulled"), "{said}");
    let asked = engine.received_requests().await.unwrap();
    assert!(!asked.is_empty(), "the engine was not asked");
    assert!(
        asked.iter().all(|request| request.method == "GET"),
        "something was pulled: {asked:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_pulled_is_named_with_the_way_out() {
    let engine = MockServer::start().await;
    Mock::given(path("/_ping"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&engine)
        .await;
    Mock::given(path_regex("/_ping$"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&engine)
        .await;
    Mock::given(path_regex("/images/json$"))
        .respond_with(ResponseTemplate::new(200).set_body_string("[]"))
        .mount(&engine)
        .await;
    let host = engine.uri().replace("http://", "tcp://");

    let said = choose_in(&[("DOCKER_HOST", &host), ("KNOCKPROOF_HOMESERVER", "conduwuit-container")]);
    assert!(
        said.contains("image girlbossceo/conduwuit:latest is not here and cannot be pulled"),
        "{said}"
    );
    assert!(said.contains("KNOCKPROOF_IMAGE"), "{said}");

    let said = choose_in(&[
        ("DOCKER_HOST", &host),
        ("KNOCKPROOF_HOMESERVER", "conduwuit-container"),
        ("KNOCKPROOF_IMAGE", "somebody/server:7"),
    ]);
    assert!(
        said.contains("image somebody/server:7 is not here and cannot be pulled"),
        "{said}"
    );
}
