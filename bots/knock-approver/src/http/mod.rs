//! The HTTP side: what newcomers' browsers call, and what the operator's tools read.
//!
//! No handler waits for the sync; while no identity can serve, they answer 503.

mod address;
#[cfg(test)]
mod agree_tests;
mod crosssign;
mod doubt;
mod error;
mod join;
mod limit;
mod serve;
mod signup;
mod status;
mod user;

use std::{
    any::Any,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

pub use limit::Limiter;

use error::ApiError;

use crate::{breaker::Breaker, flows::Flows, pages, session::Server, team::Team};

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
    /// For requests on behalf of users, who have no client of the SDK. It follows no redirect: they carry passwords.
    pub server: Server,
    /// Who may call how often.
    pub limiter: Limiter,
    /// Whether every part of the bot is there.
    pub alive: Arc<AtomicBool>,
}

/// For everything that a request waits for: less than the minute after which proxies give up by themselves.
const DEADLINE: Duration = Duration::from_secs(50);
/// So much earlier a handler that has done something answers with what is done.
const MARGIN: Duration = Duration::from_secs(5);

/// Answers 503 where an identity that was there a moment ago is not, and is waited for. What was begun comes to its own end.
async fn deadline(request: Request, next: Next) -> Response {
    within(DEADLINE, next.run(request)).await
}

async fn within(patience: Duration, answer: impl Future<Output = Response>) -> Response {
    let late = || {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable")
            .with("this takes too long")
            .after(Duration::from_secs(30))
    };
    timeout(patience, answer)
        .await
        .unwrap_or_else(|_| late().into_response())
}

/// All routes.
fn router(shared: &Arc<Shared>) -> Router {
    let limited = Router::new()
        .route("/join/api", post(join::join))
        .route("/signup/api", post(signup::signup))
        .route("/signup/api/crosssign", post(crosssign::crosssign))
        .layer(middleware::from_fn(deadline))
        .layer(middleware::from_fn_with_state(shared.clone(), limit::limit));
    let routes = Router::new()
        .route("/health", get(status::health))
        .route("/ready", get(status::ready))
        .route(
            "/metrics",
            // It asks the database, which may be busy.
            get(status::metrics).layer(middleware::from_fn(deadline)),
        )
        .merge(limited)
        .with_state(shared.clone())
        .merge(pages::router(&shared.flows.config.flow.community))
        .layer(DefaultBodyLimit::max(BODY_LIMIT));
    in_json(routes)
}

/// What no handler answers is said in JSON, as all else.
fn in_json(routes: Router) -> Router {
    let error = |status, code: &'static str| ApiError::new(status, code).into_response();
    routes
        .fallback(move || async move { error(StatusCode::NOT_FOUND, "not_found") })
        .method_not_allowed_fallback(move || async move { error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed") })
        .layer(CatchPanicLayer::custom(move |_: Box<dyn Any + Send>| {
            error(StatusCode::INTERNAL_SERVER_ERROR, "internal")
        }))
}

/// Serves until `shutdown`; requests in flight are answered.
pub async fn serve(listener: TcpListener, shared: Arc<Shared>, shutdown: CancellationToken) {
    serve::serve(listener, router(&shared), shutdown).await;
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use rstest::rstest;
    use tower::ServiceExt;

    use super::*;

    #[rstest]
    #[case("GET", "/nowhere", 404, "not_found")]
    #[case("POST", "/there", 405, "method_not_allowed")]
    #[case("GET", "/clumsy", 500, "internal")]
    #[tokio::test]
    async fn what_no_handler_answers_is_said_in_json(
        #[case] method: &str,
        #[case] path: &str,
        #[case] status: u16,
        #[case] code: &str,
    ) {
        async fn clumsy() -> &'static str {
            panic!("a mistake in a handler")
        }
        let routes = Router::new()
            .route("/there", get(|| async { "ok" }))
            .route("/clumsy", get(clumsy));
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let answer = in_json(routes).oneshot(request).await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        let body = to_bytes(answer.into_body(), BODY_LIMIT).await.unwrap();
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&body).unwrap(),
            serde_json::json!({ "error": code })
        );
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_an_identity_that_died_is_told_to_come_back() {
        let answer = within(DEADLINE, std::future::pending()).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers()["retry-after"], "30");
        let answer = within(DEADLINE, async { "in time".into_response() }).await;
        assert_eq!(answer.status(), StatusCode::OK);
    }
}
