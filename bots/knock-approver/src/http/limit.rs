//! Who may call how often: one bucket for each caller.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::keyed::HashMapStateStore,
};
use ipnet::IpNet;

use super::{
    Shared,
    address::{client, neighbourhood, network},
    error::ApiError,
};
use crate::config::RateConfig;

/// With more callers than this, newcomers are counted by their neighbourhood: what is kept must not grow with an attack.
const MANY: usize = 10_000;
/// After so many calls, callers whose bucket is full again are forgotten.
const TIDY_EVERY: u64 = 1_000;

type Buckets<C> = RateLimiter<IpNet, HashMapStateStore<IpNet>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// The buckets.
#[derive(Debug)]
pub struct Limiter<C: Clock + Clone = DefaultClock> {
    trusted: Vec<IpNet>,
    /// `None`: no limit.
    buckets: Option<Buckets<C>>,
    clock: C,
    calls: AtomicU64,
}

impl Limiter {
    /// Full buckets for everybody.
    pub fn new(config: RateConfig) -> Self {
        Self::with_clock(config, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Limiter<C> {
    fn with_clock(config: RateConfig, clock: C) -> Self {
        let quota = NonZeroU32::new(config.per_minute).map(Quota::per_minute);
        Self {
            trusted: config.trusted_proxies,
            buckets: quota.map(|quota| RateLimiter::hashmap_with_clock(quota, clock.clone())),
            clock,
            calls: AtomicU64::new(0),
        }
    }

    /// Lets an address call now, or says how long it has to wait.
    pub fn take(&self, address: IpAddr) -> Result<(), Duration> {
        let Some(buckets) = &self.buckets else {
            return Ok(());
        };
        if self.calls.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY == TIDY_EVERY - 1 {
            buckets.retain_recent();
            buckets.shrink_to_fit();
        }
        let caller = match buckets.len() < MANY {
            true => network(address),
            false => neighbourhood(address),
        };
        buckets
            .check_key(&caller)
            .map_err(|full| full.wait_time_from(self.clock.now()))
    }

    /// Who calls, seen through the trusted proxies.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        client(peer, headers, &self.trusted)
    }
}

pub(super) async fn limit(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let client = shared.limiter.client(peer.ip(), request.headers());
    match shared.limiter.take(client) {
        Ok(()) => next.run(request).await,
        Err(wait) => {
            shared.flows.metrics.count("http", "limited");
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited")
                .after(wait)
                .into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn limiter(per_minute: u32) -> Limiter<FakeRelativeClock> {
        let config = RateConfig {
            per_minute,
            trusted_proxies: Vec::new(),
        };
        Limiter::with_clock(config, FakeRelativeClock::default())
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_burst_is_served_then_one_call_a_second_and_others_are_not_held_up() {
        let limiter = limiter(60);
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        for _ in 0..60 {
            assert_eq!(limiter.take(one), Ok(()));
        }
        assert_eq!(limiter.take(one), Err(Duration::from_secs(1)));
        assert_eq!(limiter.take(other), Ok(()));
        limiter.clock.advance(Duration::from_millis(1001));
        assert_eq!(limiter.take(one), Ok(()));
        assert!(limiter.take(one).is_err());
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_are_one_caller() {
        let limiter = limiter(10);
        let served = (0..1000_u128).filter(|n| {
            let address = Ipv6Addr::from(0x2001_0db8_0001_0002_0000_0000_0000_0000 + n);
            limiter.take(address.into()).is_ok()
        });
        assert_eq!(served.count(), 10);
        assert_eq!(limiter.take(address("2001:db8:1:3::1")), Ok(()));
    }

    #[test]
    fn zero_is_no_limit() {
        let limiter = limiter(0);
        assert!((0..1000).all(|_| limiter.take(address("192.0.2.1")).is_ok()));
    }

    #[test]
    fn what_is_kept_does_not_grow_with_the_number_of_callers() {
        let limiter = limiter(60);
        for n in 0..100_000_u32 {
            let _ = limiter.take(IpAddr::V4((0x0a00_0000 + n).into()));
        }
        let kept = limiter.buckets.as_ref().unwrap().len();
        assert!(kept <= MANY + 2, "{kept}");
        limiter.clock.advance(Duration::from_secs(120));
        for _ in 0..TIDY_EVERY {
            let _ = limiter.take(address("192.0.2.1"));
        }
        assert!(limiter.buckets.as_ref().unwrap().len() <= 2);
    }
}
