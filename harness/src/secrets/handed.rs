use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// How the bot came by a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The answer to a login, a registration or a refresh of the bot's own.
    Answer,
    /// Somebody gave it to the bot in a request.
    Request,
    /// The operator put it into the environment.
    Environment,
    /// It was in the data directory when the bot was started.
    Data,
}

/// What the bot was handed.
#[derive(Debug, Default)]
pub(super) struct Handed {
    origins: HashMap<String, Origin>,
    names: HashMap<String, usize>,
}

impl Handed {
    pub(super) fn hand(&mut self, token: &str, origin: Origin) {
        self.origins.entry(token.trim().to_owned()).or_insert(origin);
    }

    pub(super) fn origin(&self, token: &str) -> Option<Origin> {
        self.origins.get(token).copied()
    }

    pub(super) fn name(&mut self, token: &str) -> String {
        let next = self.names.len() + 1;
        let number = self.names.entry(token.to_owned()).or_insert(next);
        format!("t{number}")
    }
}
