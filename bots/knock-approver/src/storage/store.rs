//! The database's thread.

use std::{
    io,
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
    Stuck {
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
    #[error("the database refused: {0}")]
    Sql(#[from] rusqlite::Error),
    /// A row does not hold what it should.
    #[error("the database holds what this version cannot read: {0}")]
    Shape(#[from] serde_json::Error),
    /// The database's thread is gone: the process is ending.
    #[error("the database is closed")]
    Closed,
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

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
                let aside = file::put_aside(&path).map_err(|source| StoreError::Stuck {
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
                    job(&mut connection);
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
    pub async fn run<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Whoever asked may be gone (a closed HTTP request): what was decided is kept all the same.
            let _ = answer.send(in_transaction(connection, work));
        });
        self.jobs.send(job).map_err(|_| StoreError::Closed)?;
        result.await.map_err(|_| StoreError::Closed)?
    }
}

fn names(files: &[PathBuf]) -> String {
    let names = files.iter().map(|file| file.display().to_string());
    names.collect::<Vec<_>>().join(" ")
}

fn in_transaction<T, E: From<StoreError>>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(StoreError::from)?;
    let value = work(&transaction)?;
    transaction.commit().map_err(StoreError::from)?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

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
