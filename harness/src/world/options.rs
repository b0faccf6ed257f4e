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
    /// What names, codes and passwords are drawn from.
    pub seed: u64,
    /// The line that repeats the test or drill, for the artifacts.
    pub replay: Option<String>,
    /// Where everything is recorded; else a folder of the name is made.
    pub artifacts: Option<Artifacts>,
    /// Whether there is an onboarding bot besides the approver.
    pub two_identities: bool,
    /// The room version of space and rooms; else the server's default.
    pub room_version: Option<String>,
    /// Leaves the homeserver's rate limits on.
    pub rate_limits: bool,
    /// More settings of the homeserver, see [`homeserver::Options`](crate::homeserver::Options::settings).
    pub settings: Vec<(String, String)>,
    /// More variables of the bot's environment; they win.
    pub env: Vec<(String, String)>,
    /// Uses of the knock code and the signup code.
    pub code_uses: u32,
    /// Titles that challenges are made of.
    pub titles: Vec<String>,
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
            two_identities: false,
            room_version: None,
            rate_limits: false,
            settings: Vec::new(),
            env: Vec::new(),
            code_uses: 50,
            titles: ["Lighthouse of Alexandria", "Moss garden", "Hill of Crosses"]
                .map(str::to_owned)
                .to_vec(),
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

    /// With an onboarding bot.
    #[must_use]
    pub fn two_identities(mut self) -> Self {
        self.two_identities = true;
        self
    }

    /// With a variable of the bot's environment.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }
}
