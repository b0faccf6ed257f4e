use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use knockproof_homeserver::{Homeserver, OperatorError};

use super::Embedded;
use crate::homeserver::{Error, Operator, Result, Sessions, core::Core};

/// Operates the embedded homeserver through its own functions, without a detour through the administrators' room.
#[derive(Debug)]
pub(in crate::homeserver) struct EmbeddedOperator {
    core: Arc<Core>,
    server: Embedded,
}

impl EmbeddedOperator {
    pub(in crate::homeserver) fn new(core: Arc<Core>, server: Embedded) -> Self {
        Self { core, server }
    }

    /// Does something with the running server. `action` says in an error what was tried.
    async fn with<T>(&self, action: &str, work: impl FnOnce(&Homeserver) -> Result<T, OperatorError>) -> Result<T> {
        let running = self.server.running().await;
        let refused = |reason: String| Error::Operator {
            action: action.to_owned(),
            reason,
        };
        let server = running
            .as_ref()
            .ok_or_else(|| refused("the embedded homeserver is stopped".to_owned()))?;
        work(server).map_err(|error| refused(error.to_string()))
    }
}

#[async_trait]
impl Operator for EmbeddedOperator {
    async fn create_user(&self, localpart: &str, password: &str) -> Result<()> {
        let action = format!("make the account {localpart}");
        self.with(&action, |server| server.create_user(localpart, password).map(|_| ()))
            .await
    }

    async fn reset_password(&self, localpart: &str, password: &str, sessions: Sessions) -> Result<()> {
        let action = format!("reset the password of {localpart}");
        self.with(&action, |server| {
            server.reset_password(localpart, password, sessions == Sessions::LogOut)
        })
        .await
    }

    async fn reset_password_offline(&self, localpart: &str, password: &str) -> Result<Option<Duration>> {
        let command = format!("users reset-password {localpart} {password}");
        self.core.down_for(&["--execute".to_owned(), command]).await.map(Some)
    }

    async fn devices(&self, localpart: &str) -> Result<Vec<String>> {
        self.with(&format!("list the devices of {localpart}"), |server| {
            server.devices(localpart)
        })
        .await
    }

    async fn delete_device(&self, localpart: &str, device_id: &str) -> Result<()> {
        let action = format!("delete the device {device_id} of {localpart}");
        // What was not deleted must not look deleted.
        if !self.devices(localpart).await?.iter().any(|device| device == device_id) {
            return Err(Error::Operator {
                action,
                reason: "there is no such device".to_owned(),
            });
        }
        self.with(&action, |server| server.delete_device(localpart, device_id))
            .await
    }

    async fn delete_all_devices(&self, localpart: &str) -> Result<()> {
        self.with(&format!("delete all devices of {localpart}"), |server| {
            server.delete_all_devices(localpart)
        })
        .await
    }

    async fn deactivate(&self, localpart: &str) -> Result<()> {
        self.with(&format!("deactivate {localpart}"), |server| {
            server.deactivate(localpart)
        })
        .await
    }

    async fn reactivate(&self, localpart: &str, password: &str) -> Result<()> {
        let action = format!("bring {localpart} back");
        self.with(&action, |server| server.reset_password(localpart, password, false))
            .await
    }

    async fn console(&self, command: &str) -> Result<Option<String>> {
        self.with("use the console", |server| Ok(server.console(command).text))
            .await
            .map(Some)
    }
}
