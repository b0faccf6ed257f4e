//! What cannot be run is found before the first drill, once, and is no failure of the bot's.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Output},
};

use rstest::rstest;

use crate::{
    place::{ENDS, Place},
    text,
};

const ONE: [&str; 4] = ["--scenario", "smoke", "--fault", "none"];
const NO_ENGINE: &str = "unix:///nonexistent/docker.sock";

/// What is said of a run that could not begin: one line, and no word of any drill.
fn refusal(command: &mut Command) -> String {
    let output: Output = command.output().unwrap();
    let (said, shown) = (text(&output.stderr), text(&output.stdout));
    assert_eq!(output.status.code(), Some(2), "{said}\n{shown}");
    assert!(!shown.contains("smoke/plain"), "a drill was begun: {shown}");
    said
}

#[rstest]
#[case::that_is_not_there("/nowhere/bot", "there is no file /nowhere/bot")]
#[case::that_is_not_in_path("no-such-bot --fast", "no program no-such-bot in PATH")]
#[case::that_is_no_program("/etc/passwd", "/etc/passwd cannot be executed")]
#[case::whose_command_is_not_quoted("'open", "KNOCKPROOF_BOT")]
fn a_bot(#[case] bot: &str, #[case] part: &str) {
    let said = refusal(&mut Place::new().drill(bot, &ONE));
    assert!(said.contains(part) && said.trim_end().lines().count() == 1, "{said}");
}

#[rstest]
#[case::an_image("KNOCKPROOF_IMAGE", "somebody/sever:7", "no Docker engine answers")]
#[case::a_binary(
    "KNOCKPROOF_HOMESERVER_BIN",
    "/nowhere/conduwuit",
    "/nowhere/conduwuit cannot be run"
)]
fn something_named_that_is_not_there(#[case] variable: &str, #[case] value: &str, #[case] part: &str) {
    let said = refusal(
        crate::command(&["drill"])
            .args(ONE)
            .env("KNOCKPROOF_BOT", ENDS)
            .env("DOCKER_HOST", NO_ENGINE)
            .env(variable, value),
    );
    assert!(said.contains(part) && said.trim_end().lines().count() == 1, "{said}");
}

#[test]
fn a_bot_in_an_image_where_no_engine_is() {
    let place = Place::new();
    let contract = place.path("bot.toml");
    let text =
        "name = 'pong'\nimage = 'pong:1'\nready = { log = 'up' }\nidentities = [{ name = 'bot', localpart = 'bot' }]\n";
    fs::write(&contract, text).unwrap();
    let mut command = crate::command(&["drill", "--homeserver", "embedded", "--fault", "none"]);
    command.arg("--contract").arg(&contract).env("DOCKER_HOST", NO_ENGINE);
    let said = refusal(&mut command);
    let names = said.contains("pong:1") && said.contains("no Docker engine answers");
    assert!(names && said.trim_end().lines().count() == 1, "{said}");
    let said = refusal(
        command
            .env("KNOCKPROOF_BOT", ENDS)
            .env("KNOCKPROOF_BOT_IMAGE", "pong:2"),
    );
    assert!(said.contains("KNOCKPROOF_BOT and KNOCKPROOF_BOT_IMAGE"), "{said}");
}

/// A program that says on its command line that it is conduwuit.
fn server(place: &Place, serves: &str) -> PathBuf {
    let path = place.path("server");
    let script = format!("#!/bin/sh\n[ \"$1\" = --version ] && exec echo 'conduwuit 0.5.0'\n{serves}\n");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn on(place: &Place, server: PathBuf) -> Command {
    let mut command = place.drill(ENDS, &ONE);
    command
        .args(["--homeserver", "conduwuit-process"])
        .env("KNOCKPROOF_HOMESERVER_BIN", server);
    command
}

#[test]
fn a_server_that_says_it_is_another_one() {
    let place = Place::new();
    let serves = r#"exec python3 -c '
import http.server, json, os
class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"versions": ["v1.11"], "server": {"name": "continuwuity", "version": "26.7.3"}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("127.0.0.1", int(os.environ["CONDUWUIT_PORT"])), Server).serve_forever()
'"#;
    let said = refusal(&mut on(&place, server(&place, serves)));
    assert!(said.contains("says that it is continuwuity, not conduwuit"), "{said}");
    assert_eq!(place.processes(), Vec::<String>::new());
}

#[test]
fn a_server_that_does_not_come_up() {
    let place = Place::new();
    let said = refusal(&mut on(&place, server(&place, "echo no database; exit 9")));
    assert!(
        said.contains("it ended: exit status: 9") && said.contains("no database"),
        "{said}"
    );
    let log = place
        .left()
        .into_iter()
        .find(|path| path.display().to_string().contains("probe-conduwuit"));
    assert!(
        log.is_some_and(|folder| folder.join("homeserver.log").is_file()),
        "{:?}",
        place.left()
    );
}

#[test]
fn a_report_that_cannot_be_written() {
    let said = refusal(Place::new().drill(ENDS, &ONE).args(["--json", "/nowhere/report.json"]));
    assert!(
        said.contains("/nowhere/report.json") && said.trim_end().lines().count() == 1,
        "{said}"
    );
}

#[test]
fn a_fault_named_beside_others_at_a_moment_that_it_has_not() {
    let faults = ["--fault", "env-token-empty,bot-killed", "--moment", "in-the-middle"];
    let said = refusal(&mut Place::new().drill(ENDS, &faults));
    assert!(said.contains("env-token-empty makes sense only"), "{said}");
}
