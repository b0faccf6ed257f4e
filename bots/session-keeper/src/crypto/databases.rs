//! The databases of a device.

use matrix_sdk::{
    ClientBuildError, SqliteCryptoStore, SqliteStateStore, SqliteStoreConfig, config::StoreConfig,
    cross_process_lock::CrossProcessLockConfig,
};
use tokio::sync::OnceCell;

/// One of rooms and one of keys, each opened (and made, where it is not there) by the first who needs it. The events and
/// media that the SDK could keep besides are nothing that the bot ever asks it for.
#[derive(Debug)]
pub(super) struct Databases {
    config: SqliteStoreConfig,
    rooms: OnceCell<SqliteStateStore>,
    keys: OnceCell<SqliteCryptoStore>,
}

impl Databases {
    /// None of them is open yet.
    pub(super) fn new(config: SqliteStoreConfig) -> Self {
        Self {
            config,
            rooms: OnceCell::new(),
            keys: OnceCell::new(),
        }
    }

    /// The one of keys.
    pub(super) async fn keys(&self) -> Result<SqliteCryptoStore, ClientBuildError> {
        let open = async || Ok(SqliteCryptoStore::open_with_config(&self.config).await?);
        self.keys.get_or_try_init(open).await.cloned()
    }

    async fn rooms(&self) -> Result<SqliteStateStore, ClientBuildError> {
        let open = async || Ok(SqliteStateStore::open_with_config(&self.config).await?);
        self.rooms.get_or_try_init(open).await.cloned()
    }

    /// Both, for a client. No other process opens them while this one runs.
    pub(super) async fn for_client(&self) -> Result<StoreConfig, ClientBuildError> {
        let (rooms, keys) = tokio::try_join!(self.rooms(), self.keys())?;
        Ok(StoreConfig::new(CrossProcessLockConfig::SingleProcess)
            .state_store(rooms)
            .crypto_store(keys))
    }
}
