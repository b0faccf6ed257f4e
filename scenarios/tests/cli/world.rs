//! A world for the tests of others, and a contract for their bot.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::Stdio,
};

use crate::{
    command,
    place::{Place, json},
    text,
};

/// The status of an answer.
fn get(url: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap())?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_world_is_one_line_of_json_and_ends_with_its_input() {
    let place = Place::new();
    let mut up = command(&["up", "--json", "--homeserver", "embedded", "--seed", "7"]);
    up.env("TMPDIR", place.path("tmp"))
        .env("KNOCKPROOF_ARTIFACTS", place.path("artifacts"))
        .env("KNOCKPROOF_RUN_ID", place.run());
    let mut up = up.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(up.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();

    let world = json(line.as_bytes());
    let url = world["homeserver"].as_str().unwrap();
    assert!(
        get(url, "/_matrix/client/versions")
            .unwrap()
            .starts_with("HTTP/1.1 200")
    );
    let names: Vec<&str> = world["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["owner", "bot"]);
    assert_eq!(
        world["environment"]["ACCESS_TOKEN"],
        world["accounts"][1]["access_token"]
    );
    assert_eq!(world["environment"]["ROOM"], world["rooms"]["plain"]);
    assert!(world["rooms"]["encrypted"].is_string());

    drop(up.stdin.take());
    assert_eq!(up.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
    assert!(get(url, "/").is_err(), "the homeserver is still there");
    assert_eq!(
        (place.scratch("").len(), place.left().len()),
        (0, 0),
        "something is left behind"
    );
}

#[test]
fn a_contract_is_written_for_what_lies_in_a_folder_and_can_be_drilled_with() {
    let place = Place::new();
    let folder = place.path("echo");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("requirements.txt"), "mautrix[encryption]==0.21\n").unwrap();
    fs::write(
        folder.join("bot.py"),
        "import os; os.environ['HOMESERVER'], os.environ['TOKEN']\n",
    )
    .unwrap();
    let mut init = command(&["init", folder.to_str().unwrap(), "--say", "!echo hello"]);
    let mut init = init.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // The name, the command as it was guessed, the answer.
    init.stdin.take().unwrap().write_all(b"\n\nhello\n").unwrap();
    let output = init.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stdout).contains("a bot on mautrix"), "{output:?}");

    let contract = folder.join("knockproof.toml");
    let checked = command(&["contract", "check", contract.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let said = text(&checked.stdout);
    assert!(
        said.contains("echo has a sound contract") && said.contains("\n  env-token-clobbered: "),
        "{said}"
    );

    let again = command(&["init", folder.to_str().unwrap(), "--yes"]).output().unwrap();
    assert_eq!(again.status.code(), Some(2), "{again:?}");
    assert!(text(&again.stderr).contains("is there already"), "{again:?}");
}
