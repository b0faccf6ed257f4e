use crate::{
    artifacts::Artifacts,
    homeserver::{Choice, Error},
};

/// What kind of world is wanted.
#[derive(Clone, Debug)]
pub struct WorldOptions {
    /// Names the folder of artifacts.
    pub name: String,
    /// Which homeserver.
    pub choice: Choice,
    /// What names and passwords are drawn from.
    pub seed: u64,
    /// The line that repeats the test or drill, for the artifacts.
    pub replay: Option<String>,
    /// Where everything is recorded; else a folder of the name is made.
    pub artifacts: Option<Artifacts>,
    /// The optional identities of the contract that the bot has here, by name.
    pub identities: Vec<String>,
    /// The identities that faults hit, by name; none is the first.
    pub hit: Vec<String>,
    /// The room version of all rooms; else the server's default.
    pub room_version: Option<String>,
    /// Leaves the homeserver's rate limits on.
    pub rate_limits: bool,
    /// More settings of the homeserver, see [`homeserver::Options`](crate::homeserver::Options::settings).
    pub settings: Vec<(String, String)>,
    /// More variables of the bot's environment; they win.
    pub env: Vec<(String, String)>,
}

impl WorldOptions {
    /// The usual world on the homeserver that `KNOCKPROOF_HOMESERVER` names, from the seed `KNOCKPROOF_SEED` or a random one.
    pub fn new(name: impl Into<String>) -> Self {
        let seed = std::env::var("KNOCKPROOF_SEED")
            .ok()
            .and_then(|seed| seed.trim().parse().ok());
        Self {
            name: name.into(),
            choice: Choice::Auto,
            seed: seed.unwrap_or_else(rand::random),
            replay: None,
            artifacts: None,
            identities: Vec::new(),
            hit: Vec::new(),
            room_version: None,
            rate_limits: false,
            settings: Vec::new(),
            env: Vec::new(),
        }
    }

    /// On the homeserver that `KNOCKPROOF_HOMESERVER` names.
    ///
    /// # Errors
    ///
    /// When it names none.
    pub fn from_env(name: impl Into<String>) -> Result<Self, Error> {
        Ok(Self::new(name).on(Choice::from_env()?))
    }

    /// On this homeserver.
    #[must_use]
    pub fn on(mut self, choice: Choice) -> Self {
        self.choice = choice;
        self
    }

    /// From this seed.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// With this optional identity of the contract's.
    #[must_use]
    pub fn with_identity(mut self, name: &str) -> Self {
        self.identities.push(name.to_owned());
        self
    }

    /// With a variable of the bot's environment.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }
}
