//! `run`: the bot itself.

use std::{
    net::{Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{CliError, crew::Crew, signals::Signals};
use crate::{
    breaker::Breaker,
    challenge::Source,
    config::{CodeSeed, Config, DEVICE_NAME, IdentityConfig, Role},
    flows::Flows,
    health::{Board, Degraded},
    http::{self, Limiter, Shared},
    identity::{Identity, Intake, StartError},
    import,
    intake::Inlet,
    lanes,
    matrix::Homeserver,
    metrics::Metrics,
    monitor::{Monitor, News, Watched},
    outbox::Sender,
    session::Server,
    storage::{
        Store, StoreError, audit, clock,
        codes::{self, Code, Kind},
        now_ms,
        queue::{self, Queue},
        verification,
    },
    team::Team,
    vault::DataDirLock,
    verification::{Listening, Verifier},
};

/// How long identities may take to end their sync.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long rows that are done are kept, in milliseconds.
const KEEP: i64 = 7 * 24 * 3600 * 1000;

/// Runs until a signal or until a part of the bot is gone.
pub(super) async fn run(config: Config, signals: &mut Signals) -> Result<(), CliError> {
    let shutdown = CancellationToken::new();
    // Beside the signals: what a start waits for (a database that is busy, a slow disk) must not keep it from ending.
    let mut start = tokio::spawn(start(config, shutdown.clone()));
    let started = tokio::select! {
        started = &mut start => started,
        () = signals.wait() => {
            tracing::info!("shutting down before the start was over");
            return Ok(());
        }
    };
    let Running { crew, alive, _lock } =
        started.map_err(|error| CliError::Failed(format!("the start failed: {error}")))??;
    until_over(crew, &alive, signals.wait(), shutdown).await
}

/// Runs until `stop`, or until a part of the bot is gone, and ends the others.
async fn until_over(
    mut crew: Crew,
    alive: &AtomicBool,
    stop: impl Future<Output = ()>,
    shutdown: CancellationToken,
) -> Result<(), CliError> {
    let lost = tokio::select! {
        () = stop => None,
        loss = crew.loss() => Some(loss),
    };
    match &lost {
        None => tracing::info!("shutting down"),
        Some(loss) => {
            alive.store(false, Ordering::Relaxed);
            tracing::error!(%loss, "shutting down");
        }
    }
    shutdown.cancel();
    if !crew.ends(FAREWELL).await {
        tracing::warn!("not everything ended in time; what was in flight is settled at the next start");
    }
    lost.map_or(Ok(()), |loss| Err(CliError::Lost(loss)))
}

/// A bot that runs.
struct Running {
    crew: Crew,
    /// What `/health` says.
    alive: Arc<AtomicBool>,
    _lock: DataDirLock,
}

async fn start(config: Config, shutdown: CancellationToken) -> Result<Running, CliError> {
    let lock = DataDirLock::acquire(&config.data_dir)?;
    let config = Arc::new(config);
    let (store, asides) = database(&config).await?;
    let listener = listen(config.http_port).await?;
    let (mut crew, alive) = (Crew::default(), Arc::new(AtomicBool::new(true)));
    let board = Board::new(&config.roles());
    board.weaker(Role::Approver, "database", put_aside(&asides));
    let (metrics, breaker) = (Metrics::default(), Arc::new(Breaker::new(config.breaker)));
    let server = Server::new(config.homeserver.clone(), DEVICE_NAME).map_err(StartError::from)?;
    let team = team(&config, &store, &server, &board, &mut crew, &shutdown)?;
    let homeserver: Arc<dyn Homeserver> = Arc::new(team.clone());
    let flows = Flows::new(
        config.clone(),
        store.clone(),
        homeserver.clone(),
        Source::new(articles()?, config.flow.challenge_url.clone()),
        board.clone(),
        metrics.clone(),
    );
    flows.abandon_cut_off_lobbies().await?;
    let flows = Arc::new(flows);
    let sender = Sender::new(
        config.clone(),
        store.clone(),
        homeserver,
        breaker.clone(),
        board,
        metrics,
    );
    let sender = Arc::new(sender.await?);
    let limiter = Limiter::new(config.rate.clone());
    let shared = Arc::new(Shared {
        flows: flows.clone(),
        team,
        breaker,
        server,
        limiter,
        alive: alive.clone(),
    });
    crew.start(
        "inbox",
        lanes::run(store.clone(), Queue::Inbox, flows, shutdown.clone()),
    );
    crew.start(
        "outbox",
        lanes::run(store.clone(), Queue::Outbox, sender.clone(), shutdown.clone()),
    );
    crew.start("breaker", watched_breaker(sender, shutdown.clone()));
    crew.start("sweeper", sweep(store.clone(), shutdown.clone()));
    crew.start("database", closed(store, shutdown.clone()));
    tracing::info!(port = config.http_port, "listening");
    crew.start("http", http::serve(listener, shared, shutdown));
    Ok(Running {
        crew,
        alive,
        _lock: lock,
    })
}

/// The database, with the old approver's files and the codes of the environment in it; and what was put aside of an earlier one.
async fn database(config: &Config) -> Result<(Store, Vec<PathBuf>), CliError> {
    let (store, asides) = Store::recover(&config.data_dir)?;
    store.run(clock::resume).await?;
    if let Some(taken) = import::import(&store, &config.data_dir, &config.flow).await? {
        tracing::info!(
            codes = taken.codes,
            vettings = taken.vettings,
            lobbies = taken.lobbies,
            "the old approver's files are imported"
        );
    }
    seed(&store, config).await?;
    Ok((store, asides))
}

/// What was put aside is said until somebody has looked at it.
fn put_aside(files: &[PathBuf]) -> Option<Degraded> {
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    (!names.is_empty()).then(|| Degraded {
        what: format!(
            "the database was damaged: what was in it (codes, rooms where newcomers are asked) is not known any more, and is kept in {}",
            names.join(" ")
        ),
        cure: "stop the bot and restore the database from a backup, or go on without; then move those files away and restart".to_owned(),
    })
}

/// Both identities, the monitor of the rooms in which the first acts, and who goes along with those who verify them.
fn team(
    config: &Arc<Config>,
    store: &Store,
    server: &Server,
    board: &Board,
    crew: &mut Crew,
    shutdown: &CancellationToken,
) -> Result<Team, CliError> {
    let news = News::default();
    let inlet: Arc<dyn Intake> = Arc::new(Inlet::new(store.clone(), config.flow.clone()));
    let inlet: Arc<dyn Intake> = Arc::new(Watched::new(inlet, config, news.clone()));
    let (listening, words) = Listening::new(inlet);
    let inlet: Arc<dyn Intake> = Arc::new(listening);
    let mut begin = |identity: &IdentityConfig, name| {
        let begun = Identity::start(identity.clone(), inlet.clone(), board.clone(), shutdown.clone());
        begun.map(|(identity, task)| {
            crew.adopt(name, task);
            identity
        })
    };
    let approver = begin(&config.approver, "approver")?;
    let onboarding = config
        .onboarding
        .as_ref()
        .map(|second| begin(second, "onboarding"))
        .transpose()?;
    let monitor = Monitor::new(
        config.clone(),
        store.clone(),
        approver.clone(),
        server.clone(),
        board.clone(),
        news,
    );
    crew.start("monitor", monitor.run(shutdown.clone()));
    if let Some(onboarding) = &onboarding {
        crew.watch(one_account(approver.clone(), onboarding.clone()));
    }
    let team = Team::new(approver, onboarding, board.clone());
    let verifier = Verifier::new(config.clone(), store.clone(), team.clone(), words);
    crew.start("verifier", verifier.run(shutdown.clone()));
    Ok(team)
}

/// Ends when both identities turn out to be one account, which only the homeserver knows where two tokens are given.
async fn one_account(approver: Identity, onboarding: Identity) -> String {
    let user = approver.live().await.user_id;
    if onboarding.live().await.user_id != user {
        // They cannot become one while they live: each refuses another user's token.
        std::future::pending::<()>().await;
    }
    // Each remembers the account of its first token; a name counts before that, another token alone does not.
    format!(
        "both identities are {user}: give each an account of its own, and name both in APPROVER_USERNAME and ONBOARDING_USERNAME"
    )
}

/// For articles only, whose address answers with another one. Nothing that goes here carries a secret.
fn articles() -> Result<reqwest::Client, CliError> {
    reqwest::Client::builder()
        .user_agent(concat!("knock-approver/", env!("CARGO_PKG_VERSION")))
        .timeout(Duration::from_secs(60))
        .build()
        .map_err(|error| CliError::Failed(format!("cannot make an HTTP client: {error}")))
}

async fn watched_breaker(sender: Arc<Sender>, shutdown: CancellationToken) {
    shutdown.run_until_cancelled(sender.watch_breaker()).await;
}

/// Ends when the database's thread is gone.
async fn closed(store: Store, shutdown: CancellationToken) {
    let mut changes = store.changes();
    shutdown
        .run_until_cancelled(async { while changes.changed().await.is_ok() {} })
        .await;
}

/// Listens on all addresses, IPv6 and IPv4 alike where there is IPv6.
async fn listen(port: u16) -> Result<TcpListener, CliError> {
    let both = TcpListener::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))).await;
    match both {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], port)))
            .await
            .map_err(|error| CliError::Io(format!("listen on port {port}"), error)),
    }
}

