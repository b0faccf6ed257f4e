use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    client::Reply,
    homeserver::{
        Error, Result,
        interface::{Interface, Request, refused},
        log::Log,
        secret,
    },
    wait::{self, Poll},
};

/// Localpart of the account that is made first and so becomes administrator.
const ACCOUNT: &str = "knockproof-operator";
/// How long the one-time token may take to appear after the first answer.
const DEADLINE: Duration = Duration::from_secs(15);

/// The administrator's account.
pub(in crate::homeserver) struct FirstUser {
    pub(in crate::homeserver) token: String,
}

/// Makes the first user of an empty server, who becomes administrator.
///
/// conduwuit admits it by the configured token. continuwuity refuses that one until a first user exists, and prints a one-time
/// token for him on stderr, shortly after it has begun to answer.
pub(in crate::homeserver) async fn make_first_user(
    http: &Interface,
    log: &Log,
    registration_token: &str,
) -> Result<FirstUser> {
    let action = "make the operator's account";
    let mut answer = register(http, registration_token).await?;
    if answer.status == 401 {
        let one_time = one_time_token(log).await?;
        log.hide("one-time token for the operator", &one_time);
        answer = register(http, &one_time).await?;
    }
    match answer.body.get("access_token").and_then(Value::as_str) {
        Some(token) => Ok(FirstUser {
            token: token.to_owned(),
        }),
        None => Err(refused(&answer, action)),
    }
}

async fn register(http: &Interface, token: &str) -> Result<Reply> {
    let account = json!({
        "username": ACCOUNT,
        "password": secret(),
        "auth": { "type": "m.login.registration_token", "token": token },
    });
    let path = ["_matrix", "client", "v3", "register"];
    let request = Request::new(Method::POST, &path).body(account);
    http.send("make the operator's account", request).await
}

/// Waits for the one-time token in the log. A new one is printed at each start, so the last one counts.
async fn one_time_token(log: &Log) -> Result<String> {
    let printed = wait::until("a one-time token in the log", DEADLINE, || async {
        match find_token(&log.since(0)) {
            Some(token) => Poll::Ready(token.to_owned()),
            None => Poll::Pending("none".to_owned()),
        }
    });
    printed.await.map_err(|_| Error::Operator {
        action: "make the operator's account".to_owned(),
        reason: format!(
            "the server refused the configured registration token and printed no one-time token within {DEADLINE:?}; last lines of \
             its log:\n{}",
            log.last_lines(0)
        ),
    })
}

/// The token in the last "… using the registration token TOKEN . Pick …" of a text without colours.
fn find_token(text: &str) -> Option<&str> {
    let (_, behind) = text.rsplit_once("using the registration token ")?;
    // Only when the line goes on: what is printed in pieces may be read in pieces.
    let (token, _) = behind.split_once(" .")?;
    let token = token.trim();
    (token.len() >= 8 && token.chars().all(|c| c.is_ascii_alphanumeric())).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST_BOOT: &str = "Open your Matrix client of choice and register an account on localhost using the registration \
                              token bOTZfvMZxCgpUNFt . Pick your own username and password!\n";

    #[test]
    fn the_one_time_token_is_found() {
        assert_eq!(find_token(FIRST_BOOT), Some("bOTZfvMZxCgpUNFt"));
    }

    #[test]
    fn the_token_of_the_last_start_counts() {
        let log = [FIRST_BOOT, &FIRST_BOOT.replace("bOTZfvMZxCgpUNFt", "secondsecondseco")].concat();
        assert_eq!(find_token(&log), Some("secondsecondseco"));
    }

    #[test]
    fn half_a_line_is_no_token() {
        assert_eq!(find_token("using the registration token bOTZfvMZ"), None);
        assert_eq!(find_token("Listening on [127.0.0.1:6167]"), None);
    }
}
