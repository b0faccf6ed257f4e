use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Error, Result, User, http::segment};

/// A device as its owner's server lists it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DeviceInfo {
    /// Its id.
    pub device_id: String,
    /// Its name.
    #[serde(default)]
    pub display_name: Option<String>,
}

impl User {
    /// Whose token this is, as the server sees it: the body of `GET /account/whoami`.
    ///
    /// # Errors
    ///
    /// When the token is dead.
    pub async fn whoami(&self) -> Result<Value> {
        self.request(Method::GET, "/_matrix/client/v3/account/whoami", None)
            .await
    }

    /// All devices of the account.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn devices(&self) -> Result<Vec<DeviceInfo>> {
        let path = "/_matrix/client/v3/devices";
        let mut answer = self.request(Method::GET, path, None).await?;
        serde_json::from_value(answer["devices"].take()).map_err(|_| Error::Shape {
            what: format!("GET {path}"),
            missing: "devices",
        })
    }

    /// Deletes a device of the account, with the password.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn delete_device(&self, device_id: &str) -> Result<()> {
        let path = format!("/_matrix/client/v3/devices/{}", segment(device_id));
        self.with_password(Method::DELETE, &path, json!({})).await
    }

    /// Changes the password; `logout_devices` ends all other sessions of the account.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn change_password(&self, new: &str, logout_devices: bool) -> Result<()> {
        let body = json!({ "new_password": new, "logout_devices": logout_devices });
        self.with_password(Method::POST, "/_matrix/client/v3/account/password", body)
            .await
    }

    /// Ends this session and deletes its device.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn logout(&self) -> Result<()> {
        self.request(Method::POST, "/_matrix/client/v3/logout", Some(&json!({})))
            .await
            .map(drop)
    }

    /// Sets the display name.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn set_display_name(&self, name: &str) -> Result<()> {
        let path = format!("/_matrix/client/v3/profile/{}/displayname", segment(self.user_id()));
        self.request(Method::PUT, &path, Some(&json!({ "displayname": name })))
            .await
            .map(drop)
    }

    /// The account data of a type.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn account_data(&self, kind: &str) -> Result<Value> {
        let user = segment(self.user_id());
        let path = format!("/_matrix/client/v3/user/{user}/account_data/{}", segment(kind));
        self.request(Method::GET, &path, None).await
    }

    /// Sets account data.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn set_account_data(&self, kind: &str, content: &Value) -> Result<()> {
        let user = segment(self.user_id());
        let path = format!("/_matrix/client/v3/user/{user}/account_data/{}", segment(kind));
        self.request(Method::PUT, &path, Some(content)).await.map(drop)
    }

    /// The keys of users as the server hands them out: the body of `POST /keys/query`.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn query_keys(&self, users: &[&str]) -> Result<Value> {
        let wanted: serde_json::Map<String, Value> = users.iter().map(|user| ((*user).to_owned(), json!([]))).collect();
        let body = json!({ "device_keys": wanted });
        self.request(Method::POST, "/_matrix/client/v3/keys/query", Some(&body))
            .await
    }

    /// Sends a request that may ask for the password (user-interactive authentication, stage `m.login.password`).
    async fn with_password(&self, method: Method, path: &str, mut body: Value) -> Result<()> {
        let asked = match self.request(method.clone(), path, Some(&body)).await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let session = asked
            .matrix()
            .filter(|error| error.status == 401 && error.body.get("flows").is_some())
            .map(|error| error.body["session"].clone());
        let Some(session) = session else { return Err(asked) };
        body["auth"] = json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": self.user_id() },
            "password": self.password(),
            "session": session,
        });
        self.request(method, path, Some(&body)).await.map(drop)
    }
}
