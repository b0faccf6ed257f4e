//! Devices left behind.

use matrix_sdk::ruma::OwnedDeviceId;

use super::{Server, Session};
use crate::{
    config::Account,
    healing::{Class, Mark},
    secret::Secret,
    vault::{LeftDevice, Vault, VaultError},
};

/// The devices left behind of one identity, and what it takes to remove them: see [`super::Healer::leftovers`].
#[derive(Clone, Debug)]
pub struct Leftovers {
    pub(super) role: Account,
    pub(super) server: Server,
    pub(super) vault: Vault,
    /// The password, where there is one that may be tried.
    pub(super) password: Option<Secret>,
}

impl Leftovers {
    /// Logs out the devices left behind, so that the bot owns none that it does not use. `may_go` says whether all that
    /// a device held is safe. Returns those that are still there.
    pub async fn remove(
        &self,
        session: &Session,
        may_go: impl Fn(&OwnedDeviceId) -> bool,
    ) -> Result<Vec<OwnedDeviceId>, VaultError> {
        let devices = self.vault.devices()?;
        let mut remaining = Vec::new();
        for left in &devices.left {
            if left.device == session.device || (may_go(&left.device) && self.remove_one(session, left).await) {
                continue;
            }
            remaining.push(left.clone());
        }
        if remaining != devices.left {
            let mut devices = self.vault.devices()?;
            devices.left.clone_from(&remaining);
            self.vault.save_devices(&devices)?;
        }
        Ok(remaining.into_iter().map(|left| left.device).collect())
    }

    /// Adds to the devices left behind those which this program made in a life that nothing is remembered of: the data
    /// directory was lost. To be called only where all that they could hold is readable without them.
    pub async fn recollect(&self, session: &Session) -> Result<(), VaultError> {
        let Some(there) = self.server.devices(&session.token).await else {
            return Ok(());
        };
        let mut devices = self.vault.devices()?;
        let before = devices.left.len();
        for (device, ours) in there {
            if ours && device != session.device && devices.left.iter().all(|left| left.device != device) {
                devices.left.push(LeftDevice { device, token: None });
            }
        }
        if devices.left.len() > before {
            self.vault.save_devices(&devices)?;
        }
        Ok(())
    }

    async fn remove_one(&self, session: &Session, left: &LeftDevice) -> bool {
        if let Some(token) = left.token.as_ref().filter(|token| **token != session.token)
            && let Class::Done(_) = self.server.logout(token).await
        {
            Mark::DeviceLoggedOut.hit(self.role);
            return true;
        }
        match self.server.devices(&session.token).await {
            Some(there) if !there.iter().any(|(device, _)| *device == left.device) => return true,
            Some(_) => {}
            None => return false,
        }
        let Some(password) = &self.password else {
            Mark::DeviceNotRemoved.hit(self.role);
            return false;
        };
        match self
            .server
            .delete_device(&session.token, &session.user, &left.device, password)
            .await
        {
            Class::Done(_) => {
                Mark::DeviceDeleted.hit(self.role);
                true
            }
            class => {
                let why = super::server::describe(&class);
                tracing::warn!(role = self.role.name(), device = %left.device, why, "a device left behind stays");
                Mark::DeviceNotRemoved.hit(self.role);
                false
            }
        }
    }
}
