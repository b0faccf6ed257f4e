//! Requests on behalf of a user, over plain HTTP: that user's device has no client of ours.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use url::Url;

use crate::{
    healing::{About, Blocker, Refusal, Reply, refusal},
    secret::Secret,
    session::{
        Exchange, NoAnswer, Server,
        uia::{self, Demand},
    },
};

/// For the whole of a request: hashing a password or making a room takes a busy server its time.
const PATIENCE: Duration = Duration::from_secs(25);

/// What a user's request met.
#[derive(Debug, thiserror::Error)]
pub(super) enum UserError {
    /// The homeserver said no.
    #[error("the homeserver refuses it with {errcode}: {words}")]
    Refused {
        /// The Matrix error code.
        errcode: String,
        /// The server's words, or what they mean.
        words: String,
        /// Power or membership is lacking.
        forbidden: bool,
    },
    /// It wants stages of an interactive authentication that cannot be answered here, or were answered wrongly.
    #[error("the homeserver asks for more than it was given")]
    Demanded {
        /// What it thinks of the last stage; empty where none was answered.
        errcode: String,
        /// The whole body, with the stages.
        body: Value,
    },
    /// It wants the request, and what is secret in it, to go elsewhere.
    #[error("the homeserver's address points to {0}, which is not followed with a secret")]
    Redirected(String),
    /// Too many requests.
    #[error("the homeserver limits requests for {} s", .0.as_secs())]
    Limited(Duration),
    /// It was not asked: nothing has happened.
    #[error("the homeserver cannot be asked now: {0}")]
    NotAsked(String),
    /// It was asked and did not answer as a homeserver does: it may have done what was asked, or not.
    #[error("it is not known whether the homeserver did it: {0}")]
    Unknown(String),
}

impl UserError {
    /// Whether the request may have had its effect for all that.
    pub(super) const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// Whether power or membership is lacking.
    pub(super) const fn is_forbidden(&self) -> bool {
        matches!(self, Self::Refused { forbidden: true, .. })
    }

    /// Whether somebody has the name already.
    pub(super) fn is_about_the_name(&self) -> bool {
        matches!(self, Self::Refused { errcode, .. } if errcode == "M_USER_IN_USE")
    }

    /// What an answer without success comes to for whoever asked: by the classing that all requests share. Whether the request had
    /// its effect is a question of its own: what a homeserver refuses it has not done.
    pub(super) fn of(reply: &Reply<'_>) -> Self {
        let errcode = reply.body["errcode"].as_str().unwrap_or_default().to_owned();
        let class = refusal(About::Room, reply);
        let forbidden = matches!(class, Refusal::Operator(Blocker::Forbidden(_)));
        let words = match class {
            Refusal::Redirected(target) => return Self::Redirected(target),
            Refusal::Limited(delay) => return Self::Limited(delay),
            Refusal::Interactive => {
                let body = reply.body.clone();
                return Self::Demanded { errcode, body };
            }
            Refusal::Transient(why) if reply.status >= 500 || errcode.is_empty() => return Self::Unknown(why),
            Refusal::Final(no) | Refusal::Operator(Blocker::Forbidden(no) | Blocker::UnknownRoom(no)) => no.words,
            Refusal::Operator(blocker) => blocker.to_string(),
            Refusal::Transient(words) => words,
            Refusal::WayBroken(_) => "the token does not arrive there".to_owned(),
            Refusal::DeadToken => "the token is dead".to_owned(),
            _ => "its answer is of a kind that is not known here".to_owned(),
        };
        Self::Refused {
            errcode,
            words,
            forbidden,
        }
    }
}

/// The homeserver, as one user sees it.
#[derive(Clone, Debug)]
pub(super) struct UserApi {
    server: Server,
    token: Option<Secret>,
}

impl UserApi {
    pub(super) const fn new(server: Server) -> Self {
        Self { server, token: None }
    }

    pub(super) fn with_token(self, token: Secret) -> Self {
        Self {
            token: Some(token),
            ..self
        }
    }

    /// One request. `path` is made of segments, each encoded here.
    pub(super) async fn ask(&self, method: Method, path: &[&str], body: &Value) -> Result<Value, UserError> {
        let body = (method != Method::GET).then_some(body);
        let exchange = self
            .server
            .exchange(method, path, self.token.as_ref(), body, PATIENCE)
            .await
            .map_err(|NoAnswer { reason, was_sent, .. }| match was_sent {
                true => UserError::Unknown(reason),
                false => UserError::NotAsked(reason),
            })?;
        read(&exchange)
    }

