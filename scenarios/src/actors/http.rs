//! The bot's HTTP routes, asked through the front door as a browser does.

use crate::community::InCommunity as _;
use std::time::Duration;

use harness::{
    client::{Http, Reply, User},
    step::Failure,
    world::World,
};
use reqwest::Method;
use serde_json::{Value, json};

/// How long a route may take, healing included.
const PATIENCE: Duration = Duration::from_secs(60);

/// Posts JSON to a route of the bot, for example `/join/api`.
///
/// # Errors
/// When no answer comes.
pub async fn post_json(world: &World, route: &str, body: &Value) -> Result<Reply, Failure> {
    post_raw(world, route, &body.to_string()).await
}

/// Posts any text as if it were JSON.
///
/// # Errors
/// When no answer comes.
pub async fn post_raw(world: &World, route: &str, body: &str) -> Result<Reply, Failure> {
    post_within(world, route, body, PATIENCE).await
}

/// Posts JSON, waiting longer than most for the answer: one of many that ask at once.
///
/// # Errors
/// When no answer comes.
pub async fn post_patiently(world: &World, route: &str, body: &Value, patience: Duration) -> Result<Reply, Failure> {
    post_within(world, route, &body.to_string(), patience).await
}

async fn post_within(world: &World, route: &str, body: &str, patience: Duration) -> Result<Reply, Failure> {
    let http = Http::new(world.front_door.url());
    Ok(http
        .send_text(Method::POST, route, None, Some(body.to_owned()), patience)
        .await?)
}

/// A signup form.
#[derive(Clone, Debug)]
pub struct SignUp {
    code: String,
    username: String,
    password: String,
}

impl SignUp {
    /// A form with the world's signup code and a name nobody has.
    pub fn new(world: &World, hint: &str) -> Self {
        Self::with_code(world, hint, world.signup_code())
    }

    /// A form with another code.
    pub fn with_code(world: &World, hint: &str, code: &str) -> Self {
        Self {
            code: code.to_owned(),
            username: world.new_name(hint),
            password: world.new_password(),
        }
    }

    /// The form's body.
    pub fn body(&self) -> Value {
        json!({
            "code": self.code,
            "username": self.username,
            "password": self.password,
            "display_name": format!("{} the newcomer", self.username),
            "intro": "hello from a drill",
        })
    }

    /// Sends it.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn post(&self, world: &World) -> Result<Reply, Failure> {
        post_json(world, "/signup/api", &self.body()).await
    }

    /// The account that an answer of 200 has made, as a client.
    ///
    /// # Errors
    /// When the answer lacks the session.
    pub fn account(&self, world: &World, answer: &Value) -> Result<User, Failure> {
        let text = |key: &str| {
            answer[key]
                .as_str()
                .ok_or_else(|| Failure::new(format!("the answer has no {key}")))
        };
        let token = text("access_token")?;
        world.secrets().add(format!("token of {}", self.username), token);
        Ok(User::from_session(
            world.front_door.url(),
            text("user_id")?,
            text("device_id")?,
            token,
            &self.password,
        ))
    }
}
