//! How an identity's account is kept.

use std::sync::Arc;

use session_keeper::{config::IdentityConfig as KeeperConfig, vault::PasswordSource};

use crate::{
    config::{DEVICE_NAME, IdentityConfig},
    takeover::OldApprover,
};

/// What the library is told of an identity's account.
pub fn keeping(identity: &IdentityConfig) -> KeeperConfig {
    let role = identity.role;
    let mut config = KeeperConfig::new(role.into(), identity.homeserver.clone(), &identity.data_dir);
    config.username.clone_from(&identity.username);
    role.default_localpart().clone_into(&mut config.default_localpart);
    config.given_token.clone_from(&identity.env_token);
    config.password = PasswordSource::file(&identity.password_path);
    DEVICE_NAME.clone_into(&mut config.device_name);
    config.predecessor = Some(Arc::new(OldApprover::of(identity)));
    "the access token in the environment".clone_into(&mut config.wording.given_token);
    // Newcomers can read history (MSC4268): see `flows::newcomer`.
    config.customize = |client| client.with_enable_share_history_on_invite(true);
    config
}