    /// A request behind interactive authentication: walks the first flow all of whose stages `stage` can answer.
    pub(super) async fn ask_interactively(
        &self,
        method: Method,
        path: &[&str],
        body: Value,
        stage: impl Fn(&str) -> Option<Value>,
    ) -> Result<Value, UserError> {
        let ask = async |body: Value| self.ask(method.clone(), path, &body).await;
        uia::walk(body, stage, ask, |answer| match answer {
            Err(UserError::Demanded { errcode, body }) => Some(Demand { errcode, body }),
            _ => None,
        })
        .await
    }
}

fn read(Exchange { answer, target, .. }: &Exchange) -> Result<Value, UserError> {
    let status = answer.status;
    let body = serde_json::from_str::<Value>(&answer.body)
        .ok()
        .filter(Value::is_object);
    match (status, body) {
        (200..300, Some(body)) => Ok(body),
        (200..300, None) => Err(UserError::Unknown(format!(
            "HTTP {status} with a body that is not from a Matrix server"
        ))),
        (_, body) => Err(UserError::of(&Reply {
            status,
            body: &body.unwrap_or_default(),
            retry_after: answer.retry_after,
            location: target.as_ref().map(Url::as_str),
        })),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

    use super::*;

    const TOKEN: &str = "a-token-that-nobody-must-see";

    async fn answering(template: ResponseTemplate) -> MockServer {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(template).mount(&server).await;
        server
    }

    fn api(server: &MockServer) -> UserApi {
        let server = Server::new(server.uri().parse().unwrap(), "bot").unwrap();
        UserApi::new(server).with_token(Secret::new(TOKEN))
    }

    async fn asked(api: &UserApi) -> UserError {
        let body = json!({ "password": "correct horse battery" });
        api.ask(Method::POST, &["register"], &body).await.unwrap_err()
    }

    #[rstest]
    #[case(301)]
    #[case(302)]
    #[case(303)]
    #[case(307)]
    #[case(308)]
    #[tokio::test]
    async fn a_redirect_is_named_and_never_followed(#[case] status: u16) {
        let elsewhere = answering(ResponseTemplate::new(200).set_body_json(json!({ "user_id": "@bob:evil" }))).await;
        let target = format!("{}/_matrix/client/v3/register?token=secret", elsewhere.uri());
        let server = answering(ResponseTemplate::new(status).insert_header("location", target.as_str())).await;
        let error = asked(&api(&server)).await;
        assert!(
            matches!(&error, UserError::Redirected(target) if target.starts_with(&elsewhere.uri())),
            "{error:?}"
        );
        assert!(!error.to_string().contains("secret="), "{error}");
        assert!(!error.is_unknown());
        assert!(elsewhere.received_requests().await.unwrap().is_empty());
    }

    #[rstest]
    #[case::refused(400, json!({ "errcode": "M_USER_IN_USE", "error": "taken" }), false)]
    #[case::an_unknown_path(404, json!({ "errcode": "M_UNRECOGNIZED", "error": "?" }), false)]
    #[case::a_dead_token(401, json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "?" }), false)]
    #[case::limited(429, json!({ "errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 3000 }), false)]
    #[case::stages(401, json!({ "flows": [{ "stages": ["m.login.recaptcha"] }], "session": "s" }), false)]
    #[case::broken_inside(500, json!({ "errcode": "M_UNKNOWN", "error": "?" }), true)]
    #[case::the_proxy_lost_it(502, json!("<html>bad gateway</html>"), true)]
    #[case::the_proxy_was_impatient(408, json!({}), true)]
    #[case::a_portal(200, json!("welcome"), true)]
    #[tokio::test]
    async fn what_may_have_happened_is_told_from_what_has_not(
        #[case] status: u16,
        #[case] body: Value,
        #[case] unknown: bool,
    ) {
        let server = answering(ResponseTemplate::new(status).set_body_json(body)).await;
        let error = asked(&api(&server)).await;
        assert_eq!(error.is_unknown(), unknown, "{error:?}");
    }

    #[tokio::test]
    async fn a_connection_that_is_lost_after_the_request_proves_nothing_one_that_never_was_does() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::new(format!("http://{address}").parse().unwrap(), "bot").unwrap();
        let api = UserApi::new(server);
        let hang_up = async {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut some = [0; 64];
            tokio::io::AsyncReadExt::read(&mut connection, &mut some).await.unwrap();
        };
        let (error, ()) = tokio::join!(asked(&api), hang_up);
        assert!(error.is_unknown(), "{error:?}");
        drop(listener);
        let error = asked(&api).await;
        assert!(matches!(error, UserError::NotAsked(_)), "{error:?}");
    }

    #[tokio::test]
    async fn the_token_is_not_shown() {
        let server = MockServer::start().await;
        assert!(!format!("{:?}", api(&server)).contains(TOKEN));
    }
}
