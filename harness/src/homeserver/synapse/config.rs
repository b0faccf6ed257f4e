use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::{Map, Value, json};

use crate::homeserver::{Options, secret};

/// A generated `homeserver.yaml` (JSON is YAML) and the two files it points at.
pub(crate) struct Config {
    homeserver_yaml: String,
    log_yaml: String,
    signing_key: String,
    pub(crate) shared_secret: String,
}

/// Where the files will be and where the server listens.
pub(crate) struct Paths<'a> {
    /// The folder that holds everything, as the server sees it.
    pub(crate) data: &'a Path,
    pub(crate) address: &'a str,
    pub(crate) port: u16,
}

impl Config {
    pub(crate) const HOMESERVER_YAML: &'static str = "homeserver.yaml";
    const LOG_YAML: &'static str = "log.yaml";
    const SIGNING_KEY: &'static str = "signing.key";

    pub(crate) fn new(options: &Options, paths: &Paths<'_>) -> Self {
        let shared_secret = secret();
        let mut settings = settings(options, paths, &shared_secret);
        if !options.rate_limits {
            settings.extend(no_rate_limits());
        }
        for (key, value) in &options.settings {
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.clone()));
            settings.insert(key.clone(), value);
        }
        Self {
            homeserver_yaml: format!("{:#}", Value::Object(settings)),
            log_yaml: format!("{:#}", logging()),
            signing_key: format!("ed25519 a_kp {}\n", STANDARD_NO_PAD.encode(rand::random::<[u8; 32]>())),
            shared_secret,
        }
    }

    /// The files, by their paths in a folder.
    pub(crate) fn files(&self, data: &Path) -> Vec<(String, String)> {
        [
            (Self::HOMESERVER_YAML, &self.homeserver_yaml),
            (Self::LOG_YAML, &self.log_yaml),
            (Self::SIGNING_KEY, &self.signing_key),
        ]
        .into_iter()
        .map(|(name, content)| (data.join(name).display().to_string(), content.clone()))
        .collect()
    }
}

/// A small Synapse that starts fast: one client listener, SQLite, no federation, nothing in the background that tests do not see.
fn settings(options: &Options, paths: &Paths<'_>, shared_secret: &str) -> Map<String, Value> {
    let in_data = |name: &str| paths.data.join(name).display().to_string();
    let settings = json!({
        "server_name": options.server_name,
        "listeners": [{
            "port": paths.port,
            "bind_addresses": [paths.address],
            "type": "http",
            "resources": [{ "names": ["client"], "compress": false }],
        }],
        "database": { "name": "sqlite3", "args": { "database": in_data("homeserver.db") } },
        "log_config": in_data(Config::LOG_YAML),
        "media_store_path": in_data("media"),
        "signing_key_path": in_data(Config::SIGNING_KEY),
        "pid_file": in_data("homeserver.pid"),
        "macaroon_secret_key": secret(),
        "form_secret": secret(),
        "registration_shared_secret": shared_secret,
        "enable_registration": true,
        "registration_requires_token": true,
        "report_stats": false,
        "suppress_key_server_warning": true,
        "trusted_key_servers": [],
        "federation_domain_whitelist": [],
        "allow_public_rooms_over_federation": false,
        "bcrypt_rounds": 4,
        "presence": { "enabled": false },
        "stats": { "enabled": false },
        "user_directory": { "enabled": false },
        "url_preview_enabled": false,
        "push": { "enabled": false },
        // A fresh database lacks indexes until the background updates have made them; before that, reactivating an account
        // answers 500. Nothing here needs them to be gentle.
        "background_updates": { "sleep_enabled": false },
        "caches": { "global_factor": 0.2 },
        // A new database is finished in the background, one second a step by default; see SynapseOperator::settle.
        "background_updates": { "sleep_enabled": false },
    });
    match settings {
        Value::Object(settings) => settings,
        _ => Map::new(),
    }
}

fn no_rate_limits() -> Map<String, Value> {
    let free = json!({ "per_second": 100_000, "burst_count": 100_000 });
    let mut limits = Map::new();
    for name in [
        "rc_message",
        "rc_registration",
        "rc_registration_token_validity",
        "rc_admin_redaction",
        "rc_joins_per_room",
        "rc_key_requests",
        "rc_3pid_validation",
        "rc_third_party_invite",
        "rc_media_create",
        "rc_delayed_event_mgmt",
        "rc_room_creation",
        "rc_reports",
        "rc_user_directory",
        "rc_profile",
    ] {
        limits.insert(name.to_owned(), free.clone());
    }
    limits.insert(
        "rc_login".to_owned(),
        json!({ "address": free, "account": free, "failed_attempts": free }),
    );
    limits.insert("rc_joins".to_owned(), json!({ "local": free, "remote": free }));
    limits.insert(
        "rc_invites".to_owned(),
        json!({ "per_room": free, "per_user": free, "per_issuer": free }),
    );
    limits.insert("rc_presence".to_owned(), json!({ "per_user": free }));
    limits
}

/// Everything to stderr: the driver collects it.
fn logging() -> Value {
    json!({
        "version": 1,
        "formatters": { "line": { "format": "%(asctime)s %(levelname)s %(name)s %(request)s %(message)s" } },
        "handlers": { "stderr": { "class": "logging.StreamHandler", "formatter": "line" } },
        "root": { "level": "INFO", "handlers": ["stderr"] },
        "disable_existing_loggers": false,
    })
}
