//! The database's thread.

use std::{
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{oneshot, watch};

use super::file;

/// What the database could not do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It could not be opened or brought to the newest version.
    #[error("cannot open the database {}: {why}; {step}, then start again", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What came back.
        why: String,
        /// What the operator does about it.
        step: String,
    },
    /// What is there is no database of this program, or not a whole one.
    #[error(
        "the database {} is damaged: {why}; `run` puts it aside and begins a new one, or stop the bot and restore it from a backup",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It is damaged and cannot be moved either.
    #[error("the database {} is damaged and cannot be put aside: {source}; move it away, then start again", path.display())]
    Immovable {
        /// The file.
        path: PathBuf,
        /// What came back.
        source: io::Error,
    },
    /// A newer program has changed it in ways that this one does not know.
    #[error(
        "the database {} is of version {found}, and this program knows {known} at most: run the newer program, or \
         restore the database from before it",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// The newest that is known here.
        known: usize,
    },
    /// A transaction failed, and nothing of it was kept.
    #[error("the database {} refused: {}{}", Store::FILE, .0, file::advice(.0).map(|step| format!("; {step}")).unwrap_or_default())]
    Sql(#[from] rusqlite::Error),
    /// A row does not hold what it should.
    #[error("the database holds what this version cannot read: {0}")]
    Shape(#[from] serde_json::Error),
    /// The database's thread is gone: the process is ending.
    #[error("the database is closed")]
    Closed,
}

impl StoreError {
    /// What the operator does about it, where that is known.
    pub fn step(&self) -> Option<String> {
        match self {
            Self::Open { step, .. } => Some(step.clone()),
            Self::Sql(error) => file::advice(error),
            _ => None,
        }
    }

    /// Whether what is in the file is the trouble: no right and no room would help.
    fn is_damage(&self) -> bool {
        matches!(self, Self::Sql(error) if file::is_damage(error))
    }
}

/// Answers whether the database can be worked with any longer.
type Job = Box<dyn FnOnce(&mut Connection) -> ControlFlow<()> + Send>;

/// The database: cheap to clone, all clones are the same. Transactions run one after another on one thread.
#[derive(Clone, Debug)]
pub struct Store {
    jobs: mpsc::Sender<Job>,
    changes: watch::Receiver<u64>,
}

impl Store {
    /// The name of the database in the data directory.
    pub const FILE: &'static str = "knock-approver.sqlite";

    /// Opens the database of a data directory, making and migrating it where needed. What is damaged is left as it is: another process
    /// may be at work with it.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        Self::serve(file::open(&data_dir.join(Self::FILE))?)
    }

    /// Opens the database for whoever has the data directory to itself: what is damaged is put aside, and a new one begun. Answers what was
    /// put aside, now or at an earlier start, and is still there.
    pub fn recover(data_dir: &Path) -> Result<(Self, Vec<PathBuf>), StoreError> {
        let path = data_dir.join(Self::FILE);
        let connection = match file::open(&path) {
            Err(StoreError::Damaged { why, .. }) => {
                let aside = file::put_aside(&path).map_err(|source| StoreError::Immovable {
                    path: path.clone(),
                    source,
                })?;
                tracing::error!(path = %path.display(), why, aside = %names(&aside), "the database is damaged and put aside");
                file::open(&path)?
            }
            opened => opened?,
        };
        Ok((Self::serve(connection)?, Self::asides(data_dir)))
    }

    /// What was put aside and is still there.
    pub fn asides(data_dir: &Path) -> Vec<PathBuf> {
        file::asides(&data_dir.join(Self::FILE))
    }

    fn serve(mut connection: Connection) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (changed, changes) = watch::channel(connection.total_changes());
        // The clock of a test's runtime is the clock of its database, too.
        let runtime = tokio::runtime::Handle::try_current().ok();
        thread::Builder::new()
            .name("database".to_owned())
            .spawn(move || {
                let _entered = runtime.as_ref().map(tokio::runtime::Handle::enter);
                while let Ok(job) = queue.recv() {
                    if job(&mut connection).is_break() {
                        // The next start puts it aside; this process must not go on with what may be half true.
                        tracing::error!("the database is damaged: it is closed");
                        return;
                    }
                    let total = connection.total_changes();
                    changed.send_if_modified(|seen| std::mem::replace(seen, total) != total);
                }
            })
            .map_err(|_| StoreError::Closed)?;
        Ok(Self { jobs, changes })
    }

    /// Tells whoever waits that a transaction changed something. Reading changes nothing.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Runs `work` in one transaction: all of it is kept, or, where it answers an error, none.
    /// Where the database turns out to be damaged, that is its end: everything after it is answered with [`StoreError::Closed`].
    pub async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let outcome = in_transaction(connection, work);
            let is_over = outcome.as_ref().is_err_and(StoreError::is_damage);
            // Whoever asked may be gone (a closed HTTP request): what was decided is kept all the same.
            let _ = answer.send(outcome);
            if is_over {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        self.jobs.send(job).map_err(|_| StoreError::Closed)?;
        result.await.map_err(|_| StoreError::Closed)?
    }
}

