//! A history in short, for people: what happened on four lanes, and the log around what matters.
//!
//! A drill that passed leaves no folder. Its timeline is what stays of its history: small enough to stand in a report of many drills.
//!
//! ```
//! use knockproof_harness::{history::{Entry, Event, Record}, timeline::{Detail, Lane, Timeline}};
//!
//! let started = Entry { at_ms: 40, event: Event::Started { pid: 7 } };
//! let timeline = Timeline::of(&Record::of(vec![started]), Detail::Brief);
//! assert_eq!(timeline.points[0].lane, Lane::Bot);
//! assert_eq!(timeline.points[0].what, "the bot was started");
//! ```

mod log;
mod point;
mod requests;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use point::{Kind, Lane, Point};

use crate::history::{Event, Record};

/// What happened in one drill, in short. Holds no secret, as the history that it is made of holds none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// Where it begins, in milliseconds since the history began: when the bot was first started or broken, not when the world was built.
    pub from_ms: u64,
    /// Where it ends, on the same clock.
    pub until_ms: u64,
    /// What happened, in the order in which it did.
    pub points: Vec<Point>,
    /// What the bot printed around the fault and the failure; nothing of a drill that passed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<Printed>,
}

/// A line that the bot printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Printed {
    /// When, in milliseconds since the history began.
    pub at_ms: u64,
    /// The line, cut where it is very long.
    pub text: String,
}

/// How much of a history is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What a drill that passed needs.
    Brief,
    /// What a drill that failed needs: requests apart from each other, and the log.
    Full,
}

impl Timeline {
    /// Tells a history in short.
    pub fn of(record: &Record, detail: Detail) -> Self {
        let from_ms = begin(record);
        let entries = record.entries().iter().filter(|entry| entry.at_ms >= from_ms);
        let mut points: Vec<Point> = entries.filter_map(Point::of).collect();
        let until_ms = record
            .entries()
            .last()
            .map_or(from_ms, |entry| entry.at_ms.max(from_ms));
        points.extend(requests::points(record, from_ms, until_ms, detail));
        points.sort_by_key(|point| point.at_ms);
        let log = match detail {
            Detail::Brief => Vec::new(),
            Detail::Full => log::around(record),
        };
        Self {
            from_ms,
            until_ms,
            points,
            log,
        }
    }

    /// How long it is, in milliseconds; never nothing.
    pub fn span_ms(&self) -> u64 {
        (self.until_ms - self.from_ms.min(self.until_ms)).max(1)
    }

    /// The first point of a kind.
    pub fn first(&self, kind: Kind) -> Option<&Point> {
        self.points.iter().find(|point| point.kind == kind)
    }
}

/// When it becomes interesting: the world is built before that.
fn begin(record: &Record) -> u64 {
    let begins = |event: &Event| matches!(event, Event::Started { .. } | Event::Breaking { .. });
    let first = record.entries().iter().find(|entry| begins(&entry.event));
    first.map_or(0, |entry| entry.at_ms)
}
