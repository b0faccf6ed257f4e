//! Rooms that a bot and people are in.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{NewRoom, Result, User};

/// The rooms of a world. People and bot are in them before the bot starts.
#[derive(Clone, Debug, Default)]
pub struct Rooms {
    /// One without encryption in which the bot may be spoken to.
    pub plain: Option<String>,
    /// One with encryption in which the bot may be spoken to.
    pub encrypted: Option<String>,
    /// One that the bot hears, and in which nothing is said to it: a message there ends its long poll.
    pub quiet: String,
    /// All others.
    pub others: Vec<String>,
}

impl Rooms {
    /// Their ids.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let named = self.plain.iter().chain(&self.encrypted).chain([&self.quiet]);
        named.chain(&self.others).map(String::as_str)
    }

    /// One with encryption if there is one, else one without, else the quiet one.
    pub fn spoken_in(&self) -> &str {
        let spoken = self.encrypted.as_ref().or(self.plain.as_ref());
        spoken.unwrap_or(&self.quiet)
    }
}

/// Makes a plain room, a quiet one, and one with encryption where the bot can use it; the bots join them.
pub(super) async fn make(owner: &User, version: Option<&str>, bots: &[User], encryption: bool) -> Result<Rooms> {
    let powers = powers(owner, version, bots).await?;
    let room = |name: &str| {
        NewRoom::preset("private_chat")
            .named(name)
            .version(version)
            .with("power_level_content_override", json!({ "users": powers }))
            .invite(bots.iter().map(User::user_id))
    };
    // One after another: of rooms that one user makes at once, conduwuit 0.5.0 now and then refuses one.
    let plain = owner.create_room(&room("plain")).await?;
    let quiet = owner.create_room(&room("quiet")).await?;
    let encrypted = match encryption {
        true => Some(owner.create_room(&room("encrypted").encrypted()).await?),
        false => None,
    };
    let rooms = Rooms {
        plain: Some(plain),
        encrypted,
        quiet,
        others: Vec::new(),
    };
    for bot in bots {
        futures_util::future::try_join_all(rooms.ids().map(|room| bot.join(room))).await?;
    }
    Ok(rooms)
}

/// What a room of that version needs to say so that owner and bots have all power in it.
///
/// # Errors
///
/// When the server does not tell its default version.
pub async fn powers(owner: &User, version: Option<&str>, bots: &[User]) -> Result<Value> {
    let in_force = match version {
        Some(version) => version.to_owned(),
        None => default_version(owner).await?,
    };
    let mut powers = json!({});
    for bot in bots {
        powers[bot.user_id()] = Value::from(100);
    }
    // From room version 12 on, creators have all power and must not stand in the event; before, they must, or have none.
    if !creators_have_all_power(&in_force) {
        powers[owner.user_id()] = Value::from(100);
    }
    Ok(powers)
}

async fn default_version(user: &User) -> Result<String> {
    let path = "/_matrix/client/v3/capabilities";
    let answer = user.request(Method::GET, path, None).await?;
    let version = answer["capabilities"]["m.room_versions"]["default"].as_str();
    // The specification: without the capability, clients should assume version 1.
    Ok(version.unwrap_or("1").to_owned())
}

/// Versions 1 to 11 have numbers; what has a name is experimental and stands on one of them, except the drafts of version 12.
fn creators_have_all_power(version: &str) -> bool {
    match version.parse::<u32>() {
        Ok(number) => number >= 12,
        Err(_) => version.starts_with("org.matrix.hydra"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("1", false)]
    #[case("11", false)]
    #[case("12", true)]
    #[case("org.matrix.hydra.11", true)]
    #[case("org.matrix.msc3757.10", false)]
    fn creators_have_all_power_from_version_12_on(#[case] version: &str, #[case] have: bool) {
        assert_eq!(creators_have_all_power(version), have);
    }
}
