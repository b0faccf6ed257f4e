//! How the bot is.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Shared, error::ApiError};
use crate::{
    health::Health,
    metrics::Gauges,
    storage::{
        StoreError, audit, lobby,
        queue::{self, Queue},
        vetting,
    },
};

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
    let gauges = shared.flows.store.run(|tx| {
        Ok::<_, StoreError>(Gauges {
            inbox: queue::pending(tx, Queue::Inbox)?,
            outbox: queue::pending(tx, Queue::Outbox)?,
            vettings: vetting::open_count(tx)?,
            lobbies: lobby::open_count(tx)?,
            audit: audit::counts(tx)?,
            breaker_open: false,
        })
    });
    let mut gauges = gauges.await.map_err(|error| ApiError::internal(&error))?;
    gauges.breaker_open = shared.breaker.is_open();
    let text = shared.flows.metrics.render(&shared.flows.board.snapshot(), &gauges);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}
