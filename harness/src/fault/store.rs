//! What the bot keeps is lost.

use std::{fs, io, path::Path};

use async_trait::async_trait;

use super::{Anyhow, Expectation, Fault, Fired, Moment, NewDevice};
use crate::world::World;

const MOMENTS: &[Moment] = &[Moment::AtBoot];

/// The folder with the stores of the keys.
const CRYPTO: &str = "crypto";

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
        let folder = world.bot.data_dir().join(CRYPTO);
        let stores = fs::read_dir(&folder)?.count();
        if stores == 0 {
            return Err("there was no store to lose".into());
        }
        fs::remove_dir_all(&folder)?;
        Ok(Fired::with(format!("{CRYPTO}/ with {stores} entries removed")))
    }
}

/// The data directory is lost, except the password and the recovery key.
#[derive(Debug)]
pub(super) struct DataLost;

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
