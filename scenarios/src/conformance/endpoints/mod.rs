//! Steps made from the specification's own list of client-server endpoints: each [`Endpoint`] in every case that can be made of a right request
//! to it. Nobody has to think of what might differ.
//!
//! ```text
//! table (ruma's types) ──▶ case ──▶ ask ──(HTTP)──▶ homeserver
//!                                    │ stage: users, rooms, devices
//!                                  shape ──▶ Replies ──▶ verdict ◀── recordings/<flavor>/endpoints
//!                                                          └──▶ page: the table in docs/src/homeservers.md
//! ```

mod ask;
mod case;
mod endpoint;
mod error;
mod page;
mod shape;
mod stage;
mod table;
mod verdict;
mod wanted;

pub use ask::{Replies, Reply, ask_all};
pub use case::{Kind, kind_of};
pub use endpoint::Endpoint;
pub use error::StageError;
pub use page::{between_marks, page, put_between_marks};
pub use table::endpoints;
pub use verdict::{Finding, Verdict, findings, kept};
pub use wanted::{UNSTEADY, WANTED_ANSWERS};
