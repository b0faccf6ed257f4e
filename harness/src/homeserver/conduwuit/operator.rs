use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};

use super::{FirstUser, admin_room::AdminRoom};
use crate::homeserver::{
    Error, Flavor, Operator, Result, Sessions,
    core::Core,
    interface::{self, Interface, Request},
    secret,
};

/// The operator of a server of the conduwuit family.
///
/// Everything goes through the admin room. It has no command that deletes one device (nor, in conduwuit, any that logs somebody
/// out), so for that the operator does what he may do: he registers an application service in the admin room, logs in by it as that
/// very device, without any password and without UIA, logs it out, which deletes it, and removes the application service again.
/// Nothing of the account changes but that device.
pub(in crate::homeserver) struct ConduwuitOperator {
    core: Arc<Core>,
    http: Interface,
    server_name: String,
    room: AdminRoom,
}

impl std::fmt::Debug for ConduwuitOperator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConduwuitOperator")
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

impl ConduwuitOperator {
    pub(in crate::homeserver) async fn establish(
        core: Arc<Core>,
        http: Interface,
        server_name: &str,
        first_user: &FirstUser,
    ) -> Result<Self> {
        let room = AdminRoom::enter(http.clone(), server_name, first_user).await?;
        Ok(Self {
            core,
            http,
            server_name: server_name.to_owned(),
            room,
        })
    }

    fn user_id(&self, localpart: &str) -> String {
        format!("@{localpart}:{}", self.server_name)
    }

    /// Sends a command whose answer must contain `success`.
    async fn command(&self, action: &str, command: &str, success: &str) -> Result<String> {
        let answer = self.room.command(action, command).await?;
        if answer.contains(success) {
            return Ok(answer);
        }
        Err(refused(action, format!("the admin room answered: {}", answer.trim())))
    }

    /// The same with a password behind it, which shows in no error.
    async fn command_with_password(
        &self,
        action: &str,
        command: &str,
        password: &str,
        succeeded: impl Fn(&str) -> bool + Send,
    ) -> Result<()> {
        speakable(action, password)?;
        let answer = self.room.command(action, &format!("{command} {password}")).await?;
        if succeeded(&answer) {
            return Ok(());
        }
        let answer = answer.replace(password, "…");
        Err(refused(action, format!("the admin room answered: '{}'", answer.trim())))
    }

    /// Fails unless the account is there: `reset-password` of conduwuit makes an account that is not.
    ///
    /// Asked as a client that wants the name would ask: `users list-users` leaves deactivated accounts out.
    async fn must_exist(&self, action: &str, localpart: &str) -> Result<()> {
        let path = ["_matrix", "client", "v3", "register", "available"];
        let query = [("username", localpart)];
        let answer = self
            .http
            .send(action, Request::new(Method::GET, &path).query(&query))
            .await?;
        let taken = answer.body.get("errcode").and_then(Value::as_str) == Some("M_USER_IN_USE");
        match answer.status {
            _ if taken => Ok(()),
            200..300 => Err(refused(action, "there is no such account")),
            _ => Err(interface::refused(&answer, action)),
        }
    }

    /// Sets a password by `users reset-password`, with further options where a flavor has them.
    async fn reset(&self, action: &str, localpart: &str, password: &str, options: &str) -> Result<()> {
        let command = format!("users reset-password {options} {localpart}");
        let succeeded = |answer: &str| answer.contains("Successfully reset the password");
        self.command_with_password(action, &command, password, succeeded).await
    }

    /// Logs devices out through a short-lived application service that may act for this one user.
    async fn log_out(&self, action: &str, localpart: &str, devices: &[String]) -> Result<()> {
        let service = format!("knockproof-{}", secret());
        let token = secret();
        let registration = json!({
            "id": service,
            "url": null,
            "as_token": token,
            "hs_token": secret(),
            "sender_localpart": "knockproof-operator-service",
            "rate_limited": false,
            "namespaces": {
                "users": [{ "exclusive": false, "regex": format!("^{}$", escape(&self.user_id(localpart))) }],
                "aliases": [],
                "rooms": [],
            },
        });
        let register = format!("appservices register\n```\n{registration}\n```");
        self.command(action, &register, "Appservice registered with ID").await?;
        let done = self.log_out_as(action, localpart, devices, &token).await;
        let unregister = format!("appservices unregister {service}");
        self.command(action, &unregister, "Appservice unregistered").await?;
        done
    }

