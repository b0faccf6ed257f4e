//! `/signup/api`: a code makes an account that is at home in the community.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State, http::StatusCode};
use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{
    Shared, doubt,
    error::{ApiError, Body},
    user::{UserApi, UserError},
};
use crate::{
    config::Role,
    matrix::{self, Failure, Membership},
    secret::Secret,
    storage::codes::Code,
};

const SHORTEST_PASSWORD: usize = 12;

/// For the invite to the space.
const INVITE_PATIENCE: Duration = Duration::from_secs(15);

/// How many milliseconds are waited after each refusal of a child room. Somebody looks at the page meanwhile.
const CHILD_PAUSES: [u64; 4] = [50, 100, 200, 400];

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SignupForm {
    pub(super) code: String,
    pub(super) username: String,
    pub(super) password: Secret,
    pub(super) display_name: Option<String>,
    pub(super) intro: Option<String>,
}

impl SignupForm {
    fn checked(mut self) -> Result<Self, ApiError> {
        for field in [&mut self.code, &mut self.username] {
            *field = field.trim().to_owned();
        }
        if self.code.is_empty() || self.username.is_empty() || self.password.expose().is_empty() {
            return Err(ApiError::bad("missing_fields").with("code, username and password are needed"));
        }
        self.username = self.username.to_lowercase();
        let is_fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._=-".contains(&byte);
        if self.username.len() > 32 || !self.username.bytes().all(is_fit) {
            return Err(ApiError::bad("bad_username").with("1 to 32 of a-z, 0-9 and ._=-"));
        }
        if self.password.expose().chars().count() < SHORTEST_PASSWORD {
            return Err(ApiError::bad("password_too_short").with("at least 12 characters"));
        }
        self.display_name = self
            .display_name
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty());
        Ok(self)
    }
}

pub(super) async fn signup(State(shared): State<Arc<Shared>>, body: Body<SignupForm>) -> Result<Json<Value>, ApiError> {
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

async fn sign_up(shared: &Shared, asked: SignupForm) -> Result<Value, ApiError> {
    let api = UserApi::new(shared.server.clone());
    let store = &shared.flows.store;
    let Some(taken) = doubt::take(store, &asked).await? else {
        return Err(ApiError::new(StatusCode::FORBIDDEN, "invalid_code"));
    };
    let registered = register(shared, &api, &asked).await;
    let account = match doubt::settle(&api, &asked, &taken, registered).await {
        Ok(account) => account,
        Err(error) => {
            doubt::not_made(store, &asked, &taken, &error).await?;
            shared.flows.metrics.count("signups", "failed");
            return Err(refusal(error));
        }
    };
    doubt::made(store, &asked, &account).await?;
    let (user, token) = (&account.user, account.token.clone());
    let settled = settle(shared, &api.with_token(token), user, &asked, &taken.code).await;
    shared.flows.metrics.count("signups", "done");
    let config = &shared.flows.config;
    Ok(json!({
        "user_id": user,
        "access_token": account.token.expose(),
        "device_id": account.device,
        "homeserver": config.public,
        "space_id": config.flow.space,
        "space_url": space_url(&config.flow.space, user),
        "steps": settled.steps,
        "dm_room": settled.dm_room,
        "intro_text": intro(&asked, user),
    }))
}

fn intro(asked: &SignupForm, user: &OwnedUserId) -> String {
    match asked.intro.as_deref().map(str::trim).filter(|intro| !intro.is_empty()) {
        Some(intro) => intro.to_owned(),
        None => format!("hi, I'm {}", asked.display_name.as_deref().unwrap_or(user.localpart())),
    }
}

/// A link that opens the space in whatever app there is.
fn space_url(space: &RoomId, user: &UserId) -> String {
    space.matrix_to_uri_via([user.server_name().to_owned()]).to_string()
}

/// What went wrong, as the form is told. Where it is not known whether there is an account now, the same code and name may be tried again.
fn refusal(error: UserError) -> ApiError {
    match error {
        UserError::Demanded { errcode, .. } if errcode.is_empty() => {
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "signup_disabled")
                .with("the homeserver asks for more than a registration token")
        }
        UserError::Unknown(_) => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unknown_outcome").with(
            "the homeserver did not say whether the account is made: try again with the same code, name and password",
        ),
        error => ApiError::from(error),
    }
}

async fn register(shared: &Shared, api: &UserApi, asked: &SignupForm) -> Result<Value, UserError> {
    let token = shared.flows.config.registration_token.as_ref();
    let stage = |name: &str| match name {
        "m.login.registration_token" => token.map(|token| json!({ "type": name, "token": token.expose() })),
        "m.login.dummy" => Some(json!({ "type": name })),
        _ => None,
    };
    let body = json!({
        "username": asked.username,
        "password": asked.password.expose(),
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
async fn settle(shared: &Shared, api: &UserApi, user: &OwnedUserId, asked: &SignupForm, code: &Code) -> Settled {
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
            Err(error) if error.is_forbidden() => sleep(Duration::from_millis(pause)).await,
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
    // The account is made: it must not wait for an identity that has died meanwhile.
    match timeout(INVITE_PATIENCE, invited).await {
        Ok(invited) => logged("invite", invited.map_err(Failure::from)),
        Err(_) => logged("invite", Err("it takes too long")),
    }
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

    fn asked(code: &str, username: &str, password: &str) -> SignupForm {
        SignupForm {
            code: code.to_owned(),
            username: username.to_owned(),
            password: Secret::new(password),
            ..SignupForm::default()
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
    fn the_space_is_linked_by_way_of_the_accounts_own_server() {
        use matrix_sdk::ruma::{room_id, user_id};
        let url = space_url(room_id!("!space"), user_id!("@bob:hs.example"));
        assert_eq!(url, "https://matrix.to/#/!space?via=hs.example");
    }

    #[test]
    fn a_user_name_is_lowered() {
        assert_eq!(
            asked("c", " Bob.X ", "correct horse").checked().ok().unwrap().username,
            "bob.x"
        );
    }
}
