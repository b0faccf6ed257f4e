use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{Exchange, Matcher, Rewrite};

/// What is done to a request instead of passing it on.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// An answer of our own; the upstream never sees the request.
    Reply {
        /// The HTTP status.
        status: u16,
        /// Headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// The connection is closed; the upstream never sees the request.
    DropRequest,
    /// The upstream does it, its answer is thrown away and the connection closed.
    DropReply,
    /// The request is passed on after this time.
    Delay(Duration),
    /// The upstream does it and its answer comes after this time.
    DelayReply(Duration),
    /// Nobody ever answers. When the bend is removed, the connection is closed.
    BlackHole,
    /// Only so many bytes of the answer's body come, then the connection is closed.
    Truncate(usize),
    /// The upstream does it; its answer is replaced by a page of HTML with its status.
    NotJson,
    /// The request is passed on twice, one after the other; the second answer comes.
    Duplicate,
    /// In the JSON of an error, this code is replaced by that one.
    Errcode {
        /// The code to be replaced.
        from: String,
        /// What replaces it.
        to: String,
    },
    /// The request is passed on with this header changed; without a value, without the header: as proxies do that strip `Authorization`.
    RequestHeader {
        /// Its name.
        name: String,
        /// Its value.
        value: Option<String>,
    },
    /// The answer is changed.
    Rewrite(Rewrite),
    /// In the JSON of a sync, the timelines that hold a message come empty and `limited`: what conduwuit 0.5.0 answers now and then to
    /// a sync that meets an event.
    Gap,
}

impl Action {
    /// It changes what was answered, and fires only where there is something to change.
    pub(super) const fn is_rewrite(&self) -> bool {
        matches!(self, Self::Errcode { .. } | Self::Gap | Self::Rewrite(_))
    }

    /// It ends the way of a request: nothing older is asked.
    pub(super) const fn is_final(&self) -> bool {
        matches!(self, Self::Reply { .. } | Self::DropRequest | Self::BlackHole)
    }

    /// An answer with a JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::Reply {
            status,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.to_string(),
        }
    }

    /// A Matrix error.
    pub fn error(status: u16, errcode: &str, error: &str) -> Self {
        Self::json(status, &serde_json::json!({ "errcode": errcode, "error": error }))
    }

    /// 429 `M_LIMIT_EXCEEDED` with the delay in header and body.
    pub fn limited(retry_after: Duration) -> Self {
        let body = serde_json::json!({
            "errcode": "M_LIMIT_EXCEEDED",
            "error": "Too Many Requests",
            "retry_after_ms": u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX),
        });
        match Self::json(429, &body) {
            Self::Reply {
                status,
                mut headers,
                body,
            } => {
                let seconds = retry_after.as_secs_f64().ceil();
                headers.push(("retry-after".to_owned(), format!("{seconds:.0}")));
                Self::Reply { status, headers, body }
            }
            other => other,
        }
    }

    /// What a reverse proxy says when the server behind it is away: 502 and a page of HTML.
    pub fn bad_gateway() -> Self {
        Self::Reply {
            status: 502,
            headers: vec![("content-type".to_owned(), "text/html".to_owned())],
            body: "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
                .to_owned(),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply { status, .. } => write!(f, "answered with {status} by the front door"),
            Self::DropRequest => write!(f, "request dropped"),
            Self::DropReply => write!(f, "reply dropped"),
            Self::Delay(time) => write!(f, "request delayed by {time:?}"),
            Self::DelayReply(time) => write!(f, "reply delayed by {time:?}"),
            Self::BlackHole => write!(f, "black hole"),
            Self::Truncate(bytes) => write!(f, "reply cut after {bytes} bytes"),
            Self::NotJson => write!(f, "reply replaced by HTML"),
            Self::Duplicate => write!(f, "request sent twice"),
            Self::Errcode { from, to } => write!(f, "{from} replaced by {to}"),
            Self::RequestHeader { name, value: Some(_) } => write!(f, "request header {name} replaced"),
            Self::RequestHeader { name, value: None } => write!(f, "request header {name} removed"),
            Self::Rewrite(rewrite) => write!(f, "reply rewritten: {rewrite}"),
            Self::Gap => write!(f, "messages left out of the sync"),
        }
    }
}

/// A bend in force. Dropping it ends it.
#[derive(Debug)]
#[must_use = "dropping a bend ends it"]
pub struct Bend {
    rule: Arc<Rule>,
    rules: Arc<Rules>,
}

impl Bend {
    /// How many requests met it.
    pub fn fired(&self) -> u64 {
        self.rule.fired.load(Ordering::SeqCst)
    }

    /// What it does to what.
    pub fn description(&self) -> String {
        format!("{}: {}", self.rule.matcher, self.rule.action)
    }
}

impl Drop for Bend {
    fn drop(&mut self) {
        self.rule.over.cancel();
        self.rules.remove(&self.rule);
    }
}

#[derive(Debug)]
pub(super) struct Rule {
    matcher: Matcher,
    pub(super) action: Action,
    fired: AtomicU64,
    /// Cancelled when the bend is removed: wakes what hangs in its black hole.
    pub(super) over: CancellationToken,
}

/// All bends of a front door.
#[derive(Debug, Default)]
pub(super) struct Rules(Mutex<Vec<Arc<Rule>>>);

impl Rules {
    pub(super) fn add(self: &Arc<Self>, matcher: Matcher, action: Action) -> Bend {
        let rule = Arc::new(Rule {
            matcher,
            action,
            fired: AtomicU64::new(0),
            over: CancellationToken::new(),
        });
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(&rule));
        Bend {
            rule,
            rules: Arc::clone(self),
        }
    }

    /// The bends that a request meets, the newest first, down to the first one that answers it. Each is counted, but for rewrites: those
    /// count when they have changed something.
    pub(super) fn take(&self, exchange: &Exchange) -> Vec<Arc<Rule>> {
        let rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut met = Vec::new();
        for rule in rules.iter().rev() {
            if rule.action.is_rewrite() {
                if rule.matcher.matches(exchange) {
                    met.push(Arc::clone(rule));
                }
            } else if rule.matcher.takes(exchange) {
                rule.fired.fetch_add(1, Ordering::SeqCst);
                met.push(Arc::clone(rule));
                if rule.action.is_final() {
                    break;
                }
            }
        }
        met
    }

    fn remove(&self, rule: &Arc<Rule>) {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rules.retain(|other| !Arc::ptr_eq(other, rule));
    }
}

impl Rule {
    /// Counts a rewrite that has something to change; whether it still may.
    pub(super) fn takes(&self, exchange: &Exchange) -> bool {
        let takes = !self.over.is_cancelled() && self.matcher.takes(exchange);
        if takes {
            self.fired.fetch_add(1, Ordering::SeqCst);
        }
        takes
    }
}
