use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use super::{Error, Http, Result, User};

/// Most servers ask for two stages; more than this is a loop.
const MOST_STAGES: usize = 5;

/// An account to be made.
#[derive(Clone, Debug)]
pub struct Registration<'a> {
    /// The localpart.
    pub username: &'a str,
    /// The password.
    pub password: &'a str,
    /// What the stage `m.login.registration_token` is answered with.
    pub registration_token: &'a str,
}

impl User {
    /// Makes an account and its first device, through whatever stages the server asks for.
    ///
    /// # Errors
    ///
    /// When the server refuses, or asks for a stage other than `m.login.registration_token` and `m.login.dummy`.
    pub async fn register(base: &Url, registration: &Registration<'_>) -> Result<Self> {
        let path = "/_matrix/client/v3/register";
        let http = Http::new(base);
        let mut body = json!({
            "username": registration.username,
            "password": registration.password,
            "initial_device_display_name": "knockproof",
        });
        for _ in 0..MOST_STAGES {
            let refused = match http.matrix(Method::POST, path, None, Some(&body)).await {
                Ok(answer) => return Self::from_login(http, registration.password, &answer, path),
                Err(error) => error,
            };
            let Some(stage) = refused.matrix().and_then(|error| next_stage(error.status, &error.body)) else {
                return Err(refused);
            };
            let mut auth = json!({ "type": stage.name, "session": stage.session });
            if stage.name == "m.login.registration_token" {
                auth["token"] = Value::from(registration.registration_token);
            }
            body["auth"] = auth;
        }
        Err(Error::Transport {
            what: format!("POST {path}"),
            reason: format!("the server still asks for more after {MOST_STAGES} stages"),
        })
    }
}

struct Stage {
    name: &'static str,
    session: String,
}

/// The first stage of the first flow made only of stages that can be done here, which is not completed yet.
fn next_stage(status: u16, body: &Value) -> Option<Stage> {
    const KNOWN: [&str; 2] = ["m.login.registration_token", "m.login.dummy"];
    if status != 401 {
        return None;
    }
    let known = |stage: &Value| KNOWN.into_iter().find(|known| stage == known);
    let completed = body["completed"].as_array().cloned().unwrap_or_default();
    let flow = body["flows"].as_array()?.iter().find_map(|flow| {
        let stages = flow["stages"].as_array()?;
        stages.iter().all(|stage| known(stage).is_some()).then_some(stages)
    })?;
    // A stage that failed stands in the same answer, with an error code: doing it again would not help.
    if body.get("errcode").is_some() && body["errcode"] != "M_UNAUTHORIZED" {
        return None;
    }
    let name = flow.iter().find(|stage| !completed.contains(stage)).and_then(known)?;
    let session = body["session"].as_str().unwrap_or_default().to_owned();
    Some(Stage { name, session })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(body: &Value) -> Option<&'static str> {
        next_stage(401, body).map(|stage| stage.name)
    }

    #[test]
    fn the_first_stage_not_completed_is_next() {
        let flows = json!([{ "stages": ["m.login.email.identity"] }, { "stages": ["m.login.registration_token", "m.login.dummy"] }]);
        assert_eq!(
            stage(&json!({ "flows": flows, "session": "s" })),
            Some("m.login.registration_token")
        );
        let completed = json!(["m.login.registration_token"]);
        assert_eq!(
            stage(&json!({ "flows": flows, "completed": completed, "session": "s" })),
            Some("m.login.dummy")
        );
    }

    #[test]
    fn a_stage_that_failed_is_not_tried_again() {
        let flows = json!([{ "stages": ["m.login.registration_token"] }]);
        assert_eq!(stage(&json!({ "flows": flows, "errcode": "M_FORBIDDEN" })), None);
    }

    #[test]
    fn a_flow_that_cannot_be_done_here_is_refused() {
        assert_eq!(stage(&json!({ "flows": [{ "stages": ["m.login.terms"] }] })), None);
    }
}
