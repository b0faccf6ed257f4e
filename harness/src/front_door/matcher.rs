use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Entrance, Exchange, Upstream};

/// Which requests are meant. Every condition added must hold.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    method: Option<String>,
    endpoint: Option<String>,
    path: Option<String>,
    entrance: Option<Entrance>,
    upstream: Option<Upstream>,
    user: Option<String>,
    with_token: Option<bool>,
    after: u64,
    times: Option<Arc<Budget>>,
}

#[derive(Debug)]
struct Budget {
    skip: AtomicU64,
    left: AtomicU64,
}

impl Matcher {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests to an endpoint of the client-server API, in every version of it: `endpoint("POST", "/login")`. A segment `*` stands for
    /// any one segment: `endpoint("PUT", "/rooms/*/send/*/*")`.
    pub fn endpoint(method: &str, endpoint: &str) -> Self {
        Self {
            method: Some(method.to_owned()),
            endpoint: Some(endpoint.to_owned()),
            ..Self::default()
        }
    }

    /// Requests to exactly this path.
    pub fn path(method: &str, path: &str) -> Self {
        Self {
            method: Some(method.to_owned()),
            path: Some(path.to_owned()),
            ..Self::default()
        }
    }

    /// Through the bot's entrance.
    #[must_use]
    pub fn from_bot(mut self) -> Self {
        self.entrance = Some(Entrance::Bot);
        self
    }

    /// Through the public entrance.
    #[must_use]
    pub fn from_public(mut self) -> Self {
        self.entrance = Some(Entrance::Public);
        self
    }

    /// To the homeserver.
    #[must_use]
    pub fn to_homeserver(mut self) -> Self {
        self.upstream = Some(Upstream::Homeserver);
        self
    }

    /// To the bot.
    #[must_use]
    pub fn to_bot(mut self) -> Self {
        self.upstream = Some(Upstream::Bot);
        self
    }

    /// By this user: of the token, or named in the login.
    #[must_use]
    pub fn by(mut self, user_id: &str) -> Self {
        self.user = Some(user_id.to_owned());
        self
    }

    /// With a token.
    #[must_use]
    pub fn with_token(mut self) -> Self {
        self.with_token = Some(true);
        self
    }

    /// With a number greater than this.
    #[must_use]
    pub fn after(mut self, seq: u64) -> Self {
        self.after = seq;
        self
    }

    /// Only the first `times` of them. For bends and gates; clones share the count.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        self.skipping(0, times)
    }

    /// Only `times` of them after the first `skip`.
    #[must_use]
    pub fn skipping(mut self, skip: u64, times: u64) -> Self {
        self.times = Some(Arc::new(Budget {
            skip: AtomicU64::new(skip),
            left: AtomicU64::new(times),
        }));
        self
    }

    /// Only the first of those that it would have taken.
    pub(super) fn once(self) -> Self {
        let skip = self
            .times
            .as_deref()
            .map_or(0, |times| times.skip.load(Ordering::SeqCst));
        self.skipping(skip, 1)
    }

    /// Whether an exchange is meant, without counting it.
    pub fn matches(&self, exchange: &Exchange) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        exchange.seq > self.after
            && is(&self.method, &exchange.method)
            && is(&self.path, &exchange.path)
            && self.entrance.is_none_or(|entrance| entrance == exchange.entrance)
            && self.upstream.is_none_or(|upstream| upstream == exchange.upstream)
            && self.with_token.is_none_or(|with| with == exchange.with_token)
            && self
                .endpoint
                .as_deref()
                .is_none_or(|endpoint| is_endpoint(&exchange.path, endpoint))
            && self.user.as_deref().is_none_or(|user| exchange.is_by(user))
    }

    /// The same, using up one of the allowed times.
    pub(crate) fn takes(&self, exchange: &Exchange) -> bool {
        self.matches(exchange) && self.times.as_deref().is_none_or(Budget::take)
    }
}

impl Budget {
    fn take(&self) -> bool {
        let one_less = |number: u64| number.checked_sub(1);
        let order = Ordering::SeqCst;
        if self.skip.fetch_update(order, order, one_less).is_ok() {
            return false;
        }
        self.left.fetch_update(order, order, one_less).is_ok()
    }
}

fn is_endpoint(path: &str, endpoint: &str) -> bool {
    let Some(path) = path.strip_prefix("/_matrix/client/") else {
        return false;
    };
    let mut found = path.split('/');
    // The version is one segment (`v3`, `r0`), or two for what is not stable yet.
    if found.next() == Some("unstable") {
        found.next();
    }
    let wanted = endpoint.trim_start_matches('/').split('/');
    let found: Vec<&str> = found.collect();
    let wanted: Vec<&str> = wanted.collect();
    found.len() == wanted.len()
        && wanted
            .iter()
            .zip(&found)
            .all(|(wanted, found)| *wanted == "*" || wanted == found)
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.method.as_deref().unwrap_or("any request");
        let path = self.endpoint.as_deref().or(self.path.as_deref()).unwrap_or_default();
        write!(f, "{} ", format!("{method} {path}").trim_end())?;
        match self.entrance {
            Some(Entrance::Bot) => write!(f, "of the bot")?,
            Some(Entrance::Public) => write!(f, "of people")?,
            None => write!(f, "of anybody")?,
        }
        self.user.as_deref().map_or(Ok(()), |user| write!(f, " as {user}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("/_matrix/client/v3/login", "/login", true)]
    #[case("/_matrix/client/r0/login", "/login", true)]
    #[case("/_matrix/client/unstable/org.matrix.msc3575/sync", "/sync", true)]
    #[case("/_matrix/client/v3/rooms/!a:b/send/m.room.message/1", "/rooms/*/send/*/*", true)]
    #[case("/_matrix/client/v3/rooms/!a:b/invite", "/rooms/*/send/*/*", false)]
    #[case("/_matrix/client/v3/login/get_token", "/login", false)]
    #[case("/pages/api", "/pages/api", false)]
    fn an_endpoint_is_meant_in_every_version(#[case] path: &str, #[case] endpoint: &str, #[case] is: bool) {
        assert_eq!(is_endpoint(path, endpoint), is);
    }

    #[test]
    fn a_matcher_with_a_budget_takes_only_so_many() {
        let exchange = super::super::example::exchange("GET", "/_matrix/client/v3/sync");
        let matcher = Matcher::endpoint("GET", "/sync").skipping(1, 2);
        let taken: Vec<bool> = (0..4).map(|_| matcher.takes(&exchange)).collect();
        assert_eq!(taken, [false, true, true, false]);
        assert!(matcher.matches(&exchange));
    }
}
