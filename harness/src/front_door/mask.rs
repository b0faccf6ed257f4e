use serde_json::Value;

use crate::secrets::{MASK, Secrets};

/// Keys of queries and JSON bodies whose values are secrets.
const KEYS: [&str; 12] = [
    "access_token",
    "refresh_token",
    "login_token",
    "token",
    "password",
    "new_password",
    "code",
    "private_keys",
    "passphrase",
    "secret",
    "mac",
    "session_key",
];

/// A query with the values of secret keys, and all known secrets, masked.
pub(super) fn query(query: &str, secrets: &Secrets) -> String {
    let parts = query.split('&').map(|part| match part.split_once('=') {
        Some((key, _)) if KEYS.contains(&key) => format!("{key}={MASK}"),
        _ => secrets.mask(part),
    });
    parts.collect::<Vec<_>>().join("&")
}

/// A JSON value with the values of secret keys, and all known secrets, masked.
pub(super) fn json(value: Value, secrets: &Secrets) -> Value {
    match value {
        Value::Object(entries) => entries
            .into_iter()
            .map(|(key, value)| {
                let is_secret = KEYS.contains(&key.as_str()) && !value.is_null();
                let value = if is_secret {
                    Value::from(MASK)
                } else {
                    json(value, secrets)
                };
                (key, value)
            })
            .collect(),
        Value::Array(items) => items.into_iter().map(|item| json(item, secrets)).collect(),
        Value::String(text) => Value::String(secrets.mask(&text)),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json as value;

    #[test]
    fn values_of_secret_keys_and_known_secrets_are_masked() {
        let secrets = Secrets::default();
        secrets.add("password", "correct horse");
        assert_eq!(
            query("access_token=abc&timeout=5&x=correct horse", &secrets),
            format!("access_token={MASK}&timeout=5&x={MASK}")
        );
        assert_eq!(
            json(
                value!({"auth": {"token": "t", "session": "s"}, "note": ["my correct horse"]}),
                &secrets
            ),
            value!({"auth": {"token": MASK, "session": "s"}, "note": [format!("my {MASK}")]})
        );
    }
}
