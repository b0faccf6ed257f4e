//! The whole table of variables.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf, time::Duration};

use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId};
use url::Url;

use super::{ConfigError, IdentityConfig, Role, value::Values};
use crate::secret::Secret;

/// Where challenges come from unless `CHALLENGE_URL` says otherwise.
const CHALLENGE_URL: &str = "https://en.wikipedia.org/api/rest_v1/page/random/summary";

/// Everything the operator sets.
#[derive(Clone, Debug)]
pub struct Config {
    /// The homeserver's base URL (`HS`).
    pub homeserver: Url,
    /// The base URL put into links (`HS_PUBLIC`), without a slash at its end.
    pub public: String,
    /// Everything that must outlive a restart (`DATA_DIR`).
    pub data_dir: PathBuf,
    /// The approver's part.
    pub approver: IdentityConfig,
    /// The onboarding bot's part; `None` where neither its token nor its password file exists.
    pub onboarding: Option<IdentityConfig>,
    /// The server-side registration token; no signup without it.
    pub registration_token: Option<Secret>,
    /// The server's name, for aliases (`SERVER_NAME`); otherwise that of the identity's own user id.
    pub server_name: Option<String>,
    /// Knock codes to add where not yet known.
    pub initial_codes: BTreeMap<String, CodeSeed>,
    /// Signup codes to add where not yet known.
    pub initial_signup_codes: BTreeMap<String, CodeSeed>,
    /// The port of the HTTP side, on all addresses.
    pub http_port: u16,
    /// Limits on who may call how often.
    pub rate: RateConfig,
    /// What the flows need.
    pub flow: FlowConfig,
    /// When the circuit breaker opens.
    pub breaker: BreakerConfig,
}

/// What the flows need.
#[derive(Clone, Debug)]
pub struct FlowConfig {
    /// The space, exactly as given.
    pub space: OwnedRoomId,
    /// Its child rooms.
    pub children: Vec<OwnedRoomId>,
    /// Whom a new account gets a direct chat with, unless its code names another.
    pub inviter: Option<OwnedUserId>,
    /// How long a vetting room waits.
    pub vetting_timeout: Duration,
    /// How many haiku a knocker may try.
    pub vetting_tries: u32,
    /// How long a lobby waits.
    pub lobby_timeout: Duration,
    /// How many haiku each user of a lobby may try.
    pub lobby_tries: u32,
    /// The wait between seeing a join and posting the challenge.
    pub challenge_delay: Duration,
    /// When the challenge is posted once more to a user who never answered.
    pub resend_after: Duration,
    /// Uses of the signup code minted on promotion; 0 = none.
    pub welcome_uses: u32,
    /// Adds the line `onboarding doc: URL` to the success message.
    pub welcome_doc: Option<String>,
    /// How lobby aliases begin.
    pub alias_prefix: String,
    /// Where commands are taken.
    pub command_room: OwnedRoomId,
    /// The power that may command.
    pub admin_power: i64,
    /// Who else may command.
    pub admins: Vec<OwnedUserId>,
    /// Where newcomers are announced.
    pub feed_room: OwnedRoomId,
    /// Where the operators' notes go.
    pub notify_room: OwnedRoomId,
    /// The community's name in chat.
    pub community: String,
    /// Where challenges come from.
    pub challenge_url: Url,
}

/// One entry of `INITIAL_CODES` or `INITIAL_SIGNUP_CODES`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeSeed {
    /// How often it may be used.
    pub uses_remaining: u32,
    /// What it is for.
    pub label: String,
    /// Whom the accounts made with it get a direct chat with.
    pub inviter: Option<OwnedUserId>,
}

/// How often one client address may call.
#[derive(Clone, Debug)]
pub struct RateConfig {
    /// Calls a minute, which is also the burst; 0 = no limit.
    pub per_minute: u32,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
}

/// When the circuit breaker opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerConfig {
    /// The most messages in a window.
    pub messages: u32,
    /// The window.
    pub window: Duration,
}

