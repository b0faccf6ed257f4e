//! Reading single values.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde::Deserialize;
use url::Url;

use super::{ConfigError, environment::CodeSeed};

/// The environment, or what a test puts in its place.
pub(super) struct Values<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Values<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup }
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
    ) -> Result<Option<T>, ConfigError> {
        self.text(variable)
            .map(|value| {
                parse(&value).map_err(|problem| ConfigError {
                    variable,
                    problem,
                    accepted,
                })
            })
            .transpose()
    }

    pub(super) fn required<T>(
        variable: &'static str,
        accepted: &'static str,
        value: Option<T>,
    ) -> Result<T, ConfigError> {
        value.ok_or_else(|| ConfigError {
            variable,
            problem: "not set".to_owned(),
            accepted,
        })
    }

    pub(super) fn url(&self, variable: &'static str, accepted: &'static str) -> Result<Option<Url>, ConfigError> {
        self.parsed(variable, accepted, |value| {
            let url = Url::parse(value).map_err(|error| format!("not a URL ({error})"))?;
            match url.scheme() {
                "http" | "https" if url.has_host() => Ok(url),
                scheme => Err(format!("scheme `{scheme}` is not served")),
            }
        })
    }

    pub(super) fn room(&self, variable: &'static str) -> Result<Option<OwnedRoomId>, ConfigError> {
        self.parsed(
            variable,
            "a room id: !opaque:server, or !opaque as of room version 12",
            room_id,
        )
    }

    pub(super) fn rooms(&self, variable: &'static str) -> Result<Vec<OwnedRoomId>, ConfigError> {
        let rooms = self.parsed(variable, "room ids separated by commas", |value| {
            items(value).map(room_id).collect()
        })?;
        Ok(rooms.unwrap_or_default())
    }

    pub(super) fn user(&self, variable: &'static str) -> Result<Option<OwnedUserId>, ConfigError> {
        self.parsed(variable, "a user id: @name:server", user_id)
    }

    pub(super) fn users(&self, variable: &'static str) -> Result<Vec<OwnedUserId>, ConfigError> {
        let users = self.parsed(variable, "user ids separated by commas", |value| {
            items(value).map(user_id).collect()
        })?;
        Ok(users.unwrap_or_default())
    }

    pub(super) fn addresses(&self, variable: &'static str) -> Result<Vec<IpAddr>, ConfigError> {
        let addresses = self.parsed(variable, "IP addresses separated by commas", |value| {
            items(value)
                .map(|item| item.parse().map_err(|_| format!("`{item}` is no IP address")))
                .collect()
        })?;
        Ok(addresses.unwrap_or_default())
    }

    pub(super) fn seconds(&self, variable: &'static str, default: u64) -> Result<Duration, ConfigError> {
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
        )?;
        Ok(seconds.unwrap_or(Duration::from_secs(default)))
    }

    pub(super) fn number<T>(
        &self,
        variable: &'static str,
        accepted: &'static str,
        range: std::ops::RangeInclusive<T>,
        default: T,
    ) -> Result<T, ConfigError>
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
        })?;
        Ok(number.unwrap_or(default))
    }

    pub(super) fn codes(&self, variable: &'static str) -> Result<BTreeMap<String, CodeSeed>, ConfigError> {
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
        )?;
        Ok(codes.unwrap_or_default())
    }
}

fn items(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn room_id(value: &str) -> Result<OwnedRoomId, String> {
    RoomId::parse(value).map_err(|error| format!("`{value}` is no room id ({error})"))
}

fn user_id(value: &str) -> Result<OwnedUserId, String> {
    UserId::parse(value).map_err(|error| format!("`{value}` is no user id ({error})"))
}
