//! Reading single values.

use std::{cell::RefCell, collections::BTreeMap, net::IpAddr, time::Duration};

use ipnet::IpNet;
use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde::Deserialize;
use url::Url;

use super::{
    ConfigError,
    environment::{CodeSeed, Confirm, LogFormat},
};

/// The environment, or what a test puts in its place.
///
/// What is wrong is collected, so that the operator hears of all of it at once; meanwhile there is a default in its place.
pub(super) struct Values<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    wrong: RefCell<Vec<ConfigError>>,
}

impl<'a> Values<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
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

    /// The trimmed value; empty counts as unset, as it does in compose files.
    pub(super) fn text(&self, variable: &'static str) -> Option<String> {
        (self.lookup)(variable)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
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
        if self.text(variable).is_none() {
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

    pub(super) fn codes(&self, variable: &'static str) -> BTreeMap<String, CodeSeed> {
        #[derive(Deserialize)]
        struct Entry {
            uses_remaining: u32,
            #[serde(default)]
            label: Option<String>,
            #[serde(default)]
            inviter: Option<OwnedUserId>,
        }
        let codes = self.parsed(
            variable,
            r#"JSON {"code":{"uses_remaining":5,"label":"…"}}"#,
            |value| {
                let entries: BTreeMap<String, Entry> = serde_json::from_str(value)
                    // The message of serde would repeat the text, and codes are for those who have them.
                    .map_err(|error| format!("not such JSON (line {} column {})", error.line(), error.column()))?;
                Ok(entries
                    .into_iter()
                    .map(|(code, entry)| {
                        let seed = CodeSeed {
                            uses_remaining: entry.uses_remaining,
                            label: entry.label.unwrap_or_default(),
                            inviter: entry.inviter,
                        };
                        (code, seed)
                    })
                    .collect())
            },
        );
        codes.unwrap_or_default()
    }
}

fn items(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// A network, or an address alone. IPv4 addresses in IPv6 clothes count as what they are, as they do in connections.
fn network(item: &str) -> Result<IpNet, String> {
    let network = item.parse::<IpNet>().ok();
    let network = network.or_else(|| item.parse::<IpAddr>().ok().map(|address| address.to_canonical().into()));
    network.ok_or_else(|| format!("`{item}` is neither an IP address nor a network"))
}

fn room_id(value: &str) -> Result<OwnedRoomId, String> {
    RoomId::parse(value).map_err(|error| format!("`{value}` is no room id ({error})"))
}

fn user_id(value: &str) -> Result<OwnedUserId, String> {
    UserId::parse(value).map_err(|error| format!("`{value}` is no user id ({error})"))
}
