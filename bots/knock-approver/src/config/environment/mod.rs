//! The whole table of variables.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use ipnet::IpNet;
use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId, RoomId};
use url::Url;

use super::{ConfigErrors, IdentityConfig, Role, value::Values};
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
    /// How the log is written.
    pub log: LogFormat,
    /// Who compares the emoji of those who verify the bot.
    pub confirm: Confirm,
}

/// Who compares the emoji of those who verify the bot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Confirm {
    /// A person, who says so on the bot's side.
    #[default]
    Ask,
    /// Nobody: the bot says yes to all who may command.
    Auto,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// A line of text for each event.
    #[default]
    Text,
    /// A JSON object for each event.
    Json,
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
    pub trusted_proxies: Vec<IpNet>,
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
    pub fn from_env() -> Result<Self, ConfigErrors> {
        Self::from_raw(&|name| std::env::var_os(name))
    }

    /// Reads what `lookup` says of each variable.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        Self::from_raw(&|name| lookup(name).map(OsString::from))
    }

    /// The same, of values that need not be text.
    fn from_raw(lookup: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, ConfigErrors> {
        let values = Values::new(lookup);
        let config = read(&values);
        match (config, values.wrong()) {
            (Some(config), wrong) if wrong.is_empty() => Ok(config),
            (_, wrong) => Err(ConfigErrors(wrong)),
        }
    }

    /// The identities the process runs.
    pub fn roles(&self) -> Vec<Role> {
        let mut roles = vec![Role::Approver];
        roles.extend(self.onboarding.as_ref().map(|_| Role::Onboarding));
        roles
    }
}

/// Reads every variable; `None` where something is missing without which there is nothing to go on with. What is wrong is with `values`.
fn read(values: &Values<'_>) -> Option<Config> {
    let hs_accepted = "the homeserver's base URL, http://… or https://…";
    let homeserver = values.required("HS", hs_accepted, values.base_url("HS", hs_accepted));
    let public = values.base_url("HS_PUBLIC", "a base URL, http://… or https://…");
    let flow = flow(values);
    let (rate, breaker) = limits(values);
    let initial_codes = values.codes("INITIAL_CODES", "INITIAL_CODES_PATH");
    let initial_signup_codes = values.codes("INITIAL_SIGNUP_CODES", "INITIAL_SIGNUP_CODES_PATH");
    let http_port = values.number("HTTP_PORT", "a port from 1 to 65535", 1..=u16::MAX, 8001);
    let log = values.log("LOG_FORMAT");
    let confirm = values.confirm("VERIFICATION_CONFIRM");
    let data_dir = PathBuf::from(values.text("DATA_DIR").unwrap_or_else(|| "/data".to_owned()));
    let registration_token = values.secret_text("CONDUWUIT_REGISTRATION_TOKEN", "CONDUWUIT_REGISTRATION_TOKEN_PATH");
    let server_name = values.server("SERVER_NAME").map(|name| name.to_string());
    let (approver, onboarding) = identities(values, homeserver.as_ref(), &data_dir);
    let homeserver = homeserver?;
    let public = public.as_ref().unwrap_or(&homeserver);
    Some(Config {
        public: public.as_str().trim_end_matches('/').to_owned(),
        approver: approver?,
        onboarding,
        registration_token,
        server_name,
        initial_codes,
        initial_signup_codes,
        http_port,
        rate,
        flow: flow?,
        breaker,
        log,
        confirm,
        homeserver,
        data_dir,
    })
}

fn limits(values: &Values<'_>) -> (RateConfig, BreakerConfig) {
    let calls = "calls a minute, 0 = no limit";
    let rate = RateConfig {
        per_minute: values.number("HTTP_RATE_PER_MINUTE", calls, 0..=1_000_000, 60),
        trusted_proxies: values.networks("TRUSTED_PROXIES"),
    };
    let breaker = BreakerConfig {
        messages: values.number("BREAKER_MAX_MESSAGES", "a number from 1", 1..=1_000_000, 300),
        window: values.seconds("BREAKER_WINDOW_SEC", 60),
    };
    (rate, breaker)
}

