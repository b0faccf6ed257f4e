//! What the bot keeps is lost.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;

use super::{Anyhow, Expectation, Fault, Fired, Moment, NewDevice, acts, unhealable};
use crate::{
    bot::Ready,
    front_door::{Action, Matcher},
    world::{Role, World},
};

const MOMENTS: &[Moment] = &[Moment::AtBoot];

/// What the bot notes while it works on a device whose keys it has lost.
const DEAF: &[&str] = &["encrypted messages may not reach"];

/// How long the bot may take to serve.
const BOOT: Duration = Duration::from_secs(60);

fn expectation() -> Expectation {
    Expectation::one_login(NewDevice::Must)
}

/// The crypto store is lost.
#[derive(Debug)]
pub(super) struct CryptoLost;

#[async_trait]
impl Fault for CryptoLost {
    fn name(&self) -> &'static str {
        "crypto-store-lost"
    }

    fn summary(&self) -> &'static str {
        "the folder with the bot's keys is gone"
    }

    fn moments(&self) -> &'static [Moment] {
        MOMENTS
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        expectation()
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        Ok(Fired::with(acts::lose_stores(world)?))
    }
}

/// The crypto store is lost after a change of device: the escrow file has what the old device could read.
#[derive(Debug)]
pub(super) struct LostAgain;

#[async_trait]
impl Fault for LostAgain {
    fn name(&self) -> &'static str {
        "crypto-store-lost-after-new-device"
    }

    fn summary(&self) -> &'static str {
        "the bot has taken a new device and proven it, and then the folder with its keys is gone"
    }

    fn moments(&self) -> &'static [Moment] {
        MOMENTS
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        expectation().logins(2, 2)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let first = acts::take_new_device(world).await?;
        // The next start proves the new device, and only then may the old store go.
        world.bot.restart().await?;
        world.bot.wait_ready(BOOT).await?;
        world.bot.stop().await?;
        let stores = fs::read_dir(world.bot.data_dir().join(acts::CRYPTO))?.count();
        if stores != 1 {
            return Err(format!("{stores} stores are left after the start that proves the new device").into());
        }
        Ok(Fired::with(first).and(acts::lose_stores(world)?))
    }
}

/// The crypto store is damaged.
#[derive(Debug)]
pub(super) struct Damaged;

#[async_trait]
impl Fault for Damaged {
    fn name(&self) -> &'static str {
        "crypto-store-damaged"
    }

    fn summary(&self) -> &'static str {
        "the database of the bot's keys is overwritten with garbage; the operator moves it away later"
    }

    fn moments(&self) -> &'static [Moment] {
        MOMENTS
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        expectation().serves_degraded(&["could not be carried over"])
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let store = store_of(world, &acts::bot_device(world));
        let mut damaged = 0;
        for entry in fs::read_dir(&store)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("matrix-sdk-crypto.sqlite3") {
                fs::write(entry.path(), "this is no database".repeat(1000))?;
                damaged += 1;
            }
        }
        match damaged {
            0 => Err(format!("there is no database in {}", store.display()).into()),
            _ => Ok(Fired::with(format!("{damaged} files of the database overwritten"))),
        }
    }

    /// The damaged store and its device must be there still: it may be mended some day.
    async fn cure(&self, world: &mut World) -> Anyhow<()> {
        let crypto = world.bot.data_dir().join(acts::CRYPTO);
        let stores: Vec<_> = fs::read_dir(&crypto)?.filter_map(Result::ok).collect();
        if stores.len() < 2 {
            return Err("the damaged store was removed".into());
        }
        world.bot.stop().await?;
        let used = store_of(world, &acts::bot_device(world));
        for store in stores.iter().map(fs::DirEntry::path).filter(|store| *store != used) {
            fs::remove_dir_all(store)?;
        }
        Ok(world.bot.start()?)
    }
}

/// The store of a device whose id needs no escaping.
fn store_of(world: &World, device: &str) -> PathBuf {
    world.bot.data_dir().join(acts::CRYPTO).join(device)
}

/// The crypto store is lost, and no password can make a new device.
#[derive(Debug)]
pub(super) struct LostWithoutPassword;

