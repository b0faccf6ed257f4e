//! A small upstream that counts its requests.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    http::StatusCode,
    routing::{any, get, post},
};
use futures_util::stream;
use serde_json::json;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use url::Url;

pub(crate) struct Upstream {
    pub(crate) url: Url,
    hits: Arc<AtomicUsize>,
    go_on: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Upstream {
    pub(crate) async fn start(name: &'static str) -> Self {
        let hits = Arc::new(AtomicUsize::new(0));
        let go_on = Arc::new(Notify::new());
        let (counted, waited) = (Arc::clone(&hits), Arc::clone(&go_on));
        let dead = || async {
            (
                StatusCode::UNAUTHORIZED,
                Json(json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "dead" })),
            )
        };
        let session = json!({ "user_id": "@a:hs", "access_token": "upstream-token-1", "device_id": "DEVICE" });
        let router = Router::new()
            .route("/slow", get(move || slow(Arc::clone(&waited))))
            .route("/dead", get(dead))
            .route("/authorized", get(authorized))
            .route("/_matrix/client/v3/login", post(move || async move { Json(session) }))
            .fallback(any(move || async move { name }))
            .layer(axum::middleware::from_fn(
                move |request, next: axum::middleware::Next| {
                    counted.fetch_add(1, Ordering::SeqCst);
                    next.run(request)
                },
            ));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, hits, go_on, task }
    }

    pub(crate) fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    pub(crate) fn go_on(&self) {
        self.go_on.notify_one();
    }

    /// Nobody listens any more.
    pub(crate) async fn end(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

/// The header that proves who asks, as it arrives.
async fn authorized(headers: axum::http::HeaderMap) -> String {
    let header = headers.get("authorization").and_then(|value| value.to_str().ok());
    header.unwrap_or("none").to_owned()
}

async fn slow(go_on: Arc<Notify>) -> Body {
    let parts = stream::unfold(0, move |part| {
        let go_on = Arc::clone(&go_on);
        async move {
            match part {
                0 => Some((Ok::<_, std::io::Error>(Bytes::from("first ")), 1)),
                1 => {
                    go_on.notified().await;
                    Some((Ok(Bytes::from("second")), 2))
                }
                _ => None,
            }
        }
    });
    Body::from_stream(parts)
}
