//! Everything that happened in one drill, in one append-only record.
//!
//! A [`History`] is written to disk as things happen, one JSON object a line, with secrets masked: whatever ends the drill, what happened
//! until then is there. [`Record`] is the same read back. Checks and reports are functions of a record and read nothing else.
//!
//! What is written stays as it is, with one exception: a secret that becomes known only after it was written down is masked in the lines that
//! hold it ([`History::look_again`]), and an [`Output`] is added that says in which they were.
//!
//! ```
//! use knockproof_harness::{history::{Event, History, Record}, secrets::Secrets};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let secrets = Secrets::default();
//! secrets.add("password of the bot", "correct horse");
//! let history = History::create(folder.path().join("history.jsonl"), secrets)?;
//! history.note("the password is correct horse now");
//!
//! let record = Record::read(&folder.path().join("history.jsonl"))?;
//! let [entry] = record.entries() else { panic!("one thing happened") };
//! assert!(matches!(&entry.event, Event::Note { what, .. } if what == "the password is ••• now"));
//! # Ok(())
//! # }
//! ```

mod allowed;
mod event;
mod record;
mod writer;

pub use allowed::{Allowed, AllowedLogins, AllowedOutcome};
pub use event::{Account, Entry, Event, Exit, Output, Proof, Seen, Subject};
pub use record::{Error, Record};
pub use writer::History;