#[async_trait]
impl Fault for LostWithoutPassword {
    fn name(&self) -> &'static str {
        "crypto-store-lost-no-password"
    }

    fn summary(&self) -> &'static str {
        "the folder with the bot's keys is gone, and there is no password file until later"
    }

    fn moments(&self) -> &'static [Moment] {
        MOMENTS
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        expectation().serves_degraded(DEAF)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        world.approver().remove_password()?;
        Ok(Fired::with(acts::lose_stores(world)?).and("the password file is gone"))
    }

    async fn cure(&self, world: &mut World) -> Anyhow<()> {
        acts::write_password(world)
    }
}

/// The crypto store is lost and the password is wrong; then the token dies too.
#[derive(Debug)]
pub(super) struct LostWithWrongPassword;

#[async_trait]
impl Fault for LostWithWrongPassword {
    fn name(&self) -> &'static str {
        "crypto-store-lost-wrong-password"
    }

    fn summary(&self) -> &'static str {
        "the folder with the bot's keys is gone and the password is wrong; while the bot serves as well as it can, its token dies"
    }

    fn moments(&self) -> &'static [Moment] {
        MOMENTS
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        expectation().logins(2, 3).needs_operator(&["password"], 1)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        world.approver().write_password(unhealable::WRONG)?;
        let lost = acts::lose_stores(world)?;
        world.bot.start()?;
        let noted = |ready: &Ready| {
            let approver = ready.identity("approver");
            ready.is_ok() && approver.is_some_and(|identity| identity.note(DEAF).is_some())
        };
        world
            .bot
            .wait_until("the bot to serve and to say that it may be deaf", BOOT, noted)
            .await?;
        // What the file holds was refused once. It is not to be tried again only because the token died.
        let dead = acts::reset_password(world).await?;
        Ok(Fired::with(lost).and(dead))
    }

    async fn cure(&self, world: &mut World) -> Anyhow<()> {
        acts::write_password(world)
    }
}

/// The data directory is lost, except the password and the recovery key.
#[derive(Debug)]
pub(super) struct DataLost;

/// The data directory is lost, and the homeserver will not have the old device removed yet.
#[derive(Debug)]
pub(super) struct DataLostDeviceStays;

#[async_trait]
impl Fault for DataLostDeviceStays {
    fn name(&self) -> &'static str {
        "data-directory-lost-device-stays"
    }

    fn summary(&self) -> &'static str {
        "the bot has made its own device, all is lost but the password and the recovery key, and the wish to delete that device is not answered"
    }

    fn moments(&self) -> &'static [Moment] {
        MOMENTS
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        expectation()
            .logins(2, 2)
            .serves_degraded(&["devices that are not used any more"])
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let first = acts::take_new_device(world).await?;
        world.bot.stop().await?;
        // With no token left anywhere, the old device can only be deleted with the password.
        world.bot.set(Role::Approver.token_variable(), "");
        let deletion = Matcher::endpoint("DELETE", "/devices/*").from_bot().times(1);
        let bend = world.front_door.bend(deletion, Action::bad_gateway());
        Ok(DataLost.inject(world).await?.and(first).bending(bend))
    }

    /// The operator sees that the password is right, and writes it again to have the rest done now.
    async fn cure(&self, world: &mut World) -> Anyhow<()> {
        acts::write_password(world)
    }
}

#[async_trait]
impl Fault for DataLost {
    fn name(&self) -> &'static str {
        "data-directory-lost"
    }

    fn summary(&self) -> &'static str {
        "the data directory is gone, except the password and the recovery key"
    }

    fn moments(&self) -> &'static [Moment] {
        MOMENTS
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        expectation()
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let removed = remove_all_but(world.bot.data_dir(), &["_password", "_recovery_key"])?;
        match removed.len() {
            0 => Err("there was nothing to lose".into()),
            _ => Ok(Fired::with(format!("removed {}", removed.join(", ")))),
        }
    }
}

fn remove_all_but(folder: &Path, kept: &[&str]) -> io::Result<Vec<String>> {
    let mut removed = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if kept.iter().any(|kept| name.ends_with(kept)) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
        removed.push(name);
    }
    removed.sort();
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_kept_and_everything_else_goes() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("crypto")).unwrap();
        for name in ["a_password", "a_recovery_key", "a_session.json"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let removed = remove_all_but(folder.path(), &["_password", "_recovery_key"]).unwrap();
        assert_eq!(removed, ["a_session.json", "crypto"]);
        assert!(folder.path().join("a_password").exists() && folder.path().join("a_recovery_key").exists());
    }
}
