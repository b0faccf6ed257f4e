//! How the program begins.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking, in helpers too"
)]

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command},
    time::{Duration, Instant},
};

use knock_approver::storage::Store;
use rstest::rstest;
use tempfile::TempDir;

/// How long a program may take to begin.
const PATIENCE: Duration = Duration::from_secs(30);

/// A bot that waits for a homeserver which is not there; ended when it is dropped.
struct Bot(Child);

impl Bot {
    fn start(data: &Path, more: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_knock-approver"));
        command
            .env_clear()
            .env("HS", "http://127.0.0.1:9")
            .env("SPACE_ID", "!space:x")
            .env("DATA_DIR", data)
            .env("HTTP_PORT", free_port().to_string())
            .envs(more.iter().copied());
        Self(command.spawn().unwrap())
    }

    /// Its environment, once it has taken its data directory.
    fn environment(&self, data: &Path) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        while !data.join(Store::FILE).exists() {
            assert!(Instant::now() < deadline, "it has not opened its database");
            std::thread::yield_now();
        }
        let environment = fs::read(format!("/proc/{}/environ", self.0.id())).unwrap();
        let variables = environment.split(|byte| *byte == 0);
        variables
            .map(|variable| String::from_utf8_lossy(variable).into_owned())
            .collect()
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

impl Drop for Bot {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().unwrap();
    }
}

#[rstest]
#[case::by_itself(&[], Some("MALLOC_ARENA_MAX=1"))]
#[case::as_the_operator_wants(&[("MALLOC_ARENA_MAX", "4")], Some("MALLOC_ARENA_MAX=4"))]
#[case::as_the_operator_wants_in_other_words(&[("GLIBC_TUNABLES", "glibc.malloc.arena_max=4")], None)]
fn the_allocator_is_set(#[case] more: &[(&str, &str)], #[case] wanted: Option<&str>) {
    let data = TempDir::new().unwrap();
    let environment = Bot::start(data.path(), more).environment(data.path());
    let set = environment
        .iter()
        .find(|variable| variable.starts_with("MALLOC_ARENA_MAX"));
    assert_eq!(set.map(String::as_str), wanted, "{environment:?}");
}

/// As process 1 of a container a program that does not listen never gets a signal; and whoever stops one waits ten seconds, then kills it.
#[test]
fn a_signal_ends_it_also_while_it_begins() {
    let data = TempDir::new().unwrap();
    // Somebody else has the database for themselves, so that the start has to wait.
    let other = rusqlite::Connection::open(data.path().join(Store::FILE)).unwrap();
    other
        .execute_batch("CREATE TABLE held (by_whom TEXT); BEGIN EXCLUSIVE")
        .unwrap();
    let mut bot = Bot::start(data.path(), &[("RUST_LOG", "off")]);
    let deadline = Instant::now() + PATIENCE;
    while !data.path().join("lock").exists() {
        assert!(Instant::now() < deadline, "it does not begin");
        std::thread::yield_now();
    }
    let pid = rustix::process::Pid::from_child(&bot.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let deadline = Instant::now() + Duration::from_secs(8);
    let status = loop {
        if let Some(status) = bot.0.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "it does not end");
        std::thread::yield_now();
    };
    assert_eq!(status.code(), Some(0), "{status}");
}
