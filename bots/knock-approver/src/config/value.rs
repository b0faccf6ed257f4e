//! Reading single values.

use std::{cell::RefCell, collections::BTreeMap, ffi::OsString, fs, net::IpAddr, path::Path, time::Duration};

use ipnet::{IpNet, Ipv4Net};
use matrix_sdk::ruma::{OwnedRoomId, OwnedServerName, OwnedUserId, RoomId, ServerName, UserId};
use serde::Deserialize;
use url::Url;

use super::{
    ConfigError,
    environment::{CodeSeed, Confirm, LogFormat},
};
use crate::{secret::Secret, vault::decode, words};

/// No secret is longer, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// The environment, or what a test puts in its place.
///
/// What is wrong is collected, so that the operator hears of all of it at once; meanwhile there is a default in its place.
pub(super) struct Values<'a> {
    lookup: &'a dyn Fn(&str) -> Option<OsString>,
    wrong: RefCell<Vec<ConfigError>>,
}

impl<'a> Values<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<OsString>) -> Self {
        Self {
            lookup,
            wrong: RefCell::default(),
        }
    }

    /// Says that something is wrong.
    pub(super) fn complain(&self, variable: &'static str, problem: impl Into<String>, accepted: &'static str) {
        self.wrong.borrow_mut().push(ConfigError {
            variable,
            problem: problem.into(),
            accepted,
        });
    }

    /// What was wrong.
    pub(super) fn wrong(self) -> Vec<ConfigError> {
        self.wrong.into_inner()
    }

    /// The value without what surrounds it and is not seen; empty counts as unset, as it does in compose files.
    pub(super) fn text(&self, variable: &'static str) -> Option<String> {
        let Ok(value) = (self.lookup)(variable)?.into_string() else {
            let is_said = self.wrong.borrow().iter().any(|wrong| wrong.variable == variable);
            if !is_said {
                self.complain(variable, "it is not UTF-8", "text in UTF-8");
            }
            return None;
        };
        Some(words::bare(&value).to_owned()).filter(|value| !value.is_empty())
    }

    fn parsed<T>(
        &self,
        variable: &'static str,
        accepted: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        match parse(&self.text(variable)?) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.complain(variable, problem, accepted);
                None
            }
        }
    }

    /// The value of a variable that must be set.
    pub(super) fn required<T>(&self, variable: &'static str, accepted: &'static str, value: Option<T>) -> Option<T> {
        let is_said = self.wrong.borrow().iter().any(|wrong| wrong.variable == variable);
        if self.text(variable).is_none() && !is_said {
            self.complain(variable, "not set", accepted);
        }
        value
    }

    pub(super) fn url(&self, variable: &'static str, accepted: &'static str) -> Option<Url> {
        self.parsed(variable, accepted, |value| {
            let url = Url::parse(value).map_err(|error| format!("not a URL ({error})"))?;
            match url.scheme() {
                "http" | "https" if url.has_host() => Ok(url),
                scheme => Err(format!("scheme `{scheme}` is not served")),
            }
        })
    }

    /// A URL to which paths are added, and that is put into links: anybody may read it.
    pub(super) fn base_url(&self, variable: &'static str, accepted: &'static str) -> Option<Url> {
        let url = self.url(variable, accepted)?;
        let problem = match () {
            () if !url.username().is_empty() || url.password().is_some() => "it holds a user name or a password",
            () if url.query().is_some() || url.fragment().is_some() => "it has a query or a fragment",
            () => return Some(url),
        };
        self.complain(variable, problem, accepted);
        None
    }

    pub(super) fn server(&self, variable: &'static str) -> Option<OwnedServerName> {
        let accepted = "a server name as in user ids, without a scheme: hs.example";
        self.parsed(variable, accepted, |value| {
            ServerName::parse(value).map_err(|error| format!("no server name ({error})"))
        })
    }

    /// How the local parts of aliases begin.
    pub(super) fn alias_prefix(&self, variable: &'static str) -> Option<String> {
        let accepted = "the beginning of an alias: up to 100 characters, none of them white space, `#` or `:`";
        self.parsed(variable, accepted, |value| {
            let is_odd = |letter: char| letter.is_whitespace() || letter.is_control() || "#:".contains(letter);
            match value.contains(is_odd) || value.chars().count() > 100 {
                true => Err("no alias begins so".to_owned()),
                false => Ok(value.to_owned()),
            }
        })
    }

    pub(super) fn room(&self, variable: &'static str) -> Option<OwnedRoomId> {
        self.parsed(
            variable,
            "a room id: !opaque:server, or !opaque as of room version 12",
            room_id,
        )
    }

    pub(super) fn rooms(&self, variable: &'static str) -> Vec<OwnedRoomId> {
        let rooms = self.parsed(variable, "room ids separated by commas", |value| {
            items(value).map(room_id).collect()
        });
        rooms.unwrap_or_default()
    }

    pub(super) fn user(&self, variable: &'static str) -> Option<OwnedUserId> {
        self.parsed(variable, "a user id: @name:server", user_id)
    }

    pub(super) fn users(&self, variable: &'static str) -> Vec<OwnedUserId> {
        let users = self.parsed(variable, "user ids separated by commas", |value| {
            items(value).map(user_id).collect()
        });
        users.unwrap_or_default()
    }

    pub(super) fn log(&self, variable: &'static str) -> LogFormat {
        let format = self.parsed(variable, "text or json", |value| match value {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            other => Err(format!("`{other}` is not known")),
        });
        format.unwrap_or_default()
    }

    pub(super) fn confirm(&self, variable: &'static str) -> Confirm {
        let confirm = self.parsed(variable, "ask or auto", |value| match value {
            "ask" => Ok(Confirm::Ask),
            "auto" => Ok(Confirm::Auto),
            other => Err(format!("`{other}` is not known")),
        });
        confirm.unwrap_or_default()
    }

    pub(super) fn networks(&self, variable: &'static str) -> Vec<IpNet> {
        let networks = self.parsed(
            variable,
            "IP addresses and networks separated by commas: 10.0.0.1, 172.16.0.0/12, fd00::/8",
            |value| items(value).map(network).collect(),
        );
        networks.unwrap_or_default()
    }

    pub(super) fn seconds(&self, variable: &'static str, default: u64) -> Duration {
        let seconds = self.parsed(
            variable,
            "seconds: a number from 0 to 31536000, a fraction is fine",
            |value| {
                let seconds: f64 = value.parse().map_err(|_| format!("`{value}` is not a number"))?;
                if (0.0..=31_536_000.0).contains(&seconds) {
                    Ok(Duration::from_secs_f64(seconds))
                } else {
                    Err(format!("{value} is out of range"))
                }
            },
        );
        seconds.unwrap_or(Duration::from_secs(default))
    }

    pub(super) fn number<T>(
        &self,
        variable: &'static str,
        accepted: &'static str,
        range: std::ops::RangeInclusive<T>,
        default: T,
    ) -> T
    where
        T: std::str::FromStr + PartialOrd,
    {
        let number = self.parsed(variable, accepted, |value| {
            let number: T = value.parse().map_err(|_| format!("`{value}` is not such a number"))?;
            if range.contains(&number) {
                Ok(number)
            } else {
                Err(format!("{value} is out of range"))
            }
        });
        number.unwrap_or(default)
    }

    /// A secret: the value, or what is in the file that another variable names, which fewer can read than an environment. Answers which
    /// of the two variables it is, too.
    fn secret(&self, variable: &'static str, file: &'static str) -> Option<(&'static str, String)> {
        let (value, path) = (self.text(variable), self.text(file));
        let Some(path) = path else {
            return value.map(|value| (variable, value));
        };
        let accepted = "the path of a file, where the variable without _PATH is not set";
        if value.is_some() {
            self.complain(file, "there are both a value and a file", accepted);
            return None;
        }
        match read(Path::new(&path)) {
            Ok(text) => Some(words::bare(&text).to_owned())
                .filter(|text| !text.is_empty())
                .map(|text| (file, text)),
            Err(problem) => {
                self.complain(file, format!("{path} cannot be used: {problem}"), accepted);
                None
            }
        }
    }

    /// The secret alone.
    pub(super) fn secret_text(&self, variable: &'static str, file: &'static str) -> Option<Secret> {
        self.secret(variable, file).map(|(_, text)| Secret::new(text))
    }

    pub(super) fn codes(&self, variable: &'static str, file: &'static str) -> BTreeMap<String, CodeSeed> {
        #[derive(Deserialize)]
        struct Entry {
            uses_remaining: u32,
            #[serde(default)]
            label: Option<String>,
            #[serde(default)]
            inviter: Option<OwnedUserId>,
        }
        let Some((variable, text)) = self.secret(variable, file) else {
            return BTreeMap::new();
        };
        let entries: BTreeMap<String, Entry> = match serde_json::from_str(&text) {
            Ok(entries) => entries,
            Err(error) => {
                // The message of serde would repeat the text, and codes are for those who have them.
                let problem = format!("not such JSON (line {} column {})", error.line(), error.column());
                self.complain(variable, problem, r#"JSON {"code":{"uses_remaining":5,"label":"…"}}"#);
                return BTreeMap::new();
            }
        };
        let seed = |(code, entry): (String, Entry)| {
            let seed = CodeSeed {
                uses_remaining: entry.uses_remaining,
                label: entry.label.unwrap_or_default(),
                inviter: entry.inviter,
            };
            (code, seed)
        };
        entries.into_iter().map(seed).collect()
    }
}

