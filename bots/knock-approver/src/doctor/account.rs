//! One identity's account: its password, token, device, keys, trust and backup.

use std::{fs, io::ErrorKind};

use matrix_sdk::ruma::{
    UserId,
    events::{EventContentFromType, secret_storage::key::SecretStorageKeyEventContent},
};
use matrix_sdk_crypto::secret_storage::SecretStorageKey;
use serde_json::{Value, value::to_raw_value};

use super::{
    Finding, Patient,
    signed::{is_signed_by, key_of},
};
use crate::{
    config::IdentityConfig,
    crypto::{OpenStores, Stores},
    finding::of,
    healing::{Class, Expected, Local, Verdict, continuity},
    identity::keeping,
    secret::Secret,
    session::{Healer, KeysAnswer, Server},
    vault::{Vault, VaultError},
};

/// Looks at everything of an identity; the identity itself where its token lives.
pub(super) async fn examine<'a>(
    config: &'a IdentityConfig,
    server: &Server,
    findings: &mut Vec<Finding>,
) -> Option<Patient<'a>> {
    let healer = Healer::new(&keeping(config), server.clone());
    findings.push(password(config, &healer));
    findings.extend(session(config));
    let (token, patient) = token(config, server, &healer).await;
    findings.push(token);
    let patient = patient?;
    findings.push(devices(&patient, server).await);
    findings.push(keys(&patient, server).await);
    findings.push(trust(&patient, server).await);
    findings.push(backup(&patient, server).await);
    findings.push(escrow(&patient));
    Some(patient)
}

fn password(config: &IdentityConfig, healer: &Healer) -> Finding {
    let what = of(config.role, "password");
    let file = healer.password_source();
    let user = match expected(config, healer) {
        Ok(Expected::Localpart(localpart)) => localpart,
        Ok(Expected::User(user)) => user.localpart().to_owned(),
        Ok(Expected::Anyone) | Err(_) => config.role.default_localpart().to_owned(),
    };
    let cure = format!("write the password of {user} into {} (mode 0600)", file.place());
    match (file.read(), file.problem()) {
        (Some(_), _) => Finding::well(what, format!("{} has one (not tried here)", file.place())),
        (None, Some(problem)) => Finding::broken(what, format!("{}: {problem}", file.place()), cure),
        (None, None) => Finding::weak(
            what,
            format!("there is no {}: a token that dies cannot be replaced", file.place()),
            cure,
        ),
    }
}

/// Whose token is wanted. As the healer has it, which puts files of no use aside; here nothing is changed.
fn expected(config: &IdentityConfig, healer: &Healer) -> Result<Expected, VaultError> {
    let vault = keeping(config).vault();
    match (vault.identity(), session_problem(&vault)) {
        _ if config.username.is_some() => healer.expected(),
        (Ok(Some(user)), _) => Ok(Expected::User(user)),
        (Ok(None), Some(_)) => Ok(Expected::Anyone),
        (Ok(None), None) => healer.expected(),
        (Err(error), Some(_)) => Err(error),
        (Err(error), None) => match vault.session()?.and_then(|saved| saved.user) {
            Some(user) => Ok(Expected::User(user)),
            None => Err(error),
        },
    }
}

/// Something to be said of the session file; `None` where there is none, or a good one.
fn session(config: &IdentityConfig) -> Option<Finding> {
    let vault = keeping(config).vault();
    let problem = session_problem(&vault)?;
    Some(Finding::weak(
        of(config.role, "saved session"),
        format!("{}: {problem}", vault.path(SESSION).display()),
        "restore the file from a backup; or leave it to the bot, which puts it aside and logs in with the password",
    ))
}

const SESSION: &str = "session.json";

/// What is wrong with the session file, without touching it.
fn session_problem(vault: &Vault) -> Option<String> {
    let text = match fs::read_to_string(vault.path(SESSION)) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => return Some(format!("it cannot be read ({error})")),
    };
    // With a byte order mark it is as good.
    let session: Option<Value> = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok();
    let is_whole = session.is_some_and(|session| {
        let text = |key: &str| session[key].as_str();
        let user = text("user_id").and_then(|user| UserId::parse(user).ok());
        user.is_some() && text("device_id").is_some() && text("access_token").is_some()
    });
    (!is_whole).then(|| "nobody can make sense of it".to_owned())
}

