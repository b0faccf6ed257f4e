//! The HTTP side: what newcomers' browsers call, and what the operator's tools read.
//!
//! No handler waits for the sync; while no identity can serve, they answer 503.

mod crosssign;
mod error;
mod join;
mod limit;
mod signup;
mod status;
mod user;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use limit::Limiter;

use crate::{breaker::Breaker, flows::Flows, pages, team::Team};

/// The most that a request may bring.
const BODY_LIMIT: usize = 64 * 1024;

/// What the handlers share.
#[derive(Debug)]
pub struct Shared {
    /// The flows, with the database, the configuration and the board.
    pub flows: Arc<Flows>,
    /// The identities.
    pub team: Team,
    /// What `/metrics` says of the breaker.
    pub breaker: Arc<Breaker>,
    /// For requests on behalf of users, who have no client of the SDK.
    pub http: reqwest::Client,
    /// Who may call how often.
    pub limiter: Limiter,
}

/// All routes.
pub fn router(shared: Arc<Shared>) -> Router {
    let limited = Router::new()
        .route("/join/api", post(join::join))
        .route("/signup/api", post(signup::signup))
        .route("/signup/api/crosssign", post(crosssign::crosssign))
        .layer(middleware::from_fn_with_state(shared.clone(), limit::limit));
    Router::new()
        .route("/health", get(|| async { "ok" }))
        .route("/ready", get(status::ready))
        .route("/metrics", get(status::metrics))
        .merge(limited)
        .with_state(shared.clone())
        .merge(pages::router(&shared.flows.config.flow.community))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(tower_http::catch_panic::CatchPanicLayer::new())
}

/// Serves until `shutdown`; requests in flight are answered.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> std::io::Result<()> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}
