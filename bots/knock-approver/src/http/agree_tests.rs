//! Whoever makes a request, the same answer means the same: to healing, to the sender, to signup and to `doctor`.

use axum::http::Response;
use matrix_sdk::{
    HttpError,
    ruma::api::{EndpointError, client::uiaa::UiaaResponse, error::FromHttpResponseError},
};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use super::user::{UserApi, UserError};
use crate::{
    healing::{About, Answer, Asked, Class, Expected, Refusal, Reply, classify, refusal},
    matrix::Failure,
    secret::Secret,
    session::Server,
};

/// What an answer means, as far as all can tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// Asked again, the answer would be the same, unless a person sees to what is lacking in a room.
    No,
    /// A person has to see to the account.
    Person,
    Limited,
    DeadToken,
    Way,
    Elsewhere,
    Stages,
    /// It proves nothing.
    Later,
}

fn of_class(class: &Refusal) -> Meaning {
    match class {
        Refusal::Operator(blocker) if blocker.is_of_account() => Meaning::Person,
        Refusal::Final(_) | Refusal::Operator(_) => Meaning::No,
        Refusal::Limited(_) => Meaning::Limited,
        Refusal::DeadToken => Meaning::DeadToken,
        Refusal::WayBroken(_) => Meaning::Way,
        Refusal::Redirected(_) => Meaning::Elsewhere,
        Refusal::Interactive => Meaning::Stages,
        _ => Meaning::Later,
    }
}

fn to_healing_or_doctor(class: &Class) -> Meaning {
    match class {
        Class::Other { body, .. } if body["flows"].is_array() => Meaning::Stages,
        Class::Other { .. } => Meaning::No,
        Class::AccountBlocked(_) | Class::Blocked(_) => Meaning::Person,
        Class::Limited(_) => Meaning::Limited,
        Class::Dead => Meaning::DeadToken,
        Class::WayBroken(_) => Meaning::Way,
        Class::Redirected(_) => Meaning::Elsewhere,
        _ => Meaning::Later,
    }
}

/// The sender tries again whatever it was that kept the request from being judged: the identity heals beside it.
fn to_the_sender(failure: &Failure) -> Meaning {
    match failure {
        Failure::Refused(no) if no.of_account().is_some() => Meaning::Person,
        Failure::Refused(_) => Meaning::No,
        Failure::Limited { .. } => Meaning::Limited,
        _ => Meaning::Later,
    }
}

/// Somebody who signs up is told no whatever the class of the no is; the error code tells it.
fn to_signup(error: &UserError) -> Meaning {
    match error {
        UserError::Refused { .. } => Meaning::No,
        UserError::Demanded { .. } => Meaning::Stages,
        UserError::Redirected(_) => Meaning::Elsewhere,
        UserError::Limited(_) => Meaning::Limited,
        UserError::Unknown(_) | UserError::NotAsked(_) => Meaning::Later,
    }
}

fn matrix(errcode: &str) -> Value {
    json!({ "errcode": errcode, "error": format!("{errcode}: {errcode}: in its words") })
}

