//! `/signup/api`: a code makes an account that is at home in the community.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State, http::StatusCode};
use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    sync::{oneshot, watch},
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    DEADLINE, MARGIN, Shared,
    doubt::{self, Which},
    error::{ApiError, Body},
    user::{UserApi, UserError},
};
use crate::{
    config::Role,
    matrix::{self, Failure, Membership},
    secret::Secret,
    words,
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
            *field = words::bare(field).to_owned();
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
            .map(|name| words::bare(&name).to_owned())
            .filter(|name| !name.is_empty());
        Ok(self)
    }
}

pub(super) async fn signup(State(shared): State<Arc<Shared>>, body: Body<SignupForm>) -> Result<Json<Value>, ApiError> {
    let until = Instant::now() + DEADLINE.saturating_sub(MARGIN);
    if shared.flows.config.registration_token.is_none() {
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "signup_disabled"));
    }
    let asked = body.0.checked()?;
    if !shared.team.serves(Role::Approver).await {
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
    }
    // A task of its own: who hangs up in the middle must not leave half an account.
    let (tell, answer) = oneshot::channel();
    tokio::spawn(async move {
        let signup = Which::of(&asked);
        let answer = sign_up(&shared, asked, until).await;
        let is_made = answer.is_ok();
        if tell.send(answer).is_ok()
            && is_made
            && let Err(error) = doubt::heard(&shared.flows.store, signup).await
        {
            tracing::warn!(%error, "a signup stays in doubt");
        }
    });
    answer.await.map_err(|error| ApiError::internal(&error))?.map(Json)
}

/// Signs up; what takes longer than `until` is not waited for once the account is made.
async fn sign_up(shared: &Arc<Shared>, asked: SignupForm, until: Instant) -> Result<Value, ApiError> {
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
    let newcomer = Newcomer {
        api: api.with_token(token),
        user: user.clone(),
        name: asked.display_name.clone(),
        inviter: taken.code.inviter,
    };
    let settled = settle(shared.clone(), newcomer, until).await;
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

/// An account that has just been made.
struct Newcomer {
    api: UserApi,
    user: OwnedUserId,
    name: Option<String>,
    /// Whom the code wants it to meet.
    inviter: Option<String>,
}

#[derive(Clone, Debug)]
struct Settled {
    steps: Value,
    dm_room: Option<String>,
}

/// Everything after the registration, as far as it is done by `until`. The rest goes on: the account is there, and its owner waits for
/// the answer.
async fn settle(shared: Arc<Shared>, newcomer: Newcomer, until: Instant) -> Settled {
    let (done, seen) = watch::channel(Settled {
        steps: json!({ "register": true, "space_invited": false, "space_joined": false, "children_joined": [] }),
        dm_room: None,
    });
    let work = tokio::spawn(async move { take_steps(&shared, &newcomer, &done).await });
    if timeout_at(until, work).await.is_err() {
        tracing::warn!("a signup is answered before all its steps are done");
    }
    seen.borrow().clone()
}

/// Each step is tried, and said of as soon as it is done.
async fn take_steps(shared: &Shared, newcomer: &Newcomer, done: &watch::Sender<Settled>) {
    let flow = &shared.flows.config.flow;
    let Newcomer {
        api,
        user,
        name,
        inviter,
    } = newcomer;
    let step = |name: &str, value: Value| done.send_modify(|settled| settled.steps[name] = value);
    step("space_invited", invite(shared, &flow.space, user).await.into());
    if let Some(name) = name {
        let path = ["profile", user.as_str(), "displayname"];
        let set = succeeds(api, Method::PUT, &path, json!({ "displayname": name })).await;
        step("displayname_set", set.into());
    }
    let joined = succeeds(api, Method::POST, &["join", flow.space.as_str()], json!({})).await;
    step("space_joined", joined.into());
    let mut joined = Vec::new();
    for child in &flow.children {
        if logged("join", join_child(api, child).await) {
            joined.push(child.to_string());
            step("children_joined", json!(joined));
        }
    }
    let inviter = inviter
        .clone()
        .or_else(|| flow.inviter.as_ref().map(ToString::to_string));
    if let Some(inviter) = inviter {
        let dm_room = direct_chat(api, &inviter).await;
        done.send_modify(|settled| {
            settled.steps["inviter_dm"] = dm_room.is_some().into();
            settled.dm_room = dm_room;
        });
    }
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

async fn succeeds(api: &UserApi, method: Method, path: &[&str], body: Value) -> bool {
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