    async fn log_out_as(&self, action: &str, localpart: &str, devices: &[String], service: &str) -> Result<()> {
        for device in devices {
            let login = json!({
                "type": "m.login.application_service",
                "identifier": { "type": "m.id.user", "user": localpart },
                "device_id": device,
            });
            let path = ["_matrix", "client", "v3", "login"];
            let request = Request::new(Method::POST, &path).token(service).body(login);
            let answer = self.http.expect(action, request).await?;
            let token = answer.get("access_token").and_then(Value::as_str);
            let token = token.ok_or_else(|| refused(action, "the answer to the login has no access_token"))?;
            let path = ["_matrix", "client", "v3", "logout"];
            let request = Request::new(Method::POST, &path).token(token).body(json!({}));
            self.http.expect(action, request).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Operator for ConduwuitOperator {
    async fn console(&self, command: &str) -> Result<Option<String>> {
        self.room.command("use the console", command).await.map(Some)
    }

    async fn create_user(&self, localpart: &str, password: &str) -> Result<()> {
        let action = format!("make the account {localpart}");
        let command = format!("users create-user {localpart}");
        let succeeded = |answer: &str| answer.contains("Created user");
        self.command_with_password(&action, &command, password, succeeded).await
    }

    async fn reset_password(&self, localpart: &str, password: &str, sessions: Sessions) -> Result<()> {
        let action = format!("reset the password of {localpart}");
        self.must_exist(&action, localpart).await?;
        match (sessions, self.core.flavor) {
            (Sessions::LogOut, Flavor::Continuwuity) => self.reset(&action, localpart, password, "--logout").await,
            (Sessions::LogOut, _) => {
                self.reset(&action, localpart, password, "").await?;
                self.delete_all_devices(localpart).await
            }
            (Sessions::Keep, _) => self.reset(&action, localpart, password, "").await,
        }
    }

    async fn reset_password_offline(&self, localpart: &str, password: &str) -> Result<Option<Duration>> {
        let action = format!("reset the password of {localpart} on the stopped server");
        speakable(&action, password)?;
        self.must_exist(&action, localpart).await?;
        let arguments = [
            "--execute".to_owned(),
            format!("users reset-password {localpart} {password}"),
            "--execute".to_owned(),
            "server shutdown".to_owned(),
        ];
        self.core.down_for(&arguments).await.map(Some)
    }

    async fn devices(&self, localpart: &str) -> Result<Vec<String>> {
        let action = format!("list the devices of {localpart}");
        self.must_exist(&action, localpart).await?;
        let command = format!("query users list-devices {}", self.user_id(localpart));
        let answer = self.command(&action, &command, "Query completed").await?;
        Ok(strings(&answer))
    }

    async fn delete_device(&self, localpart: &str, device_id: &str) -> Result<()> {
        let action = format!("delete the device {device_id} of {localpart}");
        // A login with an unknown device id would make that device instead.
        if !self.devices(localpart).await?.iter().any(|device| device == device_id) {
            return Err(refused(&action, "there is no such device"));
        }
        self.log_out(&action, localpart, &[device_id.to_owned()]).await
    }

    async fn delete_all_devices(&self, localpart: &str) -> Result<()> {
        let action = format!("delete all devices of {localpart}");
        let devices = self.devices(localpart).await?;
        if devices.is_empty() {
            return Ok(());
        }
        if self.core.flavor == Flavor::Continuwuity {
            let command = format!("users logout {}", self.user_id(localpart));
            return self.command(&action, &command, "logged out").await.map(drop);
        }
        self.log_out(&action, localpart, &devices).await
    }

    async fn deactivate(&self, localpart: &str) -> Result<()> {
        let action = format!("deactivate {localpart}");
        self.must_exist(&action, localpart).await?;
        // Without this option the account would leave its rooms, and there would be nothing to come back to.
        let command = format!("users deactivate --no-leave-rooms {}", self.user_id(localpart));
        self.command(&action, &command, "has been deactivated").await.map(drop)
    }

    async fn reactivate(&self, localpart: &str, password: &str) -> Result<()> {
        let action = format!("reactivate {localpart}");
        self.must_exist(&action, localpart).await?;
        if self.core.flavor != Flavor::Continuwuity {
            return self.reset(&action, localpart, password, "").await;
        }
        let command = format!("users reset-password --convert-to-local-account {localpart}");
        // Of this way alone continuwuity says nothing when it has succeeded.
        let succeeded = |answer: &str| answer.trim().is_empty();
        self.command_with_password(&action, &command, password, succeeded).await
    }
}

/// The string literals of a Rust debug print: `query users list-devices` answers with one.
fn strings(answer: &str) -> Vec<String> {
    let listed = answer.split_once("```rs").map_or("", |(_, listed)| listed);
    listed
        .lines()
        .filter_map(|line| {
            let literal = line.trim().trim_end_matches(',');
            serde_json::from_str(literal).ok()
        })
        .collect()
}

/// Admin commands are split at white space and quoted nowhere.
fn speakable(action: &str, password: &str) -> Result<()> {
    let unfit = |c: char| c.is_whitespace() || c == '`';
    if password.is_empty() || password.starts_with('-') || password.contains(unfit) {
        return Err(refused(
            action,
            "a password for the admin room must not be empty, begin with '-' or hold white space or back ticks",
        ));
    }
    Ok(())
}

/// A text as a regular expression that matches it alone.
fn escape(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        if !c.is_alphanumeric() && !matches!(c, '@' | ':' | '_' | '-') {
            out.push('\\');
        }
        out.push(c);
        out
    })
}

fn refused(action: &str, reason: impl ToString) -> Error {
    Error::Operator {
        action: action.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_devices_are_read() {
        let answer = "Query completed in 27.1µs:\n\n```rs\n[\n    \"YlIblhDweQ\",\n    \"KDEV\",\n]\n```";
        assert_eq!(strings(answer), ["YlIblhDweQ", "KDEV"]);
        assert_eq!(strings("Query completed in 1µs:\n\n```rs\n[]\n```"), [] as [&str; 0]);
    }

    #[test]
    fn a_password_that_would_be_two_words_is_refused() {
        for password in ["", "two words", "back`tick", "--logout"] {
            speakable("try", password).unwrap_err();
        }
        speakable("try", "pa$$-w0rd!").unwrap();
    }
}