async fn token<'a>(config: &'a IdentityConfig, server: &Server, healer: &Healer) -> (Finding, Option<Patient<'a>>) {
    let what = of(config.role, "token");
    let expected = match expected(config, healer) {
        Ok(expected) => expected,
        Err(error) => {
            let finding = Finding::broken(what, error.to_string(), "see that the file can be read");
            return (finding, None);
        }
    };
    let saved = saved_token(config).map(|token| ("the saved session", token));
    let env = config.env_token.clone().map(|token| ("the environment's token", token));
    let mut seen = Vec::new();
    for (name, token) in saved.into_iter().chain(env) {
        match server.whoami(&token, &expected).await {
            Class::Alive { user, device } => {
                let on = device
                    .as_ref()
                    .map_or_else(String::new, |device| format!(" on device {device}"));
                let finding = Finding::well(what, format!("{name} lives: {user}{on}"));
                let patient = Patient {
                    config,
                    user,
                    device,
                    token,
                };
                return (finding, Some(patient));
            }
            Class::WrongUser { user, .. } => seen.push(format!("{name} is {user}'s")),
            Class::Dead => seen.push(format!("{name} is dead")),
            class => seen.push(format!("{name}: {}", crate::session::describe(&class))),
        }
    }
    if seen.is_empty() {
        seen.push("there is none yet".to_owned());
    }
    (no_token(what, &seen.join(", "), &expected, healer), None)
}

/// The saved session's token. The vault puts a file that nobody can make sense of aside, and here nothing is changed.
fn saved_token(config: &IdentityConfig) -> Option<Secret> {
    let vault = keeping(config).vault();
    match session_problem(&vault) {
        Some(_) => None,
        None => vault.session().ok().flatten()?.token,
    }
}

fn no_token(what: String, seen: &str, expected: &Expected, healer: &Healer) -> Finding {
    let cure = match healer.password_source().read() {
        Some(_) => "start the bot: it logs in with the password".to_owned(),
        None => format!("write the account's password into {}", healer.password_source().place()),
    };
    let wanted = match expected {
        Expected::Anyone => String::new(),
        Expected::Localpart(localpart) => format!(" (wanted: {localpart})"),
        Expected::User(user) => format!(" (wanted: {user})"),
    };
    Finding::broken(what, format!("{seen}{wanted}"), cure)
}

async fn devices(patient: &Patient<'_>, server: &Server) -> Finding {
    let what = of(patient.config.role, "devices");
    let Some(devices) = server.devices(&patient.token).await else {
        return Finding::weak(what, "the homeserver did not list them", "ask again");
    };
    let others: Vec<&str> = devices
        .iter()
        .filter(|(device, namesake)| *namesake && patient.device.as_ref() != Some(device))
        .map(|(device, _)| device.as_str())
        .collect();
    if others.is_empty() {
        Finding::well(what, "none is left over")
    } else {
        Finding::weak(
            what,
            format!("left over, or another copy's: {}", others.join(", ")),
            "see that no other copy of the bot runs and that the password file holds the right password: those that this data \
             directory made are then removed by themselves",
        )
    }
}

async fn keys(patient: &Patient<'_>, server: &Server) -> Finding {
    let what = of(patient.config.role, "device keys");
    let Some(device) = &patient.device else {
        return Finding::broken(
            what,
            "the homeserver names no device for the token",
            "log in with the password",
        );
    };
    let handed_out = match server.device_keys(&patient.token, &patient.user, device).await {
        KeysAnswer::Keys(curve, ed) => Some((curve, ed)),
        KeysAnswer::None => None,
        KeysAnswer::Dead => return Finding::broken(what, "the token died meanwhile", "ask again"),
        KeysAnswer::Unknown(_, why) => return Finding::weak(what, format!("not known: {why}"), "ask again"),
    };
    let verdict = match local(patient, device).await {
        Ok(local) => continuity(&local, handed_out.as_ref()),
        Err(why) => return Finding::broken(what, why, "restore the file that the message names"),
    };
    let cure = "see that the password file holds the right password and restart: the bot then takes a new device";
    match verdict {
        Verdict::Same => Finding::well(what, "the homeserver hands out those of the local store"),
        Verdict::FirstUse => Finding::well(what, "not published yet: the bot does so when it starts"),
        Verdict::KeysGone => Finding::broken(
            what,
            "the homeserver has none any more: encrypted messages miss the bot",
            cure,
        ),
        Verdict::KeysDiffer => Finding::broken(
            what,
            "the homeserver hands out others: encrypted messages miss the bot",
            cure,
        ),
        Verdict::StoreOutdated => Finding::broken(what, "the local store is an older copy", cure),
        Verdict::StoreLost => Finding::broken(what, "the local store is gone", cure),
        Verdict::StoreUnreadable => Finding::broken(what, "the local store cannot be opened", cure),
    }
}

/// What the local store says; without one, none is made for the asking.
async fn local(patient: &Patient<'_>, device: &matrix_sdk::ruma::DeviceId) -> Result<Local, String> {
    match stores(patient)? {
        None => Ok(Local::Missing),
        Some(stores) => {
            let local = stores.local(device, &mut OpenStores::default()).await;
            local.map_err(|error| error.to_string())
        }
    }
}

