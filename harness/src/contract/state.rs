//! Where a bot keeps what.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::Deserialize;

/// A path below the data directory. Its last part may have `*` in it, which stands for anything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct DataPath(String);

/// What stands for a device in a path.
const DEVICE: &str = "{device_id}";

/// A path that could lead out of the data directory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path:?} is no path below the data directory; write it relative to that, without `..`")]
pub struct BadPath {
    path: String,
}

impl TryFrom<String> for DataPath {
    type Error = BadPath;

    fn try_from(path: String) -> Result<Self, Self::Error> {
        let below = Path::new(&path)
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        match below && !path.is_empty() {
            true => Ok(Self(path)),
            false => Err(BadPath { path }),
        }
    }
}

impl fmt::Display for DataPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl DataPath {
    /// The path below a data directory; one with `*` in it is no path of a file.
    pub fn below(&self, data: &Path) -> PathBuf {
        data.join(&self.0)
    }

    /// The same where `{device_id}` stands in it for this device.
    #[must_use]
    pub fn of_device(&self, device: &str) -> Self {
        Self(self.0.replace(DEVICE, &glob::Pattern::escape(device)))
    }

    /// What it leads to now, sorted.
    ///
    /// # Errors
    ///
    /// When a folder cannot be read.
    pub fn found(&self, data: &Path) -> io::Result<Vec<PathBuf>> {
        let pattern = format!("{}/{}", glob::Pattern::escape(&data.display().to_string()), self.0);
        let found = glob::glob(&pattern).map_err(io::Error::other)?;
        found.map(|path| path.map_err(io::Error::from)).collect()
    }
}

/// Where a bot, or one of its identities, keeps what. All of it may be left out: a fault that breaks it is not applicable then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct State {
    /// The saved session: access token and device.
    pub session: Option<DataPath>,
    /// The keys for end-to-end encryption: a file or a folder. `{device_id}` in it stands for the device that the identity works on.
    pub crypto_store: Option<DataPath>,
    /// The databases with everything else.
    pub database: Option<DataPath>,
    /// The file with the password, written by the operator. The harness writes it.
    pub password_file: Option<DataPath>,
    /// The file with the recovery key of the account's secret storage, written by the bot.
    pub recovery_key: Option<DataPath>,
}

impl State {
    /// This, with what is missing taken from `other`.
    #[must_use]
    pub(super) fn or(&self, other: &Self) -> Self {
        let or = |own: &Option<DataPath>, other: &Option<DataPath>| own.clone().or_else(|| other.clone());
        Self {
            session: or(&self.session, &other.session),
            crypto_store: or(&self.crypto_store, &other.crypto_store),
            database: or(&self.database, &other.database),
            password_file: or(&self.password_file, &other.password_file),
            recovery_key: or(&self.recovery_key, &other.recovery_key),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("")]
    #[case("/etc/passwd")]
    #[case("../outside")]
    #[case("a/../../b")]
    #[case(".")]
    fn a_path_that_leads_out_is_refused(#[case] path: &str) {
        assert!(DataPath::try_from(path.to_owned()).is_err());
    }

    #[test]
    fn a_star_finds_all_that_fit_and_nothing_else() {
        let data = tempfile::Builder::new().prefix("[odd]*").tempdir().unwrap();
        for name in ["bot.sqlite", "bot.sqlite-wal", "bot.log"] {
            std::fs::write(data.path().join(name), "x").unwrap();
        }
        let found = |path: &str| {
            let path = DataPath::try_from(path.to_owned()).unwrap();
            path.found(data.path()).unwrap()
        };
        assert_eq!(
            found("*.sqlite*"),
            ["bot.sqlite", "bot.sqlite-wal"].map(|name| data.path().join(name))
        );
        assert_eq!(found("bot.log"), [data.path().join("bot.log")]);
        let own = DataPath::try_from("{device_id}.log".to_owned()).unwrap();
        assert_eq!(
            own.of_device("bot").found(data.path()).unwrap(),
            [data.path().join("bot.log")]
        );
        assert!(own.of_device("*").found(data.path()).unwrap().is_empty());
        assert!(found("nothing").is_empty());
    }
}