impl Config {
    /// Reads the process's environment.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(&|name| std::env::var(name).ok())
    }

    /// Reads what `lookup` says of each variable.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let values = Values::new(lookup);
        let hs_accepted = "the homeserver's base URL, http://… or https://…";
        let homeserver = Values::required("HS", hs_accepted, values.url("HS", hs_accepted)?)?;
        let public = values.url("HS_PUBLIC", "a base URL, http://… or https://…")?;
        let data_dir = PathBuf::from(values.text("DATA_DIR").unwrap_or_else(|| "/data".to_owned()));
        let identity = |role: Role, username, token, password: &'static str| IdentityConfig {
            role,
            homeserver: homeserver.clone(),
            username: values.text(username),
            env_token: values.text(token).map(Secret::new),
            password_path: values.text(password).map_or_else(
                || data_dir.join(format!("{}_password", role.file_stem())),
                PathBuf::from,
            ),
            data_dir: data_dir.clone(),
        };
        let approver = identity(Role::Approver, "APPROVER_USERNAME", "MATRIX_TOKEN", "SR2_PASSWORD_PATH");
        let onboarding = identity(
            Role::Onboarding,
            "ONBOARDING_USERNAME",
            "ONBOARDING_BOT_TOKEN",
            "ONBOARDING_BOT_PASSWORD_PATH",
        );
        let onboarding =
            Some(onboarding).filter(|identity| identity.env_token.is_some() || identity.password_path.exists());
        Ok(Self {
            public: public
                .as_ref()
                .unwrap_or(&homeserver)
                .as_str()
                .trim_end_matches('/')
                .to_owned(),
            approver,
            onboarding,
            registration_token: values.text("CONDUWUIT_REGISTRATION_TOKEN").map(Secret::new),
            server_name: values.text("SERVER_NAME"),
            initial_codes: values.codes("INITIAL_CODES")?,
            initial_signup_codes: values.codes("INITIAL_SIGNUP_CODES")?,
            http_port: values.number("HTTP_PORT", "a port from 1 to 65535", 1..=u16::MAX, 8001)?,
            rate: RateConfig {
                per_minute: values.number(
                    "HTTP_RATE_PER_MINUTE",
                    "calls a minute, 0 = no limit",
                    0..=1_000_000,
                    60,
                )?,
                trusted_proxies: values.addresses("TRUSTED_PROXIES")?,
            },
            flow: flow(&values)?,
            breaker: BreakerConfig {
                messages: values.number("BREAKER_MAX_MESSAGES", "a number from 1", 1..=1_000_000, 300)?,
                window: values.seconds("BREAKER_WINDOW_SEC", 60)?,
            },
            homeserver,
            data_dir,
        })
    }

    /// The identities the process runs.
    pub fn roles(&self) -> Vec<Role> {
        let mut roles = vec![Role::Approver];
        roles.extend(self.onboarding.as_ref().map(|_| Role::Onboarding));
        roles
    }
}