fn names(files: &[PathBuf]) -> String {
    let names = files.iter().map(|file| file.display().to_string());
    names.collect::<Vec<_>>().join(" ")
}

fn in_transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Whoever runs the bot starts it anew, and that start puts the database aside.
    #[tokio::test]
    async fn a_database_that_is_overwritten_while_it_is_used_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(Store::FILE);
        let store = Store::open(folder.path()).unwrap();
        // More than what SQLite keeps in memory.
        let fill = |tx: &Transaction<'_>| {
            let sql =
                "CREATE TABLE much AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                       SELECT i, randomblob(300) AS some FROM n";
            Ok(tx.execute_batch(sql)?)
        };
        store.run(fill).await.unwrap();
        let beside = Connection::open(&path).unwrap();
        beside.pragma_update(None, "wal_checkpoint", "TRUNCATE").ok();
        let mut content = std::fs::read(&path).unwrap();
        content[4096..].fill(0);
        std::fs::write(&path, content).unwrap();
        let read = |tx: &Transaction<'_>| {
            let sql = "SELECT count(some) FROM much";
            Ok(tx.query_row(sql, [], |row| row.get::<_, i64>(0))?)
        };
        let error = store.run(read).await.unwrap_err();
        assert!(error.is_damage(), "{error}");
        let mut changes = store.changes();
        let ended = tokio::time::timeout(Duration::from_secs(10), async {
            while changes.changed().await.is_ok() {}
        });
        ended.await.unwrap();
        assert!(matches!(store.run(read).await, Err(StoreError::Closed)));
        let (anew, asides) = Store::recover(folder.path()).unwrap();
        assert!(!asides.is_empty());
        let anew = anew.run(|tx| Ok(tx.query_row("SELECT count(*) FROM inbox", [], |row| row.get::<_, i64>(0))?));
        assert_eq!(anew.await.unwrap(), 0);
    }

    /// A database that may take no more, as where the disk is full.
    #[tokio::test]
    async fn a_full_disk_is_named_with_the_file_and_the_step() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let full = |tx: &Transaction<'_>| {
            let pages: i64 = tx.query_row("PRAGMA page_count", [], |row| row.get(0))?;
            tx.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
            tx.execute("CREATE TABLE more AS SELECT zeroblob(1000000) AS much", [])?;
            Ok(())
        };
        let error = store.run(full).await.unwrap_err();
        assert!(!error.is_damage(), "{error}");
        for word in [Store::FILE, "full", "make room on the disk of DATA_DIR"] {
            assert!(error.to_string().contains(word), "{error}");
        }
        assert_eq!(error.step().as_deref(), Some("make room on the disk of DATA_DIR"));
        store.run(|_| Ok(())).await.unwrap();
    }

    #[test]
    fn a_database_of_a_newer_program_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(Store::FILE);
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        let refused = Store::open(folder.path()).unwrap_err();
        assert!(matches!(refused, StoreError::Newer { found: 99, .. }), "{refused}");
        let version: i64 = connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .unwrap();
        assert_eq!(version, 99);
    }
}
