//! `/signup/api`: a code makes an account that is at home in the community.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State, http::StatusCode};
use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    Shared,
    error::{ApiError, Body},
    user::{UserApi, UserError},
};
use crate::{
    config::Role,
    matrix::{self, Membership},
    storage::{
        StoreError, audit,
        codes::{self, Code, Kind},
    },
};

const SHORTEST_PASSWORD: usize = 12;

/// How many milliseconds are waited after each refusal of a child room. Somebody looks at the page meanwhile.
const CHILD_PAUSES: [u64; 4] = [50, 100, 200, 400];

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct Asked {
    code: String,
    username: String,
    password: String,
    display_name: Option<String>,
    intro: Option<String>,
}

impl Asked {
    fn checked(mut self) -> Result<Self, ApiError> {
        for field in [&mut self.code, &mut self.username] {
            *field = field.trim().to_owned();
        }
        if self.code.is_empty() || self.username.is_empty() || self.password.is_empty() {
            return Err(ApiError::bad("missing_fields").with("code, username and password are needed"));
        }
        self.username = self.username.to_lowercase();
        let is_fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._=-".contains(&byte);
        if self.username.len() > 32 || !self.username.bytes().all(is_fit) {
            return Err(ApiError::bad("bad_username").with("1 to 32 of a-z, 0-9 and ._=-"));
        }
        if self.password.chars().count() < SHORTEST_PASSWORD {
            return Err(ApiError::bad("password_too_short").with("at least 12 characters"));
        }
        self.display_name = self
            .display_name
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty());
        Ok(self)
    }
}

pub(super) async fn signup(State(shared): State<Arc<Shared>>, body: Body<Asked>) -> Result<Json<Value>, ApiError> {
    if shared.flows.config.registration_token.is_none() {
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "signup_disabled"));
    }
    let asked = body.0.checked()?;
    if !shared.team.serves(Role::Approver).await {
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
    }
    // A task of its own: who hangs up in the middle must not leave half an account.
    let task = tokio::spawn(async move { sign_up(&shared, asked).await });
    task.await.map_err(|error| ApiError::internal(&error))?.map(Json)
}

async fn sign_up(shared: &Shared, asked: Asked) -> Result<Value, ApiError> {
    let store = &shared.flows.store;
    let code = asked.code.clone();
    let taken: Result<Option<Code>, StoreError> = store.run(move |tx| codes::take(tx, Kind::Signup, &code)).await;
    let Some(code) = taken.map_err(|error| ApiError::internal(&error))? else {
        return Err(ApiError::new(StatusCode::FORBIDDEN, "invalid_code"));
    };
    let api = UserApi::new(shared.http.clone(), shared.flows.config.homeserver.clone());
    let account = match register(shared, &api, &asked).await {
        Ok(account) => account,
        Err(error) => {
            let given = code.code.clone();
            let back: Result<(), StoreError> = store.run(move |tx| codes::give_back(tx, &given)).await;
            back.map_err(|error| ApiError::internal(&error))?;
            shared.flows.metrics.count("signups", "failed");
            return Err(refusal(error));
        }
    };
    let text = |key: &str| account[key].as_str().unwrap_or_default().to_owned();
    let (user_id, token, device) = (text("user_id"), text("access_token"), text("device_id"));
    let user = OwnedUserId::try_from(user_id.as_str()).map_err(|error| ApiError::internal(&error))?;
    let detail = json!({ "mxid": user });
    let written: Result<(), StoreError> = store.run(move |tx| audit::write(tx, "signup", &detail)).await;
    written.map_err(|error| ApiError::internal(&error))?;
    let settled = settle(shared, &api.with_token(&token), &user, &asked, &code).await;
    shared.flows.metrics.count("signups", "done");
    let config = &shared.flows.config;
    Ok(json!({
        "user_id": user,
        "access_token": token,
        "device_id": device,
        "homeserver": config.public,
        "space_id": config.flow.space,
        "steps": settled.steps,
        "dm_room": settled.dm_room,
        "intro_text": intro(&asked, &user),
    }))
}

fn intro(asked: &Asked, user: &OwnedUserId) -> String {
    match asked.intro.as_deref().map(str::trim).filter(|intro| !intro.is_empty()) {
        Some(intro) => intro.to_owned(),
        None => format!("hi, I'm {}", asked.display_name.as_deref().unwrap_or(user.localpart())),
    }
}

fn refusal(error: UserError) -> ApiError {
    match error {
        UserError::Refused { errcode, message, .. } if !errcode.is_empty() => {
            ApiError::bad(errcode.to_lowercase()).with(message)
        }
        UserError::Refused { .. } => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "signup_disabled")
            .with("the homeserver asks for more than a registration token"),
        UserError::Unreachable(problem) => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable").with(problem),
    }
}

