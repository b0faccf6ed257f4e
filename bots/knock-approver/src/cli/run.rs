//! `run`: the bot itself.

use std::{
    io::IsTerminal,
    net::{Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::CliError;
use crate::{
    breaker::Breaker,
    challenge::Source,
    config::{CodeSeed, Config},
    flows::Flows,
    health::Board,
    http::{self, Limiter, Shared},
    identity::{Identity, Intake},
    import,
    intake::Inlet,
    lanes,
    matrix::Homeserver,
    metrics::Metrics,
    outbox::Sender,
    storage::{
        Store, StoreError, audit, clock,
        codes::{self, Code, Kind},
        now_ms,
        queue::{self, Queue},
    },
    team::Team,
    vault::DataDirLock,
};

/// How long identities may take to end their sync.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long rows that are done are kept, in milliseconds.
const KEEP: i64 = 7 * 24 * 3600 * 1000;

pub(super) async fn run(config: Config) -> Result<(), CliError> {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,matrix_sdk=warn,matrix_sdk_crypto=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stdout().is_terminal())
        .init();
    let _lock = DataDirLock::acquire(&config.data_dir)?;
    let config = Arc::new(config);
    let store = Store::open(&config.data_dir)?;
    store.run(clock::resume).await?;
    if let Some(taken) = import::import(&store, &config.data_dir, &config.flow).await? {
        tracing::info!(?taken, "the old approver's files are imported");
    }
    seed(&store, &config).await?;
    let shutdown = CancellationToken::new();
    let listener = listen(config.http_port).await?;
    let board = Board::new(&config.roles());
    let metrics = Metrics::default();
    let http = reqwest::Client::builder()
        .user_agent(concat!("knock-approver/", env!("CARGO_PKG_VERSION")))
        .timeout(Duration::from_secs(60))
        .build()
        .map_err(|error| CliError::Failed(format!("cannot make an HTTP client: {error}")))?;

    let inlet: Arc<dyn Intake> = Arc::new(Inlet::new(store.clone(), config.flow.clone()));
    let (approver, mut identities) = {
        let (identity, task) =
            Identity::start(config.approver.clone(), inlet.clone(), board.clone(), shutdown.clone())?;
        (identity, vec![task])
    };
    let mut onboarding = None;
    if let Some(second) = config.onboarding.clone() {
        let (identity, task) = Identity::start(second, inlet, board.clone(), shutdown.clone())?;
        onboarding = Some(identity);
        identities.push(task);
    }
    let team = Team::new(approver, onboarding, board.clone());
    let homeserver: Arc<dyn Homeserver> = Arc::new(team.clone());

    let breaker = Arc::new(Breaker::new(config.breaker));
    let source = Source::new(http.clone(), config.flow.challenge_url.clone());
    let flows = Flows::new(
        config.clone(),
        store.clone(),
        homeserver.clone(),
        source,
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
    let shared = Arc::new(Shared {
        flows: flows.clone(),
        team,
        breaker,
        http,
        limiter: Limiter::new(config.rate.clone()),
    });
    let inbox = tokio::spawn(lanes::run(store.clone(), Queue::Inbox, flows, shutdown.clone()));
    let outbox = tokio::spawn(lanes::run(store.clone(), Queue::Outbox, sender, shutdown.clone()));
    let sweeper = tokio::spawn(sweep(store, shutdown.clone()));
    tracing::info!(port = config.http_port, "listening");
    let server = tokio::spawn(http::serve(listener, http::router(shared), shutdown.clone()));

    terminated().await?;
    tracing::info!("shutting down");
    shutdown.cancel();
    let all = async {
        for task in identities {
            let _ = task.await;
        }
        let _ = tokio::join!(inbox, outbox, sweeper, server);
    };
    if tokio::time::timeout(FAREWELL, all).await.is_err() {
        tracing::warn!("not everything ended in time; what was in flight is settled at the next start");
    }
    Ok(())
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

async fn terminated() -> Result<(), CliError> {
    let failed = |error| CliError::Io("wait for signals".to_owned(), error);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
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
            audit::trim(tx)
        });
        if let Err(error) = swept.await {
            tracing::warn!(%error, "cannot forget old rows");
        }
    }
}