/// The text of a small file.
fn read(path: &Path) -> Result<String, String> {
    let found = fs::metadata(path).map_err(|error| error.kind().to_string())?;
    if !found.is_file() || found.len() > LONGEST {
        return Err("it is no file, or larger than a megabyte".to_owned());
    }
    let bytes = fs::read(path).map_err(|error| error.kind().to_string())?;
    decode(&bytes).map_err(|error| error.to_string())
}

fn items(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// A network, or an address alone. IPv4 addresses in IPv6 clothes count as what they are, as they do in connections.
fn network(item: &str) -> Result<IpNet, String> {
    let network = item.parse::<IpNet>().ok().map(undressed);
    let network = network.or_else(|| item.parse::<IpAddr>().ok().map(|address| address.to_canonical().into()));
    network.ok_or_else(|| format!("`{item}` is neither an IP address nor a network"))
}

fn undressed(network: IpNet) -> IpNet {
    let IpNet::V6(dressed) = network else { return network };
    let plain = dressed
        .addr()
        .to_ipv4_mapped()
        .zip(dressed.prefix_len().checked_sub(96));
    let plain = plain.and_then(|(address, length)| Ipv4Net::new(address, length).ok());
    plain.map_or(network, IpNet::V4)
}

fn room_id(value: &str) -> Result<OwnedRoomId, String> {
    RoomId::parse(value).map_err(|error| format!("`{value}` is no room id ({error})"))
}

fn user_id(value: &str) -> Result<OwnedUserId, String> {
    UserId::parse(value).map_err(|error| format!("`{value}` is no user id ({error})"))
}
