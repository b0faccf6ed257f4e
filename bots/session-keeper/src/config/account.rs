//! One account.

use std::{fmt, path::PathBuf, sync::Arc};

use matrix_sdk::ClientBuilder;
use url::Url;

use super::Predecessor;
use crate::secret::Secret;

/// Tells the accounts of one process apart: in log lines, and in the names of their files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Account {
    name: &'static str,
    file_stem: &'static str,
}

impl Account {
    /// An account whose files begin with its name. The name goes into file names: letters, digits, `_` and `-`.
    pub const fn new(name: &'static str) -> Self {
        Self { name, file_stem: name }
    }

    /// The same account, with files that begin otherwise.
    pub const fn with_file_stem(self, file_stem: &'static str) -> Self {
        Self { file_stem, ..self }
    }

    /// The name in logs.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// How its files begin: `<stem>_session.json` and so on.
    pub const fn file_stem(self) -> &'static str {
        self.file_stem
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

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
