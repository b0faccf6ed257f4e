//! The SDK's client on a session that lives.

use std::time::Duration;

use matrix_sdk::{
    Client, ClientBuildError, ClientBuilder, SessionMeta, SessionTokens,
    authentication::matrix::MatrixSession,
    config::RequestConfig,
    cross_process_lock::CrossProcessLockConfig,
    encryption::{BackupDownloadStrategy, EncryptionSettings},
    store::{RoomLoadSettings, StateStoreDataKey},
};

use super::{OpenStores, StoreError, Stores, is_damage};
use crate::session::{Server, Session};

/// For one request; a long poll adds its own time.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The SDK would wait as long as a server asks for before it tries again, unseen: whoever calls it waits on its own, and
/// says so.
const TRIES: usize = 1;

/// The client could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The device's store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Building the client.
    #[error("cannot build the client: {0}")]
    Build(#[from] ClientBuildError),
    /// Restoring the session.
    #[error("cannot restore the session in the client: {0}")]
    Restore(#[source] Box<matrix_sdk::Error>),
    /// Reading or changing the position in the client's store.
    #[error("cannot read the client's sync position: {0}")]
    Position(#[from] matrix_sdk::StoreError),
}

impl OpenError {
    /// Whether what is in the database of rooms is the trouble, although it opens.
    pub fn is_damage_of_rooms(&self) -> bool {
        match self {
            Self::Store(_) => false,
            Self::Build(error) => is_damage(&error.to_string()),
            Self::Restore(error) => is_damage(&error.to_string()),
            Self::Position(error) => is_damage(&error.to_string()),
        }
    }
}

/// How the client's own sync position stands to the intake's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// They agree, or there is nothing to compare.
    Agrees,
    /// The client was ahead or elsewhere; its position was taken back.
    Rewound,
    /// The client's store knows no rooms yet.
    Fresh,
}

impl Position {
    /// The client's own position was taken back.
    pub fn is_rewound(self) -> bool {
        self == Self::Rewound
    }

    /// The client's store knows no rooms yet.
    pub fn is_fresh(self) -> bool {
        self == Self::Fresh
    }
}

/// Opens a client with a session that is known to live. Never logs in: a second login on a client panics, so each heal
/// has a client of its own.
///
/// The SDK ignores a response whose next position is the one that it has stored. So where its position is not the
/// intake's (the process ended after the SDK stored a batch and before the intake did), it is removed, or the batch
/// would come back empty and be lost.
///
/// # Errors
///
/// When no client can be built, or the session or position cannot be set: which of them, see [`OpenError`].
pub async fn open(
    server: &Server,
    session: &Session,
    stores: &Stores,
    open_stores: &mut OpenStores,
    position: Option<&str>,
    customize: fn(ClientBuilder) -> ClientBuilder,
) -> Result<(Client, Position), OpenError> {
    let encryption = EncryptionSettings {
        // Done by hand, because what cannot be done has to be said to the operator.
        auto_enable_cross_signing: false,
        auto_enable_backups: false,
        // Once, when a new device gets the backup's key: history is then readable without asking room by room.
        backup_download_strategy: BackupDownloadStrategy::OneShot,
    };
    let builder = Client::builder()
        .homeserver_url(server.base())
        .http_client(server.http())
        .store_config(stores.for_client(&session.device, open_stores).await?)
        .cross_process_store_config(CrossProcessLockConfig::SingleProcess)
        .respect_login_well_known(false)
        .request_config(RequestConfig::new().timeout(REQUEST_TIMEOUT).retry_limit(TRIES))
        .with_encryption_settings(encryption);
    let client = customize(builder).build().await?;
    let stored = client.state_store().get_kv_data(StateStoreDataKey::SyncToken).await?;
    let stored = stored.and_then(|value| value.into_sync_token());
    let standing = match (&stored, position) {
        (None, _) => Position::Fresh,
        (Some(stored), Some(position)) if stored == position => Position::Agrees,
        (Some(_), _) => {
            client
                .state_store()
                .remove_kv_data(StateStoreDataKey::SyncToken)
                .await?;
            Position::Rewound
        }
    };
    let restored = MatrixSession {
        meta: SessionMeta {
            user_id: session.user.clone(),
            device_id: session.device.clone(),
        },
        tokens: SessionTokens {
            access_token: session.token.expose().to_owned(),
            refresh_token: None,
        },
    };
    client
        .matrix_auth()
        .restore_session(restored, RoomLoadSettings::default())
        .await
        .map_err(|error| OpenError::Restore(Box::new(error)))?;
    Ok((client, standing))
}
