//! Who may call how often: one token bucket for each client address.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{Shared, error::ApiError};
use crate::config::RateConfig;

/// Above so many addresses those whose bucket is full again are forgotten.
const MANY: usize = 10_000;

/// The buckets.
#[derive(Debug)]
pub struct Limiter {
    config: RateConfig,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Limiter {
    /// Full buckets for everybody.
    pub fn new(config: RateConfig) -> Self {
        Self {
            config,
            buckets: Mutex::default(),
        }
    }

    /// Takes a token of an address at `now`, or says how long to wait for one.
    pub fn take(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        if self.config.per_minute == 0 {
            return Ok(());
        }
        let burst = f64::from(self.config.per_minute);
        let per_second = burst / 60.0;
        let refilled = |bucket: &Bucket| {
            let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * per_second;
            (bucket.tokens + gained).min(burst)
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MANY {
            buckets.retain(|_, bucket| refilled(bucket) < burst);
        }
        let bucket = buckets.entry(address).or_insert(Bucket { tokens: burst, at: now });
        bucket.tokens = refilled(bucket);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.tokens) / per_second));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    /// Who calls: the peer, unless that is a trusted proxy; then the last address of `X-Forwarded-For` that is none.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        let is_trusted = |address: &IpAddr| self.config.trusted_proxies.contains(address);
        if !is_trusted(&peer) {
            return peer;
        }
        let hops = headers.get_all("x-forwarded-for");
        let mut hops = hops
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map_while(|hop| hop.trim().parse::<IpAddr>().ok())
            .collect::<Vec<_>>();
        while let Some(hop) = hops.pop() {
            if !is_trusted(&hop) {
                return hop;
            }
        }
        peer
    }
}

pub(super) async fn limit(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let client = shared.limiter.client(peer.ip(), request.headers());
    match shared.limiter.take(client, Instant::now()) {
        Ok(()) => next.run(request).await,
        Err(wait) => {
            shared.flows.metrics.count("http", "limited");
            let seconds = wait.as_secs_f64().ceil().to_string();
            let refusal = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited");
            ([(header::RETRY_AFTER, seconds)], refusal).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn limiter(per_minute: u32) -> Limiter {
        Limiter::new(RateConfig {
            per_minute,
            trusted_proxies: vec![[10, 0, 0, 1].into(), [10, 0, 0, 2].into()],
        })
    }

    #[test]
    fn a_burst_is_served_then_one_call_a_second_and_others_are_not_held_up() {
        let (limiter, start) = (limiter(60), Instant::now());
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        for _ in 0..60 {
            assert_eq!(limiter.take(one, start), Ok(()));
        }
        assert_eq!(limiter.take(one, start), Err(Duration::from_secs(1)));
        assert_eq!(limiter.take(other, start), Ok(()));
        let later = start + Duration::from_millis(1001);
        assert_eq!(limiter.take(one, later), Ok(()));
        assert!(limiter.take(one, later).is_err());
    }

    #[test]
    fn zero_is_no_limit() {
        let (limiter, now) = (limiter(0), Instant::now());
        assert!((0..1000).all(|_| limiter.take([192, 0, 2, 1].into(), now).is_ok()));
    }

    #[rstest]
    #[case::direct([192, 0, 2, 9], "203.0.113.5", [192, 0, 2, 9])]
    #[case::behind_a_proxy([10, 0, 0, 1], "203.0.113.5", [203, 0, 113, 5])]
    #[case::behind_two([10, 0, 0, 1], "203.0.113.5, 10.0.0.2", [203, 0, 113, 5])]
    #[case::forged([10, 0, 0, 1], "198.51.100.1, 203.0.113.5", [203, 0, 113, 5])]
    #[case::nonsense([10, 0, 0, 1], "whoever", [10, 0, 0, 1])]
    fn the_client_is_whom_trusted_proxies_name(
        #[case] peer: [u8; 4],
        #[case] forwarded: &str,
        #[case] client: [u8; 4],
    ) {
        let headers = HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), forwarded.parse().unwrap())]);
        assert_eq!(limiter(60).client(peer.into(), &headers), IpAddr::from(client));
    }
}