#[rstest]
#[case::power(403, matrix("M_FORBIDDEN"), Meaning::No)]
#[case::power_in_other_words(403, matrix("M_UNKNOWN"), Meaning::No)]
#[case::gone(404, matrix("M_NOT_FOUND"), Meaning::No)]
#[case::wrong(400, matrix("M_BAD_JSON"), Meaning::No)]
#[case::too_large(413, matrix("M_TOO_LARGE"), Meaning::No)]
#[case::taken(400, matrix("M_USER_IN_USE"), Meaning::No)]
#[case::terms(403, matrix("M_CONSENT_NOT_GIVEN"), Meaning::Person)]
#[case::limits_of_the_server(403, matrix("M_RESOURCE_LIMIT_EXCEEDED"), Meaning::Person)]
#[case::suspended(403, matrix("M_USER_SUSPENDED"), Meaning::Person)]
#[case::locked(401, matrix("M_USER_LOCKED"), Meaning::Person)]
#[case::deactivated(403, matrix("M_USER_DEACTIVATED"), Meaning::Person)]
#[case::pace(429, json!({ "errcode": "M_LIMIT_EXCEEDED", "error": "", "retry_after_ms": 7000 }), Meaning::Limited)]
#[case::pace_without_a_body(429, json!("slow down"), Meaning::Limited)]
#[case::dead_token(401, matrix("M_UNKNOWN_TOKEN"), Meaning::DeadToken)]
#[case::dead_token_on_some_builds(401, matrix("M_UNAUTHORIZED"), Meaning::DeadToken)]
#[case::header_taken_away(401, matrix("M_MISSING_TOKEN"), Meaning::Way)]
#[case::elsewhere(307, json!({}), Meaning::Elsewhere)]
#[case::stages(401, json!({ "flows": [{ "stages": ["m.login.recaptcha"] }], "session": "s" }), Meaning::Stages)]
#[case::another_router(404, matrix("M_UNRECOGNIZED"), Meaning::Later)]
#[case::broken_inside(500, matrix("M_UNKNOWN"), Meaning::Later)]
#[case::a_proxy(502, json!("<html>bad gateway</html>"), Meaning::Later)]
#[case::a_firewall(403, json!("<html>go away</html>"), Meaning::Later)]
#[tokio::test]
async fn the_four_agree(#[case] status: u16, #[case] body: Value, #[case] meaning: Meaning) {
    let reply = Reply {
        status,
        body: &body,
        retry_after: None,
        location: (status == 307).then_some("https://elsewhere.example/"),
    };
    assert_eq!(of_class(&refusal(About::Room, &reply)), meaning, "the classing");
    assert_eq!(of_class(&refusal(About::Other, &reply)), meaning, "the classing");

    let answer = Answer {
        status,
        retry_after: None,
        location: reply.location.map(str::to_owned),
        body: body.to_string(),
    };
    let healing = classify(Asked::Other, &Expected::Anyone, &Ok(answer));
    assert_eq!(to_healing_or_doctor(&healing), meaning, "healing: {healing:?}");

    let mut answering = ResponseTemplate::new(status).set_body_json(&body);
    if let Some(location) = reply.location {
        answering = answering.insert_header("location", location);
    }
    let mock = MockServer::start().await;
    Mock::given(any()).respond_with(answering).mount(&mock).await;
    let server = Server::new(mock.uri().parse().unwrap(), "bot").unwrap();
    let doctor = server.get(&Secret::new("token"), &["room_keys", "version"]).await;
    assert_eq!(to_healing_or_doctor(&doctor), meaning, "doctor: {doctor:?}");

    let signup = UserApi::new(server).ask(Method::POST, &["register"], &body).await;
    let signup = signup.unwrap_err();
    let told = match meaning {
        // The homeserver, or what stands before it, has refused: nothing has happened.
        Meaning::Person | Meaning::DeadToken | Meaning::Way => Meaning::No,
        Meaning::Later if status < 500 && body.is_object() => Meaning::No,
        meaning => meaning,
    };
    assert_eq!(to_signup(&signup), told, "signup: {signup:?}");
    assert!(!signup.to_string().contains(": M_"), "{signup}");

    let response = Response::builder().status(status).body(body.to_string().into_bytes());
    let error = UiaaResponse::from_http_response(response.unwrap());
    let error = HttpError::from(FromHttpResponseError::Server(error));
    let sender = Failure::from(matrix_sdk::Error::from(error));
    let done = match meaning {
        Meaning::No | Meaning::Person | Meaning::Limited => meaning,
        _ => Meaning::Later,
    };
    assert_eq!(to_the_sender(&sender), done, "the sender: {sender}");
    assert!(!sender.to_string().contains(": M_"), "{sender}");
}