/// Adds the codes of the environment that are not known yet.
async fn seed(store: &Store, config: &Config) -> Result<(), StoreError> {
    let seeds = [
        (Kind::Knock, &config.initial_codes),
        (Kind::Signup, &config.initial_signup_codes),
    ];
    let entry = |kind: Kind, code: &String, seed: &CodeSeed| Code {
        code: code.clone(),
        kind,
        label: seed.label.clone(),
        inviter: seed.inviter.as_ref().map(ToString::to_string),
        uses_remaining: seed.uses_remaining,
    };
    let codes = seeds
        .into_iter()
        .flat_map(|(kind, codes)| codes.iter().map(move |(code, seed)| entry(kind, code, seed)))
        .collect::<Vec<_>>();
    store
        .run(move |tx| {
            for code in &codes {
                codes::add(tx, code)?;
            }
            Ok(())
        })
        .await
}

/// Forgets old rows, once a day.
async fn sweep(store: Store, shutdown: CancellationToken) {
    let mut daily = tokio::time::interval(Duration::from_secs(24 * 3600));
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = daily.tick() => {}
        }
        let swept = store.run(|tx| {
            queue::forget(tx, now_ms() - KEEP)?;
            verification::forget(tx)?;
            audit::trim(tx)
        });
        if let Err(error) = swept.await {
            tracing::warn!(%error, "cannot forget old rows");
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::{
        lanes::{WorkError, Worker},
        storage::queue::Entry,
    };

    struct Clumsy;

    #[async_trait]
    impl Worker for Clumsy {
        async fn work(&self, _: Entry) -> Result<(), WorkError> {
            panic!("a mistake in a worker")
        }
    }

    #[rstest::rstest]
    #[case(Queue::Inbox)]
    #[case(Queue::Outbox)]
    #[tokio::test]
    async fn a_worker_that_panics_ends_the_process_and_health_says_so_until_then(#[case] queue: Queue) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let put = store.run(move |tx| queue::put(tx, queue, "key", "lane", &(), 0));
        put.await.unwrap();
        let (mut crew, shutdown) = (Crew::default(), CancellationToken::new());
        let alive = Arc::new(AtomicBool::new(true));
        crew.start("lanes", lanes::run(store, queue, Arc::new(Clumsy), shutdown.clone()));
        let (end, health) = (shutdown.clone(), alive.clone());
        let (tell, told) = tokio::sync::oneshot::channel();
        crew.start("http", async move {
            end.cancelled().await;
            tell.send(health.load(Ordering::Relaxed)).unwrap();
        });
        let over = until_over(crew, &alive, std::future::pending(), shutdown).await;
        assert_eq!(over.unwrap_err().code(), 4);
        assert!(!told.await.unwrap(), "whoever asks for its health at the end is told");
    }
}