fn flow(values: &Values<'_>) -> Result<FlowConfig, ConfigError> {
    let tries = "tries: a number from 1 to 1000";
    let space_accepted = "the space's room id: !opaque:server, or !opaque as of room version 12";
    let space = Values::required("SPACE_ID", space_accepted, values.room("SPACE_ID")?)?;
    let command_room = values.room("ADMIN_COMMAND_ROOM")?.unwrap_or_else(|| space.clone());
    let feed_room = values.room("FEED_ROOM")?.unwrap_or_else(|| command_room.clone());
    let challenge_url = values.url("CHALLENGE_URL", "a URL that answers with an article's summary")?;
    let default_url = || {
        Url::parse(CHALLENGE_URL).map_err(|error| ConfigError {
            variable: "CHALLENGE_URL",
            problem: error.to_string(),
            accepted: "a URL",
        })
    };
    Ok(FlowConfig {
        children: values.rooms("SPACE_CHILD_IDS")?,
        inviter: values.user("ONBOARDING_INVITER_MXID")?,
        vetting_timeout: values.seconds("VETTING_TIMEOUT_SEC", 7200)?,
        vetting_tries: values.number("VETTING_MAX_TRIES", tries, 1..=1000, 3)?,
        lobby_timeout: values.seconds("LOBBY_TIMEOUT_SEC", 7200)?,
        lobby_tries: values.number("LOBBY_MAX_TRIES", tries, 1..=1000, 3)?,
        challenge_delay: values.seconds("LOBBY_CHALLENGE_DELAY_SEC", 5)?,
        resend_after: values.seconds("LOBBY_RESEND_AFTER_SEC", 120)?,
        welcome_uses: values.number("LOBBY_WELCOME_CODE_USES", "uses: a number from 0 to 1000", 0..=1000, 10)?,
        welcome_doc: values.text("LOBBY_WELCOME_DOC_URL"),
        alias_prefix: values
            .text("LOBBY_ALIAS_PREFIX")
            .unwrap_or_else(|| "shape-rotator-lobby-".to_owned()),
        admin_power: values.number(
            "ADMIN_PL_THRESHOLD",
            "a power level: a whole number",
            i64::MIN..=i64::MAX,
            50,
        )?,
        admins: values.users("ADMIN_ALLOWLIST")?,
        notify_room: values
            .room("OPERATOR_NOTIFY_ROOM")?
            .unwrap_or_else(|| feed_room.clone()),
        community: values
            .text("COMMUNITY_NAME")
            .unwrap_or_else(|| "shape rotator".to_owned()),
        challenge_url: challenge_url.map_or_else(default_url, Ok)?,
        space,
        command_room,
        feed_room,
    })
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::BTreeSet};

    use rstest::rstest;

    use super::*;
    use crate::config::VARIABLES;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let lookup = |name: &str| {
            let found = pairs.iter().rev().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Config::from_lookup(&lookup)
    }

    const LEAST: [(&str, &str); 2] = [("HS", "http://hs.example/"), ("SPACE_ID", "!space")];

    fn with(pair: (&'static str, &'static str)) -> Result<Config, ConfigError> {
        read(&[LEAST[0], LEAST[1], pair])
    }

    #[test]
    fn the_help_lists_every_variable_and_no_other() {
        let read = RefCell::new(BTreeSet::new());
        let lookup = |name: &str| {
            read.borrow_mut().insert(name.to_owned());
            let least = LEAST.iter().find(|(key, _)| *key == name);
            least.map(|(_, value)| (*value).to_owned())
        };
        Config::from_lookup(&lookup).unwrap();
        let listed = VARIABLES
            .lines()
            .filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
        let listed = listed.filter(|name| !name.is_empty()).map(ToOwned::to_owned);
        assert_eq!(listed.collect::<BTreeSet<_>>(), read.into_inner());
    }

    #[test]
    fn the_least_environment_takes_every_default() {
        let config = read(&LEAST).unwrap();
        assert_eq!(config.public, "http://hs.example");
        assert_eq!(
            config.flow.space, "!space",
            "an id without a server is used exactly as given"
        );
        assert_eq!(config.flow.command_room, config.flow.space);
        assert_eq!(config.flow.notify_room, config.flow.space);
        assert_eq!(
            config.approver.password_path,
            PathBuf::from("/data/shape_rotator_2_password")
        );
        assert_eq!((config.http_port, config.rate.per_minute), (8001, 60));
        assert_eq!((config.flow.lobby_tries, config.flow.vetting_tries), (3, 3));
        assert_eq!(config.flow.community, "shape rotator");
        assert!(config.onboarding.is_none());
        assert_eq!(config.roles(), [Role::Approver]);
    }

    #[test]
    fn rooms_fall_back_from_one_to_the_next() {
        let config = with(("ADMIN_COMMAND_ROOM", "!commands:hs.example")).unwrap();
        assert_eq!(config.flow.feed_room, "!commands:hs.example");
        assert_eq!(config.flow.notify_room, "!commands:hs.example");
        let config = with(("ADMIN_COMMAND_ROOM", " ")).unwrap();
        assert_eq!(config.flow.command_room, "!space", "empty counts as unset");
    }

    #[test]
    fn codes_are_read_from_json() {
        let config = with(("INITIAL_CODES", r#"{"abc":{"uses_remaining":5,"label":"friends"}}"#)).unwrap();
        assert_eq!(config.initial_codes["abc"].uses_remaining, 5);
        assert_eq!(config.initial_codes["abc"].label, "friends");
    }

    #[rstest]
    #[case("HS", "ftp://hs.example")]
    #[case("HS_PUBLIC", "hs.example")]
    #[case("SPACE_ID", "space")]
    #[case("SPACE_CHILD_IDS", "!a:b,nonsense")]
    #[case("HTTP_PORT", "0")]
    #[case("HTTP_PORT", "65536")]
    #[case("VETTING_TIMEOUT_SEC", "soon")]
    #[case("LOBBY_TIMEOUT_SEC", "-1")]
    #[case("VETTING_MAX_TRIES", "0")]
    #[case("LOBBY_WELCOME_CODE_USES", "many")]
    #[case("ADMIN_PL_THRESHOLD", "half")]
    #[case("ADMIN_ALLOWLIST", "alice")]
    #[case("ONBOARDING_INVITER_MXID", "alice")]
    #[case("INITIAL_CODES", "{\"secret-code\":3}")]
    #[case("TRUSTED_PROXIES", "proxy")]
    #[case("CHALLENGE_URL", "wikipedia")]
    fn a_bad_value_names_variable_problem_and_what_is_accepted(
        #[case] name: &'static str,
        #[case] value: &'static str,
    ) {
        let error = with((name, value)).unwrap_err();
        assert_eq!(error.variable, name);
        let line = error.to_string();
        assert!(line.starts_with(&format!("{name}: ")), "{line}");
        assert!(line.contains("accepted: "), "{line}");
        assert!(!line.contains('\n') && !line.contains("secret-code"), "{line}");
    }

    #[rstest]
    #[case(&[("SPACE_ID", "!space")], "HS")]
    #[case(&[("HS", "http://hs.example")], "SPACE_ID")]
    fn what_is_required_is_asked_for(#[case] pairs: &[(&str, &str)], #[case] missing: &str) {
        assert_eq!(read(pairs).unwrap_err().variable, missing);
    }
}
