//! What a drill costs, read from the traffic.

use harness::front_door::{Entrance, Exchange};

/// The logins that the bot asked for after exchange number `after`, whatever came back.
pub(super) fn logins(exchanges: &[Exchange], after: u64) -> usize {
    let is_login = |exchange: &&Exchange| {
        exchange.seq > after
            && exchange.entrance == Entrance::Bot
            && exchange.method == "POST"
            && exchange.path.ends_with("/login")
    };
    exchanges.iter().filter(is_login).count()
}

#[cfg(test)]
mod tests {
    use harness::front_door::Upstream;
    use serde_json::Value;

    use super::*;

    fn asked(seq: u64, entrance: Entrance, method: &str, path: &str) -> Exchange {
        Exchange {
            seq,
            at_ms: 0,
            entrance,
            upstream: Upstream::Homeserver,
            who: None,
            with_token: false,
            method: method.to_owned(),
            path: path.to_owned(),
            query: String::new(),
            request: Value::Null,
            status: Some(200),
            upstream_status: None,
            answer: Value::Null,
            took_ms: Some(10),
            bent: None,
            error: None,
        }
    }

    #[test]
    fn only_the_bot_s_own_logins_after_the_fault_count() {
        let login = "/_matrix/client/v3/login";
        let exchanges = [
            asked(1, Entrance::Bot, "POST", login),
            asked(2, Entrance::Public, "POST", login),
            asked(3, Entrance::Bot, "GET", login),
            asked(4, Entrance::Bot, "POST", login),
        ];
        assert_eq!(logins(&exchanges, 1), 1);
    }
}
