//! The HTTP side under strangers: who opens thousands of connections, or calls without pause, keeps nobody else out.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking, in helpers too"
)]

use std::{
    net::{Ipv4Addr, TcpListener},
    process::{Child, Command},
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet};

/// How long a program may take to begin, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long `/health` may take meanwhile.
const PROMPT: Duration = Duration::from_secs(5);

/// A bot that waits for a homeserver which is not there; ended when it is dropped.
struct Bot {
    child: Child,
    port: u16,
    _data: TempDir,
}

impl Bot {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let data = TempDir::new().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_knock-approver"))
            .env_clear()
            .env("HS", "http://127.0.0.1:9")
            .env("SPACE_ID", "!space:x")
            .env("DATA_DIR", data.path())
            .env("HTTP_PORT", port.to_string())
            .env("RUST_LOG", "off")
            .spawn()
            .unwrap();
        let bot = Self {
            child,
            port,
            _data: data,
        };
        let deadline = Instant::now() + PATIENCE;
        while bot.health().await.is_none() {
            assert!(Instant::now() < deadline, "it does not begin");
            tokio::task::yield_now().await;
        }
        bot
    }

    /// How long `/health` took to answer 200.
    async fn health(&self) -> Option<Duration> {
        let began = Instant::now();
        let url = format!("http://127.0.0.1:{}/health", self.port);
        // A connection of its own each time, as a probe makes one.
        let client = reqwest::Client::builder()
            .pool_max_idle_per_host(0)
            .timeout(PROMPT)
            .build()
            .unwrap();
        let answer = client.get(url).send().await.ok()?;
        answer.status().is_success().then(|| began.elapsed())
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// This test itself holds more sockets than a program may by default.
fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    let more = Rlimit {
        current: limit.maximum.or(Some(65_536)),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, more).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_connections_that_say_nothing_keep_nobody_out() {
    let bot = Bot::start().await;
    allow_many_files();
    let mut open = Vec::new();
    for n in 0..2000 {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, bot.port)).await.unwrap();
        // Half of them begin a request, and never end it.
        if n % 2 == 0 {
            // Whoever was driven out already cannot say anything.
            let _ = connection.write_all(b"POST /join/api HTTP/1.1\r\nhost: x\r\n").await;
        }
        open.push(connection);
        if n % 200 == 199 {
            assert!(bot.health().await.is_some(), "no answer beside {n} connections");
        }
    }
    for _ in 0..10 {
        assert!(
            bot.health().await.is_some(),
            "no answer beside {} connections",
            open.len()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_calls_at_the_limit_keep_nobody_out() {
    let bot = Bot::start().await;
    let url = format!("http://127.0.0.1:{}/join/api", bot.port);
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let (client, url) = (reqwest::Client::new(), url.clone());
        callers.spawn(async move {
            let mut refused = 0;
            for _ in 0..200 {
                // A body that is no JSON is answered at once where the limit lets it through.
                let answer = client.post(&url).body("{").send().await.unwrap();
                match answer.status().as_u16() {
                    429 => {
                        assert!(answer.headers().contains_key("retry-after"));
                        refused += 1;
                    }
                    status => assert_eq!(status, 400),
                }
            }
            refused
        });
    }
    let mut refused = 0;
    while !callers.is_empty() {
        assert!(bot.health().await.is_some(), "no answer beside those who call");
        while let Some(ended) = callers.try_join_next() {
            refused += ended.unwrap();
        }
    }
    // A burst of sixty, and one more each second since.
    assert!((9_000..=9_940).contains(&refused), "{refused} of 10,000 were refused");
}
