//! This machine, and the way to the homeserver.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use rusqlite::{Connection, OpenFlags};
use rustix::fs::{Access, access};

use super::Finding;
use crate::{config::Config, healing::Class, session::Server, storage::Store, vault::DataDirLock};

/// Whoever is not the owner can do something with the file.
const OTHERS: u32 = 0o077;

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = vec![Finding::well(
        "configuration",
        format!("every variable reads well; data in {}", config.data_dir.display()),
    )];
    let directory = data_dir(&config.data_dir);
    let usable = directory.standing() != super::Standing::Broken;
    findings.push(directory);
    if usable {
        findings.extend([
            open_files(&config.data_dir),
            database(&config.data_dir),
            process(config).await,
        ]);
    }
    findings.push(signup(config));
    findings
}

pub(super) async fn homeserver(config: &Config, server: &Server) -> Finding {
    const WHAT: &str = "homeserver";
    let cure = "see that the homeserver runs and that HS is its base URL";
    match server.versions().await {
        Class::Done(answer) if answer.get("versions").is_some_and(serde_json::Value::is_array) => {
            Finding::well(WHAT, format!("{} answers", config.homeserver))
        }
        Class::Unreachable(why) => Finding::broken(WHAT, format!("{}: {why}", config.homeserver), cure),
        Class::Limited(_) => Finding::well(WHAT, format!("{} answers, and limits requests", config.homeserver)),
        _ => Finding::broken(
            WHAT,
            format!("what answers at {} is no homeserver", config.homeserver),
            cure,
        ),
    }
}

fn data_dir(path: &Path) -> Finding {
    const WHAT: &str = "data directory";
    let all = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    match fs::metadata(path) {
        Ok(found) if !found.is_dir() => Finding::broken(
            WHAT,
            format!("{} is no directory", path.display()),
            "set DATA_DIR to a directory",
        ),
        Ok(_) => match access(path, all) {
            Ok(()) => Finding::well(WHAT, format!("{} can be written", path.display())),
            Err(error) => Finding::broken(
                WHAT,
                format!("{}: {error}", path.display()),
                "give it to the user that the bot runs as",
            ),
        },
        Err(error) => Finding::broken(
            WHAT,
            format!("{}: {error}", path.display()),
            "make the directory, or set DATA_DIR to where the bot's data is",
        ),
    }
}

/// Files that anybody but the owner can read.
fn open_files(data_dir: &Path) -> Finding {
    const WHAT: &str = "secrets";
    let secret = |name: &str| {
        [
            "_session.json",
            "_store_key",
            "_escrow_passphrase",
            "_recovery_key",
            "_password",
            "_token",
        ]
        .iter()
        .any(|end| name.ends_with(end))
    };
    let open: Vec<String> = fs::read_dir(data_dir)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| secret(&entry.file_name().to_string_lossy()))
        .filter(|entry| {
            entry
                .metadata()
                .is_ok_and(|found| found.permissions().mode() & OTHERS != 0)
        })
        .map(|entry| entry.path().display().to_string())
        .collect();
    if open.is_empty() {
        Finding::well(WHAT, "no file with a secret is open to other users of this machine")
    } else {
        let files = open.join(" ");
        Finding::weak(
            WHAT,
            "other users of this machine can read some",
            format!("chmod 600 {files}"),
        )
    }
}

fn database(data_dir: &Path) -> Finding {
    const WHAT: &str = "database";
    let path = data_dir.join(Store::FILE);
    if !path.exists() {
        return Finding::well(WHAT, "none yet: the first start makes it");
    }
    let checked = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .and_then(|database| database.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0)));
    let cure = format!("stop the bot and restore {} from a backup", path.display());
    match checked.as_deref() {
        Ok("ok") => Finding::well(WHAT, format!("{} is whole", path.display())),
        Ok(damage) => Finding::broken(WHAT, format!("{} is damaged: {damage}", path.display()), cure),
        Err(error) => Finding::broken(WHAT, format!("{}: {error}", path.display()), cure),
    }
}

/// Whether a bot runs on this data directory, and how it says it is.
async fn process(config: &Config) -> Finding {
    const WHAT: &str = "process";
    match DataDirLock::is_taken(&config.data_dir) {
        Ok(true) => {}
        Ok(false) => {
            return Finding::weak(
                WHAT,
                "no bot runs on this data directory",
                "start it: knock-approver run",
            );
        }
        Err(error) => return Finding::broken(WHAT, error.to_string(), "see that the lock file can be read"),
    }
    let url = format!("http://127.0.0.1:{}/ready", config.http_port);
    let cure = "read its log; `knock-approver status` shows what it needs";
    match reqwest::get(url).await {
        Ok(answer) if answer.status().is_success() => Finding::well(WHAT, "a bot runs, and every identity serves"),
        Ok(answer) if answer.status() == 503 => {
            Finding::broken(WHAT, "a bot runs, but not every identity serves", cure)
        }
        Ok(answer) => Finding::broken(
            WHAT,
            format!(
                "/ready on port {} answers HTTP {}",
                config.http_port,
                answer.status().as_u16()
            ),
            "see that HTTP_PORT is the bot's, here as there",
        ),
        Err(_) => Finding::broken(
            WHAT,
            format!(
                "a bot has the data directory, but nothing answers on port {}",
                config.http_port
            ),
            "see that HTTP_PORT is the bot's, here as there",
        ),
    }
}

fn signup(config: &Config) -> Finding {
    const WHAT: &str = "signup";
    if config.registration_token.is_some() {
        Finding::well(
            WHAT,
            "a registration token is set (whether the server takes it shows at the first signup)",
        )
    } else {
        Finding::weak(
            WHAT,
            "no registration token: /signup/api answers 503",
            "set CONDUWUIT_REGISTRATION_TOKEN to the homeserver's registration token",
        )
    }
}
