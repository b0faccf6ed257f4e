//! This machine, and the way to the homeserver.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

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

/// Names of files with secrets in them: tokens, keys, live codes.
const SECRET: [&str; 11] = [
    "_session.json",
    "_store_key",
    "_escrow_passphrase",
    "_recovery_key",
    "_password",
    "_token",
    "codes.json",
    ".sqlite",
    ".sqlite-wal",
    ".sqlite-shm",
    ".sqlite3",
];

/// Files that anybody but the owner can read.
fn open_files(data_dir: &Path) -> Finding {
    const WHAT: &str = "secrets";
    let secrets: Vec<PathBuf> = files(data_dir, 4)
        .into_iter()
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            SECRET.iter().any(|end| name.ends_with(end)) || name.contains(".sqlite.damaged-")
        })
        .collect();
    let is_open = |path: &&PathBuf| fs::metadata(path).is_ok_and(|found| found.permissions().mode() & OTHERS != 0);
    let open: Vec<String> = secrets
        .iter()
        .filter(is_open)
        .map(|path| path.display().to_string())
        .collect();
    if open.is_empty() {
        let seen = format!(
            "none of {} is open to other users of this machine",
            count(secrets.len(), "file")
        );
        Finding::well(WHAT, seen)
    } else {
        let seen = format!(
            "other users of this machine can read {} of {}",
            open.len(),
            count(secrets.len(), "file")
        );
        Finding::weak(WHAT, seen, format!("chmod 600 {}", open.join(" ")))
    }
}

/// The files of a folder and of those in it, to some depth.
fn files(folder: &Path, depth: u32) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut found = Vec::new();
    for entry in entries {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => found.extend(files(&entry.path(), depth - 1)),
            Ok(kind) if !kind.is_dir() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn database(data_dir: &Path) -> Finding {
    const WHAT: &str = "database";
    let path = data_dir.join(Store::FILE);
    if !path.exists() {
        return Finding::well(WHAT, "none yet: the first start makes it");
    }
    let number = |database: &Connection, question: &str| database.query_row(question, [], |row| row.get::<_, usize>(0));
    let checked = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).and_then(|database| {
        let check = database.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))?;
        if check != "ok" {
            return Ok(Err(check));
        }
        let codes = number(
            &database,
            "SELECT count(*) FROM code WHERE uses_remaining > 0 AND revoked = 0",
        )?;
        let waiting = number(
            &database,
            "SELECT (SELECT count(*) FROM inbox WHERE done IS NULL) + (SELECT count(*) FROM outbox WHERE done IS NULL)",
        )?;
        Ok(Ok((codes, waiting)))
    });
    let cure =
        "restart the bot: it puts the file aside and begins a new one; or stop it and restore the file from a backup";
    let damaged =
        |why: &dyn std::fmt::Display| Finding::broken(WHAT, format!("{} is damaged: {why}", path.display()), cure);
    let (codes, waiting) = match checked {
        Ok(Ok(counted)) => counted,
        Ok(Err(why)) => return damaged(&why),
        Err(error) => return damaged(&error),
    };
    let whole = format!(
        "{} is whole: {} that can be used, {} waiting to be done",
        path.display(),
        count(codes, "code"),
        count(waiting, "thing")
    );
    match Store::asides(data_dir).as_slice() {
        [] => Finding::well(WHAT, whole),
        asides => {
            let names: Vec<String> = asides.iter().map(|aside| aside.display().to_string()).collect();
            Finding::weak(
                WHAT,
                format!("{whole}; an earlier one was damaged and is kept in {}", names.join(" ")),
                "see what is to be saved from those files, move them away and restart the bot",
            )
        }
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
