//! The databases of a device.

use matrix_sdk::{
    ClientBuildError, SqliteCryptoStore, SqliteStateStore, SqliteStoreConfig, config::StoreConfig,
    cross_process_lock::CrossProcessLockConfig,
};

/// Opens them, and makes those that are not there: one of rooms, one of keys. The events and media that the SDK could
/// keep besides are nothing that the bot ever asks it for. No other process opens them while this one runs.
pub(super) async fn open(config: &SqliteStoreConfig) -> Result<StoreConfig, ClientBuildError> {
    let (rooms, keys) = tokio::try_join!(
        SqliteStateStore::open_with_config(config),
        SqliteCryptoStore::open_with_config(config),
    )?;
    Ok(StoreConfig::new(CrossProcessLockConfig::SingleProcess)
        .state_store(rooms)
        .crypto_store(keys))
}
