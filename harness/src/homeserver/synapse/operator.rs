use std::time::Duration;

use async_trait::async_trait;
use hmac::{Hmac, Mac as _};
use reqwest::Method;
use serde_json::{Value, json};
use sha1::Sha1;

use crate::{
    homeserver::{
        Error, Operator, Result, Sessions,
        interface::{self, Interface, Request},
        secret,
    },
    wait::{self, Poll},
};

/// Localpart of the account whose token the operator uses.
const ACCOUNT: &str = "knockproof-operator";
/// How long the background updates of a new database may take.
const SETTLING: Duration = Duration::from_secs(60);

/// The admin API, spoken with the token of an administrator made by the shared secret.
pub(in crate::homeserver) struct SynapseOperator {
    http: Interface,
    server_name: String,
    token: String,
}

impl std::fmt::Debug for SynapseOperator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SynapseOperator")
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

impl SynapseOperator {
    /// Makes the operator's account and the registration token. The server must be up and new.
    pub(in crate::homeserver) async fn establish(
        http: Interface,
        server_name: &str,
        shared_secret: &str,
        registration_token: &str,
    ) -> Result<Self> {
        let path = ["_synapse", "admin", "v1", "register"];
        let action = "make the operator's account";
        let nonce = http.expect(action, Request::new(Method::GET, &path)).await?;
        let nonce = text(&nonce, "nonce", action)?;
        let password = secret();
        let proof = proof(shared_secret, &[nonce, ACCOUNT, &password, "admin"], action)?;
        let account = json!({
            "nonce": nonce,
            "username": ACCOUNT,
            "password": password,
            "admin": true,
            "mac": proof,
        });
        let answer = http
            .expect(action, Request::new(Method::POST, &path).body(account))
            .await?;
        let operator = Self {
            http,
            server_name: server_name.to_owned(),
            token: text(&answer, "access_token", action)?.to_owned(),
        };
        operator
            .admin(
                "make the registration token",
                Method::POST,
                &["v1", "registration_tokens", "new"],
                Some(json!({ "token": registration_token })),
            )
            .await?;
        operator.settle().await?;
        Ok(operator)
    }

    /// Waits until a new database is finished: before its last index is there, bringing an account back is answered with 500.
    async fn settle(&self) -> Result<()> {
        let action = "wait for the database to be finished";
        let path = ["v1", "background_updates", "status"];
        let look = || async {
            match self.admin(action, Method::GET, &path, None).await {
                Ok(status) => match status.get("current_updates") {
                    Some(Value::Object(current)) if current.is_empty() => Poll::Ready(Ok(())),
                    current => Poll::Pending(format!("it works on {}", current.cloned().unwrap_or_default())),
                },
                Err(error) => Poll::Ready(Err(error)),
            }
        };
        match wait::until("the database to be finished", SETTLING, look).await {
            Ok(settled) => settled,
            Err(timed_out) => Err(refused(action, timed_out.to_string())),
        }
    }

    fn user_id(&self, localpart: &str) -> String {
        format!("@{localpart}:{}", self.server_name)
    }

    async fn admin(&self, action: &str, method: Method, path: &[&str], body: Option<Value>) -> Result<Value> {
        let path = [&["_synapse", "admin"], path].concat();
        let mut request = Request::new(method, &path).token(&self.token);
        request.body = body;
        self.http.expect(action, request).await
    }

    async fn exists(&self, localpart: &str) -> Result<bool> {
        let action = format!("look for the account {localpart}");
        let user_id = self.user_id(localpart);
        let path = ["_synapse", "admin", "v2", "users", &user_id];
        let request = Request::new(Method::GET, &path).token(&self.token);
        let answer = self.http.send(&action, request).await?;
        match answer.status {
            200 => Ok(true),
            404 => Ok(false),
            _ => Err(interface::refused(&answer, &action)),
        }
    }

