//! Everything about one account.

use std::{path::PathBuf, sync::Arc};

use matrix_sdk::ClientBuilder;
use url::Url;

use super::{Account, Predecessor};
use crate::secret::Secret;

/// Everything that is needed to find, keep and heal an account's session.
#[derive(Clone, Debug)]
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
    pub env_token: Option<Secret>,
    /// The operator's password file; it may not exist (yet).
    pub password_path: PathBuf,
    /// Everything that must outlive a restart.
    pub data_dir: PathBuf,
    /// How the devices that are made here are called.
    pub device_name: String,
    /// What kept the account before, if anything did.
    pub predecessor: Option<Arc<dyn Predecessor>>,
    /// What the client is built with besides; identity, stores and homeserver are set already.
    pub customize: fn(ClientBuilder) -> ClientBuilder,
}
