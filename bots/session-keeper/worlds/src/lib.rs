//! Accounts that are kept on an embedded homeserver, for tests.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on says so by panicking, in helpers too"
)]

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use knockproof_homeserver::{Dialect, Homeserver};
use matrix_sdk::Client;
use session_keeper::{
    Account, Builder, Keeper,
    health::{Health, IdentityHealth},
    vault::Vault,
};
use tempfile::TempDir;
use tokio::time::timeout;

/// The localpart of the account.
pub const BOT: &str = "bot";
/// Its password.
pub const PASSWORD: &str = "correct horse battery";
/// How long anything may take that waits for no clock.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A homeserver with the account on it.
pub async fn homeserver(dialect: Dialect) -> Homeserver {
    let homeserver = Homeserver::builder().dialect(dialect).start().await.unwrap();
    homeserver.create_user("admin", "administrator").unwrap();
    homeserver.create_user(BOT, PASSWORD).unwrap();
    homeserver
}

/// A data directory with the password in it.
pub fn data() -> TempDir {
    let data = TempDir::new().unwrap();
    fs::write(data.path().join("password"), PASSWORD).unwrap();
    data
}

/// What keeps the account there, before it is started.
pub fn builder(homeserver: &Homeserver, data: &Path) -> Builder {
    Keeper::builder(homeserver.base_url().clone(), data)
        .user(BOT)
        .device_name("a bot")
}

/// Keeps the account there, and waits until it serves.
pub async fn serve(homeserver: &Homeserver, data: &Path) -> Keeper {
    let keeper = builder(homeserver, data).start().unwrap();
    until(&keeper, "a bot that serves", |health| health.state == Health::Ok).await;
    keeper
}

/// Waits until the health is as wanted.
pub async fn until(keeper: &Keeper, what: &str, holds: impl FnMut(&IdentityHealth) -> bool) -> IdentityHealth {
    within(PATIENCE, keeper, what, holds).await
}

/// The same, for what takes its time.
pub async fn within(
    patience: Duration,
    keeper: &Keeper,
    what: &str,
    holds: impl FnMut(&IdentityHealth) -> bool,
) -> IdentityHealth {
    let mut health = keeper.health();
    match timeout(patience, health.wait_for(holds)).await {
        Ok(health) => health.unwrap().clone(),
        Err(_) => panic!("waited {patience:?} for {what}: {:?}", keeper.board().snapshot()),
    }
}

/// The device that it uses.
pub async fn device(keeper: &Keeper) -> String {
    keeper.handle().await.device_id.to_string()
}

/// The devices of the account, in order.
pub fn devices(homeserver: &Homeserver) -> Vec<String> {
    let mut devices = homeserver.devices(BOT).unwrap();
    devices.sort();
    devices
}

/// The vault of the account.
pub fn vault(data: &Path) -> Vault {
    Vault::new(Account::new(BOT), data)
}

/// A copy of a data directory.
pub fn copy_of(data: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    copy_all(data, copy.path()).unwrap();
    copy
}

/// Copies a folder with all that is in it. What a running bot removes meanwhile (a temporary file, a database's journal) is left out.
pub fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (from, to): (PathBuf, PathBuf) = (entry?.path(), to.to_owned());
        let to = to.join(from.file_name().unwrap_or_default());
        let copied = match from.is_dir() {
            true => copy_all(&from, &to),
            false => fs::copy(&from, &to).map(drop),
        };
        match copied {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !from.exists() => {}
            copied => copied?,
        }
    }
    Ok(())
}

/// Logs another client in, which calls its device so; answers the client.
pub async fn log_in(homeserver: &Homeserver, name: &str) -> Client {
    let client = Client::builder()
        .homeserver_url(homeserver.base_url())
        .build()
        .await
        .unwrap();
    let login = client.matrix_auth().login_username(BOT, PASSWORD);
    login.initial_device_display_name(name).send().await.unwrap();
    client
}
