//! `status`: what `/ready` says, for reading.

use std::fmt::Write;

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::CliError;
use crate::config::Config;

#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(super) async fn execute(config: &Config) -> Result<(), CliError> {
    let url = format!("http://127.0.0.1:{}/ready", config.http_port);
    let failed = |error: reqwest::Error| {
        CliError::Failed(format!(
            "no bot answers on port {} ({}); is it running?",
            config.http_port,
            error.without_url()
        ))
    };
    let answer = reqwest::get(url).await.map_err(failed)?;
    let serves = answer.status().is_success();
    let body: Value = answer.json().await.map_err(failed)?;
    print!("{}", text(&body, OffsetDateTime::now_utc()));
    if serves {
        return Ok(());
    }
    Err(CliError::Failed("not every identity serves".to_owned()))
}

/// A paragraph for each identity.
fn text(body: &Value, now: OffsetDateTime) -> String {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut text = String::new();
    for (role, health) in body.as_object().into_iter().flatten() {
        let since = health["since"]
            .as_i64()
            .and_then(|since| OffsetDateTime::from_unix_timestamp(since).ok());
        let since = since.map_or_else(String::new, |since| format!(" since {}", when(since, now)));
        let who = [&health["user_id"], &health["device_id"]].map(word).join(" ");
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "{role}: {}{since}: {}",
            word(&health["state"]),
            word(&health["why"])
        );
        if !who.trim().is_empty() {
            let _ = writeln!(text, "  is {}", who.trim());
        }
        if let Some(step) = health["next_step"].as_str() {
            let _ = writeln!(text, "  next step: {step}");
        }
        for weaker in health["degraded"].as_array().into_iter().flatten() {
            let _ = writeln!(
                text,
                "  weaker: {}; cure: {}",
                word(&weaker["what"]),
                word(&weaker["cure"])
            );
        }
    }
    text
}

/// A time, and how long ago that is.
fn when(then: OffsetDateTime, now: OffsetDateTime) -> String {
    let ago = (now - then).whole_seconds().max(0);
    let ago = match ago {
        0..60 => format!("{ago} s"),
        60..3600 => format!("{} min", ago / 60),
        3600..86_400 => format!("{} h {} min", ago / 3600, ago % 3600 / 60),
        _ => format!("{} d {} h", ago / 86_400, ago % 86_400 / 3600),
    };
    format!("{} ({ago} ago)", then.format(&Rfc3339).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_told_as_people_read_them() {
        let body = json!({ "approver": {
            "state": "needs_operator", "since": 1_790_000_000, "why": "no password", "next_step": "write it",
            "user_id": "@bot:x", "device_id": null, "degraded": [{ "what": "no backup", "cure": "make one" }],
        } });
        let now = OffsetDateTime::from_unix_timestamp(1_790_000_000 + 2 * 3600 + 61).unwrap();
        let expected = "approver: needs_operator since 2026-09-21T14:13:20Z (2 h 1 min ago): no password\n  is @bot:x\n  \
                        next step: write it\n  weaker: no backup; cure: make one\n";
        assert_eq!(text(&body, now), expected);
    }
}