async fn register(shared: &Shared, api: &UserApi, asked: &Asked) -> Result<Value, UserError> {
    let token = shared.flows.config.registration_token.as_ref();
    let stage = |name: &str| match name {
        "m.login.registration_token" => token.map(|token| json!({ "type": name, "token": token.expose() })),
        "m.login.dummy" => Some(json!({ "type": name })),
        _ => None,
    };
    let body = json!({
        "username": asked.username,
        "password": asked.password,
        "initial_device_display_name": "signup",
        "inhibit_login": false,
    });
    api.ask_interactively(Method::POST, &["register"], body, stage).await
}

struct Settled {
    steps: Value,
    dm_room: Option<String>,
}

/// Everything after the registration: each step is tried, and said of in the answer.
async fn settle(shared: &Shared, api: &UserApi, user: &OwnedUserId, asked: &Asked, code: &Code) -> Settled {
    let flow = &shared.flows.config.flow;
    let mut steps = json!({ "register": true });
    steps["space_invited"] = invite(shared, &flow.space, user).await.into();
    if let Some(name) = &asked.display_name {
        let path = ["profile", user.as_str(), "displayname"];
        steps["displayname_set"] = done(api, Method::PUT, &path, json!({ "displayname": name }))
            .await
            .into();
    }
    steps["space_joined"] = done(api, Method::POST, &["join", flow.space.as_str()], json!({}))
        .await
        .into();
    let mut joined = Vec::new();
    for child in &flow.children {
        if logged("join", join_child(api, child).await) {
            joined.push(child.to_string());
        }
    }
    steps["children_joined"] = json!(joined);
    let inviter = code
        .inviter
        .clone()
        .or_else(|| flow.inviter.as_ref().map(ToString::to_string));
    let mut dm_room = None;
    if let Some(inviter) = inviter {
        dm_room = direct_chat(api, &inviter).await;
        steps["inviter_dm"] = dm_room.is_some().into();
    }
    Settled { steps, dm_room }
}

/// Joins a child room, which lets the space's members in. continuwuity 26.7.3 may answer the join of the space before the membership
/// counts, and refuse the next request; so a refusal is not believed at once.
async fn join_child(api: &UserApi, child: &OwnedRoomId) -> Result<(), UserError> {
    let (path, body) = (["join", child.as_str()], json!({}));
    for pause in CHILD_PAUSES {
        match api.ask(Method::POST, &path, &body).await {
            Err(UserError::Refused { status: 403, .. }) => sleep(Duration::from_millis(pause)).await,
            joined => return joined.map(drop),
        }
    }
    api.ask(Method::POST, &path, &body).await.map(drop)
}

async fn invite(shared: &Shared, room: &OwnedRoomId, user: &OwnedUserId) -> bool {
    let approver = shared.team.identity(Role::Approver);
    let invited = approver.call(|live| async move {
        match matrix::membership(&live, room, user).await {
            Ok(Membership::Joined | Membership::Invited) => Ok(()),
            Err(error) if matrix::refusal(&error).is_none() => Err(error),
            _ => matrix::invite(&live, room, user).await,
        }
    });
    logged("invite", invited.await.map(drop))
}

async fn done(api: &UserApi, method: Method, path: &[&str], body: Value) -> bool {
    logged(
        path.first().unwrap_or(&""),
        api.ask(method, path, &body).await.map(drop),
    )
}

fn logged<E: std::fmt::Display>(step: &str, outcome: Result<(), E>) -> bool {
    match outcome {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(step, %error, "a step of a signup failed");
            false
        }
    }
}

async fn direct_chat(api: &UserApi, inviter: &str) -> Option<String> {
    let body = json!({
        "preset": "trusted_private_chat",
        "is_direct": true,
        "invite": [inviter],
        "initial_state": [{
            "type": "m.room.encryption",
            "state_key": "",
            "content": { "algorithm": "m.megolm.v1.aes-sha2" },
        }],
    });
    match api.ask(Method::POST, &["createRoom"], &body).await {
        Ok(answer) => answer["room_id"].as_str().map(str::to_owned),
        Err(error) => {
            tracing::warn!(%error, "no direct chat with the inviter");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn asked(code: &str, username: &str, password: &str) -> Asked {
        Asked {
            code: code.to_owned(),
            username: username.to_owned(),
            password: password.to_owned(),
            ..Asked::default()
        }
    }

    #[rstest]
    #[case("", "bob", "correct horse", "missing_fields")]
    #[case("c", "", "correct horse", "missing_fields")]
    #[case("c", "bob", "", "missing_fields")]
    #[case("c", "bob!", "correct horse", "bad_username")]
    #[case("c", "böb", "correct horse", "bad_username")]
    #[case("c", "a23456789012345678901234567890123", "correct horse", "bad_username")]
    #[case("c", "bob", "elevenchars", "password_too_short")]
    fn a_form_filled_in_wrongly_is_refused(
        #[case] code: &str,
        #[case] username: &str,
        #[case] password: &str,
        #[case] refusal: &str,
    ) {
        assert_eq!(asked(code, username, password).checked().err().unwrap().code, refusal);
    }

    #[test]
    fn a_user_name_is_lowered() {
        assert_eq!(
            asked("c", " Bob.X ", "correct horse").checked().ok().unwrap().username,
            "bob.x"
        );
    }
}
