//! The part of the configuration that one identity needs.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};
use session_keeper::Account;
use url::Url;

use crate::secret::Secret;

/// Which of the two Matrix identities of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Vets knocks, takes commands, invites.
    Approver,
    /// Serves the lobby.
    Onboarding,
}

impl Role {
    /// The name in `/ready`, metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approver => "approver",
            Self::Onboarding => "onboarding",
        }
    }

    /// How the files of this identity start: `<stem>_token`, `<stem>_device_id`, `<stem>_password`.
    pub const fn file_stem(self) -> &'static str {
        match self {
            Self::Approver => "shape_rotator_2",
            Self::Onboarding => "onboarding_bot",
        }
    }

    /// The localpart that is logged in where neither the environment nor a token names one.
    pub const fn default_localpart(self) -> &'static str {
        match self {
            Self::Approver => "shape-rotator-2",
            Self::Onboarding => "onboarding-bot",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<Role> for Account {
    fn from(role: Role) -> Self {
        Self::new(role.name()).with_file_stem(role.file_stem())
    }
}

/// Everything an identity needs to find, keep and heal its session.
#[derive(Clone, Debug)]
pub struct IdentityConfig {
    /// Which identity.
    pub role: Role,
    /// The homeserver's base URL (`HS`).
    pub homeserver: Url,
    /// The localpart set by the operator (`APPROVER_USERNAME`, `ONBOARDING_USERNAME`): a token of anybody else is refused.
    pub username: Option<String>,
    /// The environment's access token: a hint, never the source of truth.
    pub env_token: Option<Secret>,
    /// The operator's password file; it may not exist (yet).
    pub password_path: PathBuf,
    /// Everything that must outlive a restart (`DATA_DIR`).
    pub data_dir: PathBuf,
}

/// How devices that the bot made are called.
pub const DEVICE_NAME: &str = "knock-approver";
