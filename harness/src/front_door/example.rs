//! An exchange for tests.

use serde_json::Value;

use super::{Entrance, Exchange, Upstream};

pub(crate) fn exchange(method: &str, path: &str) -> Exchange {
    Exchange {
        seq: 1,
        at_ms: 0,
        entrance: Entrance::Bot,
        upstream: Upstream::Homeserver,
        who: None,
        with_token: false,
        token: None,
        origin: None,
        method: method.to_owned(),
        path: path.to_owned(),
        query: String::new(),
        request: Value::Null,
        status: None,
        upstream_status: None,
        answer: Value::Null,
        took_ms: None,
        bent: None,
        leaks: Vec::new(),
        error: None,
    }
}
