//! What a bot's source asks its environment for.

use std::{collections::BTreeMap, fs, io, path::Path};

use super::folder::sources;

/// What a variable is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The homeserver's URL.
    Homeserver,
    /// The bot's user id.
    UserId,
    /// An access token.
    Token,
    /// The id of the token's device.
    DeviceId,
    /// The password.
    Password,
    /// A file with the password.
    PasswordFile,
    /// The data directory.
    Data,
    /// A room without encryption.
    Room,
    /// The port of its HTTP side.
    Port,
}

/// How each language asks for a variable: what stands before the name.
const ASKED: [&str; 9] = [
    "environ[\"",
    "environ['",
    "environ.get(\"",
    "environ.get('",
    "getenv(\"",
    "getenv('",
    "process.env.",
    "env::var(\"",
    "env::var_os(\"",
];

/// Words in a name, and what it is then to hold; the first that fits.
const MEANING: [(&str, Place); 17] = [
    ("PASSWORD_FILE", Place::PasswordFile),
    ("PASSWORD_PATH", Place::PasswordFile),
    ("PASSWORD", Place::Password),
    ("TOKEN", Place::Token),
    ("DEVICE", Place::DeviceId),
    ("USER", Place::UserId),
    ("MXID", Place::UserId),
    ("HOMESERVER", Place::Homeserver),
    ("HOME_SERVER", Place::Homeserver),
    ("SERVER_URL", Place::Homeserver),
    ("BASE_URL", Place::Homeserver),
    ("MATRIX_URL", Place::Homeserver),
    ("DATA", Place::Data),
    ("STORE", Place::Data),
    ("STORAGE", Place::Data),
    ("ROOM", Place::Room),
    ("PORT", Place::Port),
];

impl Place {
    /// As it stands in a contract.
    pub const fn template(self) -> &'static str {
        match self {
            Self::Homeserver => "{homeserver}",
            Self::UserId => "{user_id}",
            Self::Token => "{token}",
            Self::DeviceId => "{device_id}",
            Self::Password => "{password}",
            Self::PasswordFile => "{password_file}",
            Self::Data => "{data}",
            Self::Room => "{room}",
            Self::Port => "{port}",
        }
    }

    /// What a variable of that name is to hold, where the name says so.
    fn meant(name: &str) -> Option<Self> {
        let name = name.to_ascii_uppercase();
        MEANING
            .into_iter()
            .find(|(word, _)| name.contains(word))
            .map(|(_, place)| place)
    }

    /// What most bots are given.
    pub(super) fn usual() -> BTreeMap<String, Self> {
        let usual = [
            ("HOMESERVER", Self::Homeserver),
            ("USER_ID", Self::UserId),
            ("ACCESS_TOKEN", Self::Token),
            ("DATA", Self::Data),
        ];
        usual
            .into_iter()
            .map(|(name, place)| (name.to_owned(), place))
            .collect()
    }
}

/// The variables that the sources of a folder ask for and whose names say what they are to hold.
pub(super) fn read_in(folder: &Path) -> io::Result<BTreeMap<String, Place>> {
    let mut found = BTreeMap::new();
    for file in sources(folder)? {
        let text = String::from_utf8_lossy(&fs::read(file)?).into_owned();
        for asked in ASKED {
            for behind in text.split(asked).skip(1) {
                let is_name = |sign: char| sign.is_ascii_alphanumeric() || sign == '_';
                let name: String = behind.chars().take_while(|sign| is_name(*sign)).collect();
                if let Some(place) = Place::meant(&name) {
                    found.insert(name, place);
                }
            }
        }
    }
    Ok(found)
}
