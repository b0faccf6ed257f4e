//! What a health check asks.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking, in helpers too"
)]

use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long a program may take until it answers.
const PATIENCE: Duration = Duration::from_secs(30);

fn command(data: &Path, port: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_knock-approver"));
    command
        .env_clear()
        // Nobody is there: the bot does not serve, and lives.
        .env("HS", "http://127.0.0.1:9")
        .env("SPACE_ID", "!space:x")
        .env("DATA_DIR", data)
        .env("HTTP_PORT", port.to_string());
    command
}

/// Ended when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_bot_that_lives_is_told_from_one_that_is_gone() {
    let data = TempDir::new().unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let asked = || command(data.path(), port).arg("alive").output().unwrap();

    let bot = Running(command(data.path(), port).spawn().unwrap());
    let deadline = Instant::now() + PATIENCE;
    while !asked().status.success() {
        assert!(Instant::now() < deadline, "{:?}", asked());
    }
    drop(bot);

    let gone = asked();
    assert_eq!(gone.status.code(), Some(1), "{gone:?}");
    let said = String::from_utf8_lossy(&gone.stderr).into_owned();
    assert!(said.contains(&format!("no bot answers on port {port}")), "{said}");
}
