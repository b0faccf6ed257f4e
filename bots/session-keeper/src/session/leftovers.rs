//! Devices left behind.

use matrix_sdk::ruma::OwnedDeviceId;

use super::{Server, Session};
use crate::{
    account::Account,
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
    /// The device of another copy of the program, which must stay.
    pub not_ours: Option<OwnedDeviceId>,
    /// The device of a former life of this data directory, if it had one.
    pub former: Option<OwnedDeviceId>,
}

impl Leftovers {
    /// Logs out the devices left behind, so that the bot owns none that it does not use. `may_go` says whether all that
    /// a device held is safe. Another copy's device is none of them, whoever left it. Returns those that are still there.
    ///
    /// # Errors
    ///
    /// When the vault cannot be read or written.
    pub async fn remove(
        &self,
        session: &Session,
        may_go: impl Fn(&OwnedDeviceId) -> bool,
    ) -> Result<Vec<OwnedDeviceId>, VaultError> {
        let devices = self.vault.devices()?;
        let mut remaining = Vec::new();
        for left in &devices.left {
            let used = self.not_ours.as_ref() == Some(&left.device);
            if left.device == session.device || (!used && may_go(&left.device) && self.remove_one(session, left).await)
            {
                continue;
            }
            remaining.push(left.clone());
        }
        if remaining != devices.left {
            let mut devices = self.vault.devices()?;
            let gone = devices
                .left
                .iter()
                .filter(|left| !remaining.contains(left) && left.device != session.device);
            let gone: Vec<OwnedDeviceId> = gone.map(|left| left.device.clone()).collect();
            devices.made.retain(|device| !gone.contains(device));
            devices.left.clone_from(&remaining);
            self.vault.save_devices(&devices)?;
        }
        Ok(remaining.into_iter().map(|left| left.device).collect())
    }

    /// Whether it was never looked from this device for those that nothing but the list of what was made from here speaks of, or never for that of
    /// a former life, which is known late. It is written down: a process that ends between the making of a store and the look would else forget
    /// them for ever.
    ///
    /// # Errors
    ///
    /// When the vault cannot be read.
    pub fn are_to_be_recollected(&self, session: &Session) -> Result<bool, VaultError> {
        let devices = self.vault.devices()?;
        let is_former_new = self.former.is_some() && devices.looked_for != self.former;
        Ok(is_former_new || devices.looked_from.as_ref() != Some(&session.device))
    }

    /// Adds to the devices left behind those which this data directory made and does not use: its session file was lost,
    /// or all of it but the recovery key. To be called only where all that they could hold is readable without them.
    ///
    /// # Errors
    ///
    /// When the vault cannot be read or written.
    pub async fn recollect(&self, session: &Session) -> Result<(), VaultError> {
        let mut devices = self.vault.devices()?;
        let known = |device: &OwnedDeviceId| {
            *device == session.device || devices.left.iter().any(|left| left.device == *device)
        };
        if !devices.made.iter().chain(&self.former).all(known) {
            let Some(there) = self.server.devices(&session.token).await else {
                return Ok(());
            };
            for (device, _) in there {
                let ours = devices.made.contains(&device) || self.former.as_ref() == Some(&device);
                if ours && device != session.device && devices.left.iter().all(|left| left.device != device) {
                    devices.left.push(LeftDevice { device, token: None });
                }
            }
        }
        devices.looked_from = Some(session.device.clone());
        devices.looked_for.clone_from(&self.former);
        self.vault.save_devices(&devices)
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