    /// Sets fields of an account: the same request makes one that is not there, so who calls looks first.
    async fn put_user(&self, action: &str, localpart: &str, fields: Value) -> Result<()> {
        let path = ["v2", "users", &self.user_id(localpart)];
        self.admin(action, Method::PUT, &path, Some(fields)).await.map(drop)
    }
}

#[async_trait]
impl Operator for SynapseOperator {
    async fn create_user(&self, localpart: &str, password: &str) -> Result<()> {
        let action = format!("make the account {localpart}");
        if self.exists(localpart).await? {
            return Err(refused(&action, "it exists already"));
        }
        self.put_user(&action, localpart, json!({ "password": password })).await
    }

    async fn reset_password(&self, localpart: &str, password: &str, sessions: Sessions) -> Result<()> {
        let path = ["v1", "reset_password", &self.user_id(localpart)];
        let body = json!({ "new_password": password, "logout_devices": sessions == Sessions::LogOut });
        let action = format!("reset the password of {localpart}");
        self.admin(&action, Method::POST, &path, Some(body)).await.map(drop)
    }

    async fn reset_password_offline(&self, _localpart: &str, _password: &str) -> Result<Option<Duration>> {
        Ok(None)
    }

    async fn devices(&self, localpart: &str) -> Result<Vec<String>> {
        let action = format!("list the devices of {localpart}");
        let path = ["v2", "users", &self.user_id(localpart), "devices"];
        let answer = self.admin(&action, Method::GET, &path, None).await?;
        let devices = answer.get("devices").and_then(Value::as_array);
        let devices = devices.ok_or_else(|| refused(&action, "the answer has no devices"))?;
        devices
            .iter()
            .map(|device| text(device, "device_id", &action).map(str::to_owned))
            .collect()
    }

    async fn delete_device(&self, localpart: &str, device_id: &str) -> Result<()> {
        let action = format!("delete the device {device_id} of {localpart}");
        // Synapse answers 200 for a device that is not there: what was not deleted must not look deleted.
        if !self.devices(localpart).await?.iter().any(|device| device == device_id) {
            return Err(refused(&action, "there is no such device"));
        }
        let path = ["v2", "users", &self.user_id(localpart), "devices", device_id];
        self.admin(&action, Method::DELETE, &path, None).await.map(drop)
    }

    async fn delete_all_devices(&self, localpart: &str) -> Result<()> {
        let devices = self.devices(localpart).await?;
        let path = ["v2", "users", &self.user_id(localpart), "delete_devices"];
        let action = format!("delete all devices of {localpart}");
        let body = json!({ "devices": devices });
        self.admin(&action, Method::POST, &path, Some(body)).await.map(drop)
    }

    async fn deactivate(&self, localpart: &str) -> Result<()> {
        let path = ["v1", "deactivate", &self.user_id(localpart)];
        let action = format!("deactivate {localpart}");
        let body = json!({ "erase": false });
        self.admin(&action, Method::POST, &path, Some(body)).await.map(drop)
    }

    async fn reactivate(&self, localpart: &str, password: &str) -> Result<()> {
        let action = format!("reactivate {localpart}");
        if !self.exists(localpart).await? {
            return Err(refused(&action, "there is no such account"));
        }
        let fields = json!({ "deactivated": false, "password": password });
        self.put_user(&action, localpart, fields).await
    }
}

/// The proof that the shared secret is known: HMAC-SHA1 over the parts, in hex
/// (<https://element-hq.github.io/synapse/latest/admin_api/register_api.html>).
fn proof(shared_secret: &str, parts: &[&str], action: &str) -> Result<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(shared_secret.as_bytes()).map_err(|error| refused(action, error))?;
    mac.update(parts.join("\0").as_bytes());
    Ok(mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

fn text<'a>(answer: &'a Value, field: &str, action: &str) -> Result<&'a str> {
    answer
        .get(field)
        .and_then(Value::as_str)
        .ok_or_else(|| refused(action, format!("the answer has no {field}")))
}

fn refused(action: &str, reason: impl ToString) -> Error {
    Error::Operator {
        action: action.to_owned(),
        reason: reason.to_string(),
    }
}
