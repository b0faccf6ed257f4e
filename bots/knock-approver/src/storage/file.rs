//! The database's files: opened where they are whole, and put aside, never removed, where they are not.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{StoreError, schema};

/// For nobody but the owner: there are live codes in it.
const MODE: u32 = 0o600;
/// How long another program's transaction is waited for.
const BUSY: Duration = Duration::from_secs(10);
/// How files that were put aside go on after their name.
const ASIDE: &str = ".damaged-";
/// How a write-ahead log begins (SQLite, "Database File Format", section 4.1), in either byte order.
const LOG_BEGINS: [[u8; 4]; 2] = [[0x37, 0x7f, 0x06, 0x82], [0x37, 0x7f, 0x06, 0x83]];

/// The database and what lies beside it: the write-ahead log, and the index to that.
fn parts(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|end| with_end(path, end))
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(end);
    path.with_file_name(name)
}

/// Opens the database, making and migrating it where needed.
///
/// # Errors
///
/// [`StoreError::Damaged`] for what only putting aside helps against, otherwise what is in the way.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let damaged = |why: String| StoreError::Damaged {
        path: path.to_owned(),
        why,
    };
    let failed = |source: rusqlite::Error| match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => damaged("it is no database".to_owned()),
        _ if is_damage(&source) => damaged(source.to_string()),
        code => StoreError::Open {
            path: path.to_owned(),
            why: source.to_string(),
            step: step(code, path),
        },
    };
    if let Some(part) = parts(path).iter().find(|part| part.is_dir()) {
        return Err(damaged(format!("{} is a directory", part.display())));
    }
    let log = with_end(path, "-wal");
    if !may_be_log(&log) {
        return Err(damaged(format!("{} is no write-ahead log", log.display())));
    }
    close_to_others(path).map_err(|error| StoreError::Open {
        path: path.to_owned(),
        why: error.to_string(),
        step: step(None, path),
    })?;
    let mut connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    let found = schema::version(&connection).map_err(failed)?;
    if found > schema::NEWEST {
        let (path, known) = (path.to_owned(), schema::NEWEST);
        return Err(StoreError::Newer { path, found, known });
    }
    let check = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    match check.map_err(failed)?.as_str() {
        "ok" => {}
        damage => return Err(damaged(damage.to_owned())),
    }
    if found == 0 && !schema::tables(&connection).map_err(failed)?.is_empty() {
        return Err(damaged("it is another program's".to_owned()));
    }
    prepare(&mut connection).map_err(failed)?;
    let missing = schema::missing(&connection).map_err(failed)?;
    if !missing.is_empty() {
        return Err(damaged(format!("it lacks {}", missing.join(", "))));
    }
    // SQLite makes the others like the database; those that lay there before it may be open to others.
    parts(path).iter().filter(|part| part.exists()).for_each(mend);
    Ok(connection)
}

/// Whether what is in the file is the trouble.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// What the operator does about a transaction that failed, where the machine is the reason.
pub(super) fn advice(error: &rusqlite::Error) -> Option<String> {
    let path = Path::new("DATA_DIR").join(super::Store::FILE);
    match error.sqlite_error_code()? {
        code @ (ErrorCode::DiskFull
        | ErrorCode::ReadOnly
        | ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::SystemIoFailure
        | ErrorCode::CannotOpen
        | ErrorCode::PermissionDenied) => Some(step(Some(code), &path)),
        _ => None,
    }
}

/// What the operator does about it.
fn step(code: Option<ErrorCode>, path: &Path) -> String {
    let (file, folder) = (path.display(), path.parent().unwrap_or(path).display());
    match code {
        Some(ErrorCode::DiskFull) => format!("make room on the disk of {folder}"),
        Some(ErrorCode::ReadOnly) => {
            format!("let the bot's user write {file} and {folder} (chown, chmod u+w, or mount it writable)")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            format!("end the other program that has {file} open (fuser {file} names it)")
        }
        Some(ErrorCode::SystemIoFailure) => format!("see what is wrong with the disk of {folder}"),
        _ => format!("see that {folder} is a directory in which the bot's user can make, read and write files"),
    }
}

fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // With WAL, FULL makes each commit durable, which "exactly once" stands on.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    schema::migrate(connection)
}

/// SQLite takes a log that does not begin as one for an empty one, and writes over it.
fn may_be_log(log: &Path) -> bool {
    let mut begins = [0; 4];
    let read = File::open(log).and_then(|mut file| io::Read::read_exact(&mut file, &mut begins));
    match read {
        Ok(()) => LOG_BEGINS.contains(&begins),
        // Empty, or not there.
        Err(_) => fs::metadata(log).map_or(true, |found| found.len() == 0),
    }
}

/// Makes the file for its owner alone, or makes it so.
fn close_to_others(path: &Path) -> io::Result<()> {
    mend(path);
    let made = OpenOptions::new().create(true).append(true).mode(MODE).open(path);
    made.map(drop)
}

/// What is the bot's to change is changed; what is not is left to whoever owns it.
fn mend(path: impl AsRef<Path>) {
    let path = path.as_ref();
    let wrong = fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o777 != MODE);
    if wrong && let Err(error) = fs::set_permissions(path, Permissions::from_mode(MODE)) {
        tracing::warn!(path = %path.display(), %error, "the file is not closed to others");
    }
}

