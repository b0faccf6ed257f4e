//! How the bot is.

use std::sync::{Arc, atomic::Ordering};

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Shared, error::ApiError};
use crate::{
    health::Health,
    metrics::{CONTENT_TYPE, Gauges},
    storage::tally,
};

/// 200 while the process lives with all its parts. In the moment between the loss of one and its end it does not.
pub(super) async fn health(State(shared): State<Arc<Shared>>) -> (StatusCode, &'static str) {
    match shared.alive.load(Ordering::Relaxed) {
        true => (StatusCode::OK, "ok"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "ending"),
    }
}

/// 200 while every identity serves, 503 otherwise; the body says how each is.
pub(super) async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let snapshot = shared.flows.board.snapshot();
    let status = match snapshot.values().all(|health| health.state == Health::Ok) {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body: serde_json::Map<_, _> = snapshot
        .iter()
        .map(|(role, health)| (role.name().to_owned(), serde_json::json!(health)))
        .collect();
    (status, Json(body)).into_response()
}

pub(super) async fn metrics(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let tally = shared.flows.store.run(tally::read).await;
    let tally = tally.map_err(|error| ApiError::internal(&error))?;
    let gauges = Gauges {
        inbox: tally.inbox,
        outbox: tally.outbox,
        vettings: tally.vettings,
        lobbies: tally.lobbies,
        audit: tally.audit,
        breaker_open: shared.breaker.is_open(),
    };
    let text = shared.flows.metrics.render(&shared.flows.board.snapshot(), &gauges);
    let text = text.map_err(|error| ApiError::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}
