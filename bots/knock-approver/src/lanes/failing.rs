//! What keeps failing, said on the board.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::WorkError;
use crate::{
    config::Role,
    health::{Board, Degraded},
    words,
};

/// Failures for so long are no hiccup. With the pauses between tries, what fails is said within some 30 s.
const LONG: Duration = Duration::from_secs(15);
/// A row that has not been tried for so long is wanted no more: the longest pause and the longest request are shorter.
const FORGOTTEN: Duration = Duration::from_secs(10 * 60);
/// So much of a reason is shown, in characters.
const REASON: usize = 300;

/// Who cannot do what.
pub type Matter = (Role, &'static str);

/// The rows that fail now. What fails for long is put up on the board, one note for each matter, and taken down when
/// none of its rows fails any more.
#[derive(Debug)]
pub struct Failing {
    board: Board,
    rows: Mutex<HashMap<i64, Row>>,
}

#[derive(Debug)]
struct Row {
    matter: Matter,
    since: Instant,
    last: Instant,
    said: bool,
}

impl Failing {
    /// Nothing fails yet.
    pub fn new(board: Board) -> Self {
        Self {
            board,
            rows: Mutex::default(),
        }
    }

    /// What a try of a row, begun at `began`, has come to.
    pub fn tried(&self, id: i64, matter: Matter, began: Instant, result: &Result<(), WorkError>) {
        let mut rows = self.rows();
        let old = rows.extract_if(|_, row| row.last.elapsed() > FORGOTTEN);
        for row in old.map(|(_, row)| row).collect::<Vec<_>>() {
            self.take_down(&rows, &row);
        }
        let Err(error) = result else {
            if let Some(row) = rows.remove(&id) {
                self.take_down(&rows, &row);
            }
            return;
        };
        let row = rows.entry(id).or_insert(Row {
            matter,
            since: began,
            last: began,
            said: false,
        });
        row.last = Instant::now();
        if row.since.elapsed() < LONG {
            return;
        }
        row.said = true;
        let (role, what) = &row.matter;
        let reason = words::beginning(&words::line(&error.to_string()), REASON);
        let note = Degraded {
            what: format!(
                "{what}: {} has failed at it for {} s by now: {reason}",
                role.name(),
                row.since.elapsed().as_secs()
            ),
            cure: "see in the homeserver's log, and in that of any proxy before it, why; it is tried again until it succeeds, \
                   and nothing is lost"
                .to_owned(),
        };
        self.board.weaker(*role, key(what), Some(note));
    }

    fn take_down(&self, rows: &HashMap<i64, Row>, gone: &Row) {
        let still = rows.values().any(|row| row.said && row.matter == gone.matter);
        if gone.said && !still {
            let (role, what) = &gone.matter;
            self.board.weaker(*role, key(what), None);
        }
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<i64, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(what: &str) -> String {
    format!("failing:{what}")
}
