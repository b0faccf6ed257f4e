//! Everything about one account.

use std::{path::PathBuf, sync::Arc};

use matrix_sdk::ClientBuilder;
use url::Url;

use super::Wording;
use crate::{
    account::Account,
    secret::Secret,
    vault::{PasswordSource, Predecessor, Vault},
};

/// Everything that is needed to find, keep and heal an account's session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IdentityConfig {
    /// Which account.
    pub role: Account,
    /// The homeserver's base URL.
    pub homeserver: Url,
    /// The localpart set by the operator: a token of anybody else is refused.
    pub username: Option<String>,
    /// The localpart that is logged in where neither `username` nor a token names one.
    pub default_localpart: String,
    /// An access token from outside: a hint, never the source of truth.
    pub given_token: Option<Secret>,
    /// Where the operator's password comes from.
    pub password: PasswordSource,
    /// Everything that must outlive a restart.
    pub data_dir: PathBuf,
    /// How the devices that are made here are called.
    pub device_name: String,
    /// What kept the account before, if anything did.
    pub predecessor: Option<Arc<dyn Predecessor>>,
    /// How the program speaks of itself to its operator.
    pub wording: Wording,
    /// What the client is built with besides; identity, stores and homeserver are set already.
    pub customize: fn(ClientBuilder) -> ClientBuilder,
}

impl IdentityConfig {
    /// The account at this homeserver, with everything that must outlive a restart in this directory, and everything else as
    /// it is without a program's wish: the password in the directory's file `password`, the account's name as localpart.
    pub fn new(role: Account, homeserver: Url, data_dir: impl Into<PathBuf>) -> Self {
        let data_dir = data_dir.into();
        Self {
            role,
            homeserver,
            username: None,
            default_localpart: role.name().to_owned(),
            given_token: None,
            password: PasswordSource::file(data_dir.join("password")),
            data_dir,
            device_name: "session-keeper".to_owned(),
            predecessor: None,
            wording: Wording::default(),
            customize: |client| client,
        }
    }

    /// The vault of the account, with what kept it before.
    pub fn vault(&self) -> Vault {
        let vault = Vault::new(self.role, &self.data_dir);
        match &self.predecessor {
            Some(predecessor) => vault.after(predecessor.clone()),
            None => vault,
        }
    }
}
