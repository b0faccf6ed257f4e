//! What of a request stands in the record.

use axum::http::{HeaderMap, header};
use serde_json::Value;

use super::{Entrance, Exchange, Upstream, mask, proxy::Call, server::House};
use crate::secrets::{Leak, Origin, Secrets};

/// Requests whose bodies are recorded (masked) and whose answers may hold a new token.
const ABOUT_SESSIONS: [&str; 7] = [
    "/login",
    "/register",
    "/refresh",
    "/logout",
    "/logout/all",
    "/account/whoami",
    "/account/password",
];

/// Where a homeserver asks for proof of who acts, the password stands here by right (spec, section User-Interactive Authentication).
const PROOF: &str = "auth";

/// An exchange as it begins.
pub(super) fn record(house: &House, entrance: Entrance, call: &Call) -> Exchange {
    let (path, query) = call.target.split_once('?').unwrap_or((&call.target, ""));
    let token = token(call, query);
    let who = token.as_deref().and_then(|token| house.registry.who(token));
    if let (Some(token), Some(who)) = (&token, &who) {
        house.registry.seen(token, who, entrance);
    }
    let json = serde_json::from_slice::<Value>(&call.body).unwrap_or_default();
    let is_bots = entrance == Entrance::Public && house.is_bots(path);
    let leaks = match entrance {
        Entrance::Bot => leaks_of_request(&house.secrets, &call.target, &call.body),
        Entrance::Public => Vec::new(),
    };
    if is_bots && let Some(given) = json["access_token"].as_str() {
        house.secrets.hand(given, Origin::Request);
    }
    let request = if is_bots || is_about_sessions(path) {
        mask::json(json, &house.secrets)
    } else {
        Value::Null
    };
    Exchange {
        seq: 0,
        at_ms: 0,
        entrance,
        upstream: if is_bots { Upstream::Bot } else { Upstream::Homeserver },
        who,
        with_token: token.is_some(),
        origin: token.as_deref().and_then(|token| house.secrets.origin(token)),
        token: token.as_deref().map(|token| house.secrets.name_token(token)),
        method: call.method.to_string(),
        path: house.secrets.mask(path),
        query: mask::query(query, &house.secrets),
        request,
        status: None,
        upstream_status: None,
        answer: Value::Null,
        took_ms: None,
        bent: None,
        leaks,
        error: None,
    }
}

fn token(call: &Call, query: &str) -> Option<String> {
    let bearer = call
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let bearer = bearer
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::to_owned);
    bearer.or_else(|| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs
            .find(|(key, _)| key == "access_token")
            .map(|(_, value)| value.into_owned())
    })
}

pub(super) fn is_about_sessions(path: &str) -> bool {
    ABOUT_SESSIONS.iter().any(|ending| path.ends_with(ending))
}

/// What a request of the bot's shows to others: homeservers and proxies log URLs, and what is sent into rooms is read by people.
fn leaks_of_request(secrets: &Secrets, target: &str, body: &[u8]) -> Vec<Leak> {
    let path = target.split('?').next().unwrap_or(target);
    let mut leaks = secrets.leaks(target);
    if !is_about_sessions(path) {
        let text = match serde_json::from_slice(body) {
            Ok(Value::Object(mut entries)) => {
                if !path.contains("/rooms/") {
                    entries.remove(PROOF);
                }
                Value::Object(entries).to_string()
            }
            _ => String::from_utf8_lossy(body).into_owned(),
        };
        leaks.extend(secrets.leaks(&text));
    }
    leaks.sort();
    leaks.dedup();
    leaks
}

/// What an answer of the bot's shows to whoever asks.
pub(super) fn leaks_of_answer(secrets: &Secrets, headers: &HeaderMap, body: &[u8]) -> Vec<Leak> {
    let headers = headers
        .values()
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let text: String = headers.chain([String::from_utf8_lossy(body).into_owned()]).collect();
    secrets.leaks(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn secrets() -> Secrets {
        let secrets = Secrets::default();
        secrets.add("token", "syt_token_1");
        secrets.add("password", "correct horse");
        secrets
    }

    const SEND: &str = "/_matrix/client/v3/rooms/!r/send/m.room.message/1";

    #[rstest]
    #[case::in_the_url("/_matrix/client/v3/sync?access_token=syt_token_1", "", true)]
    #[case::in_a_message(SEND, r#"{ "body": "it is syt_token_1" }"#, true)]
    #[case::deep_in_a_message(SEND, r#"{ "x": { "auth": ["syt_token_1"] } }"#, true)]
    #[case::as_proof_in_a_message(SEND, r#"{ "auth": "correct horse" }"#, true)]
    #[case::in_a_file("/_matrix/media/v3/upload", "log: correct horse", true)]
    #[case::in_a_login("/_matrix/client/v3/login", r#"{ "password": "correct horse" }"#, false)]
    #[case::as_proof(
        "/_matrix/client/v3/delete_devices",
        r#"{ "auth": { "password": "correct horse" } }"#,
        false
    )]
    #[case::nowhere(SEND, r#"{ "body": "hello" }"#, false)]
    fn what_a_request_shows_is_found(#[case] target: &str, #[case] body: &str, #[case] leaks: bool) {
        assert_eq!(!leaks_of_request(&secrets(), target, body.as_bytes()).is_empty(), leaks);
    }

    #[test]
    fn what_an_answer_shows_is_found_in_header_and_body() {
        let mut headers = HeaderMap::new();
        assert!(leaks_of_answer(&secrets(), &headers, b"nothing").is_empty());
        assert_eq!(leaks_of_answer(&secrets(), &headers, b"<p>syt_token_1").len(), 1);
        headers.insert("x-debug", "syt_token_1".parse().unwrap());
        assert_eq!(leaks_of_answer(&secrets(), &headers, b"nothing").len(), 1);
    }
}