/// Both identities, the second where it has a token or a password file. Two that would be one account are refused: each would end the
/// other's sessions, for ever.
fn identities(
    values: &Values<'_>,
    homeserver: Option<&Url>,
    data_dir: &Path,
) -> (Option<IdentityConfig>, Option<IdentityConfig>) {
    let identity = |role: Role, username, token, password: &'static str| {
        let (username, token, password) = (values.text(username), values.text(token), values.text(password));
        Some(IdentityConfig {
            role,
            homeserver: homeserver?.clone(),
            username,
            env_token: token.map(Secret::new),
            password_path: password.map_or_else(
                || data_dir.join(format!("{}_password", role.file_stem())),
                PathBuf::from,
            ),
            data_dir: data_dir.to_owned(),
        })
    };
    let approver = identity(Role::Approver, "APPROVER_USERNAME", "MATRIX_TOKEN", "SR2_PASSWORD_PATH");
    let onboarding = identity(
        Role::Onboarding,
        "ONBOARDING_USERNAME",
        "ONBOARDING_BOT_TOKEN",
        "ONBOARDING_BOT_PASSWORD_PATH",
    );
    let onboarding = onboarding.filter(|identity| identity.env_token.is_some() || identity.password_path.exists());
    if let (Some(first), Some(second)) = (&approver, &onboarding) {
        // As people write it: with or without sigil and server. Without one, a token says who it is, and that shows later.
        let name = |identity: &IdentityConfig| {
            let default = identity.role.default_localpart();
            let default = Some(default).filter(|_| identity.env_token.is_none());
            let name = identity.username.as_deref().or(default)?;
            let localpart = name.trim_start_matches('@').split(':').next();
            localpart.map(str::to_lowercase)
        };
        if first.env_token.is_some() && first.env_token == second.env_token {
            let problem = "the token is that of MATRIX_TOKEN: both identities would be one account";
            values.complain("ONBOARDING_BOT_TOKEN", problem, "the token of another account, or none");
        } else if let Some(same) = name(first).filter(|first| Some(first) == name(second).as_ref()) {
            let problem = format!("`{same}` is the name of the approver: both identities would be one account");
            values.complain(
                "ONBOARDING_USERNAME",
                problem,
                "the localpart of another account than APPROVER_USERNAME's",
            );
        }
    }
    (approver, onboarding)
}

fn flow(values: &Values<'_>) -> Option<FlowConfig> {
    let tries = "tries: a number from 1 to 1000";
    let space_accepted = "the space's room id: !opaque:server, or !opaque as of room version 12";
    let space = values.required("SPACE_ID", space_accepted, values.room("SPACE_ID"));
    // Where the space is missing the others are read all the same, for what is wrong with them.
    let stand_in = || RoomId::parse("!space").ok();
    let space_or = space.clone().or_else(stand_in)?;
    let command_room = values.room("ADMIN_COMMAND_ROOM").unwrap_or_else(|| space_or.clone());
    let feed_room = values.room("FEED_ROOM").unwrap_or_else(|| command_room.clone());
    let challenge_url = values.url("CHALLENGE_URL", "a URL that answers with an article's summary");
    let flow = FlowConfig {
        children: values.rooms("SPACE_CHILD_IDS"),
        inviter: values.user("ONBOARDING_INVITER_MXID"),
        vetting_timeout: values.seconds("VETTING_TIMEOUT_SEC", 7200),
        vetting_tries: values.number("VETTING_MAX_TRIES", tries, 1..=1000, 3),
        lobby_timeout: values.seconds("LOBBY_TIMEOUT_SEC", 7200),
        lobby_tries: values.number("LOBBY_MAX_TRIES", tries, 1..=1000, 3),
        challenge_delay: values.seconds("LOBBY_CHALLENGE_DELAY_SEC", 5),
        resend_after: values.seconds("LOBBY_RESEND_AFTER_SEC", 120),
        welcome_uses: values.number("LOBBY_WELCOME_CODE_USES", "uses: a number from 0 to 1000", 0..=1000, 10),
        welcome_doc: values.text("LOBBY_WELCOME_DOC_URL"),
        alias_prefix: values
            .alias_prefix("LOBBY_ALIAS_PREFIX")
            .unwrap_or_else(|| "shape-rotator-lobby-".to_owned()),
        admin_power: values.number(
            "ADMIN_PL_THRESHOLD",
            "a power level: a whole number",
            i64::MIN..=i64::MAX,
            50,
        ),
        admins: values.users("ADMIN_ALLOWLIST"),
        notify_room: values.room("OPERATOR_NOTIFY_ROOM").unwrap_or_else(|| feed_room.clone()),
        community: values
            .text("COMMUNITY_NAME")
            .unwrap_or_else(|| "shape rotator".to_owned()),
        challenge_url: challenge_url.or_else(|| Url::parse(CHALLENGE_URL).ok())?,
        space: space_or,
        command_room,
        feed_room,
    };
    space.map(|_| flow)
}

#[cfg(test)]
mod tests;
