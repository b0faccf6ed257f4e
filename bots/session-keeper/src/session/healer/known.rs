//! What is known before an attempt: from the disk, and from the attempts before it.

use std::time::{Duration, Instant};

use matrix_sdk::ruma::OwnedDeviceId;
use rand::Rng;

use super::Healer;
use crate::{
    healing::{Expected, HealBlocker, Mark, May, Password},
    secret::Secret,
    vault::{PasswordState, Saved, VaultError},
};

impl Healer {
    /// Whose token is wanted.
    ///
    /// # Errors
    ///
    /// When the vault cannot be read.
    pub fn expected(&self) -> Result<Expected, VaultError> {
        if let Some(username) = &self.username {
            let localpart = username.strip_prefix('@').unwrap_or(username);
            let localpart = localpart.split_once(':').map_or(localpart, |(localpart, _)| localpart);
            return Ok(Expected::Localpart(localpart.to_owned()));
        }
        let saved = || Ok::<_, VaultError>(self.vault.session()?.and_then(|saved| saved.user));
        let user = match self.vault.identity() {
            Ok(Some(user)) => Some(user),
            Ok(None) => saved()?,
            // The session says it too; the file is written again with the next one.
            Err(error) if error.is_damage() => match saved()? {
                Some(user) => {
                    self.vault.put_aside("identity")?;
                    Some(user)
                }
                None => return Err(error),
            },
            Err(error) => return Err(error),
        };
        Ok(user.map_or(Expected::Anyone, Expected::User))
    }

    /// The name under which this identity logs in.
    ///
    /// # Errors
    ///
    /// When the vault cannot be read.
    pub fn localpart(&self) -> Result<String, VaultError> {
        Ok(match self.expected()? {
            Expected::Localpart(localpart) => localpart,
            Expected::User(user) => user.localpart().to_owned(),
            Expected::Anyone => self.default_localpart.clone(),
        })
    }

    /// The saved session, unless the operator has since named another user. A file that cannot be read is given up where a
    /// password can make another session.
    pub(super) fn saved(&self, expected: &Expected, can_log_in: bool) -> Result<Option<Saved>, VaultError> {
        let saved = match self.vault.session() {
            Ok(saved) => saved,
            Err(_) if can_log_in => {
                self.vault.put_session_aside()?;
                self.vault.session()?
            }
            Err(error) => return Err(error),
        };
        let Some(saved) = saved else {
            return Ok(None);
        };
        if saved.user.as_ref().is_some_and(|user| !expected.admits(user)) {
            Mark::SavedSessionWrongUser.hit(self.role);
            self.vault.put_session_aside()?;
            return Ok(None);
        }
        Ok(Some(saved))
    }

    /// The state of the password's source that a login was last tried with, if one was since this was asked last.
    pub fn take_tried_password(&mut self) -> Option<PasswordState> {
        self.tried.take()
    }

    /// When a login is tried again whatever happens, where one was refused.
    pub fn next_login_in(&self) -> Option<Duration> {
        let (_, state) = self.password.read()?;
        match self.throttle.may(&state, self.epoch.elapsed()) {
            May::Wait(wait) => Some(wait),
            May::Try => None,
        }
    }

    pub(super) fn password_now(&self, password: Option<&(Secret, PasswordState)>) -> Password {
        match password {
            None => Password::Missing,
            Some((_, state)) if self.throttle.may(state, self.epoch.elapsed()) == May::Try => Password::Ready,
            Some(_) if self.is_barred() => Password::Barred,
            Some(_) => Password::Spent,
        }
    }

    /// Whether the account was barred when a login was tried last, which says nothing against the password.
    fn is_barred(&self) -> bool {
        matches!(
            self.refusal,
            Some(HealBlocker::AccountBlocked(_) | HealBlocker::AccountWaits(_))
        )
    }

    /// A token lives that was barred before: so is the password good again.
    pub(in crate::session) fn bar_lifted(&mut self) {
        if self.is_barred() {
            self.throttle.accepted();
            self.refusal = None;
        }
    }

    pub(super) fn contested_now(&mut self) -> bool {
        match self.cool_down {
            Some(end) if Instant::now() < end => true,
            Some(_) => {
                self.cool_down = None;
                self.contention.after_cool_down();
                false
            }
            None => false,
        }
    }

    /// The id that a login on a new device takes, on the disk before the login.
    pub(super) fn pending_device(&self) -> Result<OwnedDeviceId, VaultError> {
        let mut devices = self.vault.devices()?;
        if let Some(pending) = devices.pending.clone() {
            if devices.made.insert(pending.clone()) {
                self.vault.save_devices(&devices)?;
            }
            return Ok(pending);
        }
        let mut random = rand::rng();
        let id = (0..10)
            .map(|_| char::from(random.random_range(b'A'..=b'Z')))
            .collect::<String>();
        let device = OwnedDeviceId::from(id);
        devices.pending = Some(device.clone());
        devices.made.insert(device.clone());
        self.vault.save_devices(&devices)?;
        Ok(device)
    }

    /// Takes another id the next time: the server refuses this one, whatever it has against it.
    pub(super) fn give_up_pending(&self) -> Result<(), VaultError> {
        let mut devices = self.vault.devices()?;
        devices.abandon_pending();
        self.vault.save_devices(&devices)
    }

    /// Whether a login on that device would be one on a new device.
    pub(super) fn is_new(&self, device: &OwnedDeviceId) -> Result<bool, VaultError> {
        Ok(self.vault.devices()?.pending.as_ref() == Some(device))
    }
}