/// Renames what is damaged, with the time, and keeps it; answers under which names. Where only the log is, the database stays.
pub(super) fn put_aside(path: &Path) -> io::Result<Vec<PathBuf>> {
    let now = OffsetDateTime::now_utc()
        .replace_nanosecond(0)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let now = now.format(&Rfc3339).unwrap_or_default().replace([':', '-'], "");
    let [_, log, index] = parts(path);
    let all = match may_be_log(&log) && !log.is_dir() && !index.is_dir() {
        true => vec![path.to_owned(), log, index],
        false => vec![log, index],
    };
    let mut aside = Vec::new();
    for part in all.iter().filter(|part| part.symlink_metadata().is_ok()) {
        let name = |n: u32| {
            with_end(
                part,
                &format!("{ASIDE}{now}{}", if n == 0 { String::new() } else { format!("-{n}") }),
            )
        };
        let free = (0..).map(name).find(|name| name.symlink_metadata().is_err());
        let Some(name) = free else { continue };
        fs::rename(part, &name)?;
        aside.push(name);
    }
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(aside)
}

/// What was ever put aside and is still there.
pub(super) fn asides(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = path.parent().unwrap_or(Path::new("."));
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| {
            let entry = entry.file_name().to_string_lossy().into_owned();
            entry.starts_with(&name) && entry.contains(ASIDE)
        })
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use rusqlite::params;

    use super::*;

    /// A folder with a whole database in which there is one code.
    fn database() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("knock-approver.sqlite");
        let connection = open(&path).unwrap();
        let insert = "INSERT INTO code (code, kind, uses_remaining, created) VALUES ('live', 'knock', 1, 0)";
        connection.execute(insert, params![]).unwrap();
        connection.pragma_update(None, "wal_checkpoint", "TRUNCATE").ok();
        drop(connection);
        (folder, path)
    }

    fn codes(connection: &Connection) -> i64 {
        connection
            .query_row("SELECT count(*) FROM code", [], |row| row.get(0))
            .unwrap()
    }

    fn text(path: &Path) {
        fs::write(path, "this is no database, whatever its name says. ".repeat(300)).unwrap();
    }

    fn truncated(path: &Path) {
        let whole = fs::read(path).unwrap();
        fs::write(path, &whole[..whole.len() / 2 + 100]).unwrap();
    }

    fn cut_to_the_quick(path: &Path) {
        let whole = fs::read(path).unwrap();
        fs::write(path, &whole[..40]).unwrap();
    }

    fn zeroed_inside(path: &Path) {
        let mut whole = fs::read(path).unwrap();
        let end = whole.len();
        whole[4096..end].fill(0);
        fs::write(path, whole).unwrap();
    }

    fn directory(path: &Path) {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    }

    fn without_tables(path: &Path) {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch("DROP TABLE outbox; DROP TABLE meta;").unwrap();
    }

    fn another_programs(path: &Path) {
        fs::remove_file(path).unwrap();
        let connection = Connection::open(path).unwrap();
        connection.execute_batch("CREATE TABLE recipes (dish TEXT)").unwrap();
    }

    #[rstest]
    #[case(text)]
    #[case(truncated)]
    #[case(cut_to_the_quick)]
    #[case(zeroed_inside)]
    #[case(directory)]
    #[case(without_tables)]
    #[case(another_programs)]
    fn what_is_damaged_is_named_and_put_aside_whole(#[case] damage: fn(&Path)) {
        let (_folder, path) = database();
        damage(&path);
        let before = fs::read(&path).ok();
        let refused = open(&path).unwrap_err();
        assert!(matches!(&refused, StoreError::Damaged { .. }), "{refused}");
        assert!(refused.to_string().contains(&path.display().to_string()), "{refused}");
        let aside = put_aside(&path).unwrap();
        assert_eq!(asides(&path), aside);
        assert_eq!(fs::read(&aside[0]).ok(), before, "what was put aside is kept as it was");
        assert_eq!(codes(&open(&path).unwrap()), 0);
    }

    #[test]
    fn a_damaged_log_is_put_aside_and_the_database_goes_on() {
        let (_folder, path) = database();
        let log = with_end(&path, "-wal");
        text(&log);
        assert!(matches!(open(&path), Err(StoreError::Damaged { .. })));
        let aside = put_aside(&path).unwrap();
        assert!(aside[0].to_string_lossy().contains("-wal.damaged-"), "{aside:?}");
        assert_eq!(codes(&open(&path).unwrap()), 1);
        fs::create_dir_all(&log).unwrap();
        assert!(matches!(open(&path), Err(StoreError::Damaged { .. })));
        put_aside(&path).unwrap();
        assert_eq!(codes(&open(&path).unwrap()), 1);
    }

    #[test]
    fn an_empty_file_is_a_new_database() {
        let (_folder, path) = database();
        fs::write(&path, "").unwrap();
        assert_eq!(codes(&open(&path).unwrap()), 0);
    }

    #[test]
    fn a_database_that_others_can_read_is_closed_to_them() {
        let (_folder, path) = database();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        for wrong in [0o644, 0o444, 0o000] {
            fs::set_permissions(&path, Permissions::from_mode(wrong)).unwrap();
            let connection = open(&path).unwrap();
            assert_eq!(mode(&path), 0o600);
            assert_eq!(mode(&with_end(&path, "-wal")), 0o600);
            drop(connection);
        }
    }

    #[test]
    fn what_another_program_holds_is_named_with_the_way_to_find_it() {
        let said = step(Some(ErrorCode::DatabaseBusy), Path::new("/data/knock-approver.sqlite"));
        assert!(said.contains("fuser /data/knock-approver.sqlite"), "{said}");
        let full = step(Some(ErrorCode::DiskFull), Path::new("/data/knock-approver.sqlite"));
        assert!(full.contains("make room on the disk of /data"), "{full}");
    }
}
