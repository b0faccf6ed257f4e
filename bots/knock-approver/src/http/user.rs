//! Requests on behalf of a user, over plain HTTP: that user's device has no client of ours.

use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

/// What a user's request met.
#[derive(Debug, thiserror::Error)]
pub(super) enum UserError {
    /// The homeserver said no.
    #[error("the homeserver answered {status} {errcode}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The Matrix error code.
        errcode: String,
        /// The server's words.
        message: String,
        /// The whole body, for stages of an interactive authentication.
        body: Value,
    },
    /// It could not be asked, or did not answer as a homeserver does.
    #[error("the homeserver cannot be asked now: {0}")]
    Unreachable(String),
}

/// The homeserver, as one user sees it.
#[derive(Clone, Debug)]
pub(super) struct UserApi {
    http: reqwest::Client,
    homeserver: Url,
    token: Option<String>,
}

impl UserApi {
    pub(super) fn new(http: reqwest::Client, homeserver: Url) -> Self {
        Self {
            http,
            homeserver,
            token: None,
        }
    }

    pub(super) fn with_token(self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self
        }
    }

    /// One request. `path` is made of segments, each encoded here.
    pub(super) async fn ask(&self, method: Method, path: &[&str], body: &Value) -> Result<Value, UserError> {
        let mut url = self.homeserver.clone();
        url.path_segments_mut()
            .map_err(|()| UserError::Unreachable("the base URL has no path".to_owned()))?
            .pop_if_empty()
            .extend(["_matrix", "client", "v3"])
            .extend(path);
        let mut request = self.http.request(method.clone(), url);
        if method != Method::GET {
            request = request.json(body);
        }
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let unreachable = |error: reqwest::Error| UserError::Unreachable(error.without_url().to_string());
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let body: Value = answer.json().await.map_err(unreachable)?;
        if status.is_success() {
            return Ok(body);
        }
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let (errcode, message) = (text("errcode"), text("error"));
        let is_interactive = status.as_u16() == 401 && body["flows"].is_array();
        if status.is_server_error() || (errcode.is_empty() && !is_interactive) {
            return Err(UserError::Unreachable(format!("it answered {status}")));
        }
        Err(UserError::Refused {
            status: status.as_u16(),
            errcode,
            message,
            body,
        })
    }

    /// A request behind interactive authentication: walks the first flow all of whose stages `stage` can answer.
    pub(super) async fn ask_interactively(
        &self,
        method: Method,
        path: &[&str],
        mut body: Value,
        stage: impl Fn(&str) -> Option<Value>,
    ) -> Result<Value, UserError> {
        // Each round completes one stage; no flow of a homeserver has more than a few.
        for _ in 0..6 {
            let refused = match self.ask(method.clone(), path, &body).await {
                Err(UserError::Refused {
                    status: 401,
                    body,
                    errcode,
                    message,
                }) if body["flows"].is_array() => (errcode, message, body),
                other => return other,
            };
            let (errcode, message, asked) = refused;
            let Some(mut auth) = next_stage(&asked, &errcode, &stage) else {
                return Err(UserError::Refused {
                    status: 401,
                    errcode,
                    message,
                    body: asked,
                });
            };
            if let Some(session) = asked["session"].as_str() {
                auth["session"] = json!(session);
            }
            body["auth"] = auth;
        }
        Err(UserError::Unreachable(
            "its authentication never came to an end".to_owned(),
        ))
    }
}

/// The answer to the next stage; `None` where no flow can be walked, or where a stage was answered wrongly.
fn next_stage(asked: &Value, errcode: &str, stage: &impl Fn(&str) -> Option<Value>) -> Option<Value> {
    // A 401 with an error code says that the last stage's answer was wrong: the same answer will not do.
    if !errcode.is_empty() && errcode != "M_UNAUTHORIZED" && errcode != "M_MISSING_PARAM" {
        return None;
    }
    let completed = asked["completed"].as_array().cloned().unwrap_or_default();
    let flows = asked["flows"].as_array()?;
    let stages = flows.iter().filter_map(|flow| flow["stages"].as_array());
    let fit = stages
        .filter(|stages| {
            stages
                .iter()
                .all(|name| name.as_str().is_some_and(|name| stage(name).is_some()))
        })
        .find(|stages| stages.iter().any(|name| !completed.contains(name)))?;
    let next = fit.iter().find(|name| !completed.contains(name))?;
    stage(next.as_str()?)
}

#[cfg(test)]
mod tests {
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{body_partial_json, method, path},
    };

    use super::*;

    fn stage(name: &str) -> Option<Value> {
        match name {
            "m.login.registration_token" => Some(json!({ "type": name, "token": "let me in" })),
            "m.login.dummy" => Some(json!({ "type": name })),
            _ => None,
        }
    }

    async fn register(server: &MockServer) -> Result<Value, UserError> {
        let api = UserApi::new(reqwest::Client::new(), server.uri().parse().unwrap());
        api.ask_interactively(Method::POST, &["register"], json!({ "username": "bob" }), stage)
            .await
    }

    async fn mount(server: &MockServer, auth: Value, status: u16, answer: Value) {
        Mock::given(method("POST"))
            .and(path("/_matrix/client/v3/register"))
            .and(body_partial_json(json!({ "username": "bob", "auth": auth })))
            .respond_with(ResponseTemplate::new(status).set_body_json(answer))
            .expect(1)
            .with_priority(1)
            .mount(server)
            .await;
    }

    async fn begin(server: &MockServer, stages: Value) {
        let asked = json!({ "session": "s", "flows": [{ "stages": ["m.login.recaptcha"] }, { "stages": stages }] });
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(401).set_body_json(asked))
            .expect(1)
            .mount(server)
            .await;
    }

    #[tokio::test]
    async fn a_registration_with_one_stage_is_walked() {
        let server = MockServer::start().await;
        begin(&server, json!(["m.login.registration_token"])).await;
        let auth = json!({ "type": "m.login.registration_token", "token": "let me in", "session": "s" });
        mount(&server, auth, 200, json!({ "user_id": "@bob:hs" })).await;
        assert_eq!(register(&server).await.unwrap()["user_id"], "@bob:hs");
    }

    #[tokio::test]
    async fn a_registration_with_a_second_stage_is_walked_to_its_end() {
        let server = MockServer::start().await;
        let stages = json!(["m.login.registration_token", "m.login.dummy"]);
        begin(&server, stages.clone()).await;
        let half =
            json!({ "session": "s", "flows": [{ "stages": stages }], "completed": ["m.login.registration_token"] });
        mount(&server, json!({ "type": "m.login.registration_token" }), 401, half).await;
        mount(
            &server,
            json!({ "type": "m.login.dummy", "session": "s" }),
            200,
            json!({ "user_id": "@bob:hs" }),
        )
        .await;
        assert_eq!(register(&server).await.unwrap()["user_id"], "@bob:hs");
    }

    #[tokio::test]
    async fn a_refused_token_is_not_sent_again() {
        let server = MockServer::start().await;
        let stages = json!(["m.login.registration_token"]);
        begin(&server, stages.clone()).await;
        let refused =
            json!({ "session": "s", "flows": [{ "stages": stages }], "errcode": "M_FORBIDDEN", "error": "no" });
        mount(&server, json!({ "type": "m.login.registration_token" }), 401, refused).await;
        let error = register(&server).await.unwrap_err();
        assert!(matches!(error, UserError::Refused { errcode, .. } if errcode == "M_FORBIDDEN"));
    }
}