/// The stores, unless there have never been any.
fn stores(patient: &Patient<'_>) -> Result<Option<Stores>, String> {
    let vault = keeping(patient.config).vault();
    for name in ["store_key", "escrow_passphrase"] {
        // Whoever opens the stores makes a new one where there is none, or one of no use: here nothing is changed.
        let path = vault.path(name);
        match fs::read_to_string(&path) {
            Ok(text) if text.trim().is_empty() => return Err(format!("{} is empty", path.display())),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{} cannot be read ({error})", path.display())),
        }
    }
    let stores = Stores::new(patient.config.role.into(), &patient.user, &vault);
    stores.map(Some).map_err(|error| error.to_string())
}

async fn trust(patient: &Patient<'_>, server: &Server) -> Finding {
    let what = of(patient.config.role, "cross-signing");
    let Class::Done(answer) = server.own_keys(&patient.token, &patient.user).await else {
        return Finding::weak(what, "the homeserver did not hand out the keys", "ask again");
    };
    let user = patient.user.as_str();
    let (master, signing) = (&answer["master_keys"][user], &answer["self_signing_keys"][user]);
    let device = patient
        .device
        .as_ref()
        .map_or(&Value::Null, |device| &answer["device_keys"][user][device.as_str()]);
    let restart = "see that the password and the recovery key are in their files and restart the bot";
    if key_of(master).is_none() || key_of(signing).is_none() {
        return Finding::weak(what, "the account has no cross-signing identity", restart);
    }
    match is_signed_by(signing, &patient.user, master) && is_signed_by(device, &patient.user, signing) {
        true => Finding::well(what, "the device is signed by its owner"),
        false => Finding::weak(what, "other people's clients show the device as unverified", restart),
    }
}

async fn backup(patient: &Patient<'_>, server: &Server) -> Finding {
    let what = of(patient.config.role, "key backup");
    let vault = keeping(patient.config).vault();
    let restart = "see that the password is in its file and restart the bot";
    let version = match server.get(&patient.token, &["room_keys", "version"]).await {
        Class::Done(version) => version,
        Class::Other { status: 404, .. } => return Finding::weak(what, "the account has none", restart),
        class => {
            return Finding::weak(
                what,
                format!("not known: {}", crate::session::describe(&class)),
                "ask again",
            );
        }
    };
    let path = vault.path("recovery_key");
    let cure = format!(
        "put the account's recovery key into {} (mode 0600) and restart",
        path.display()
    );
    let key = match vault.recovery_key() {
        Ok(Some(key)) => key,
        Ok(None) => return Finding::weak(what, format!("there is no recovery key in {}", path.display()), cure),
        Err(error) => return Finding::weak(what, error.to_string(), cure),
    };
    match opens(&key, patient, server).await {
        Ok(()) => Finding::well(
            what,
            format!(
                "{} keys, and the recovery key opens the account's secret storage",
                version["count"]
            ),
        ),
        Err(why) => Finding::weak(what, why, cure),
    }
}

/// Whether the recovery key opens the account's secret storage.
async fn opens(key: &Secret, patient: &Patient<'_>, server: &Server) -> Result<(), String> {
    let data = async |kind: &str| {
        let path = ["user", patient.user.as_str(), "account_data", kind];
        match server.get(&patient.token, &path).await {
            Class::Done(content) => Ok(content),
            class => Err(format!("{kind}: {}", crate::session::describe(&class))),
        }
    };
    let default = data("m.secret_storage.default_key").await?;
    let id = default["key"]
        .as_str()
        .ok_or("the account names no default key of its secret storage")?;
    let kind = format!("m.secret_storage.key.{id}");
    let wrong = |error: serde_json::Error| format!("{kind} reads badly: {error}");
    let content = to_raw_value(&data(&kind).await?).map_err(wrong)?;
    let content = SecretStorageKeyEventContent::from_parts(&kind, &content).map_err(wrong)?;
    match SecretStorageKey::from_account_data(key.expose(), content) {
        Ok(_) => Ok(()),
        // The cause is not repeated: it may hold a part of what was typed.
        Err(_) => Err("the recovery key does not open the account's secret storage".to_owned()),
    }
}

fn escrow(patient: &Patient<'_>) -> Finding {
    let what = of(patient.config.role, "escrow");
    let stores = match stores(patient) {
        Ok(Some(stores)) => stores,
        Ok(None) => return Finding::well(what, "none yet: the first start makes it"),
        Err(why) => return Finding::broken(what, why, "restore the file that the message names"),
    };
    match stores.escrow().read() {
        Ok(Some(keys)) => Finding::well(what, format!("{} room keys", keys.len())),
        Ok(None) => Finding::well(what, "none yet: it is written within a minute of the start"),
        Err(error) => Finding::broken(what, error.to_string(), "until then no old device or store is removed"),
    }
}
