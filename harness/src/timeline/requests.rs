//! Many requests on little space.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{Detail, Kind, Lane, Point};
use crate::{
    front_door::{Entrance, Exchange},
    history::{Event, Record},
};

/// Into how many parts a timeline is cut: requests of one part are one point.
const PARTS_BRIEF: u64 = 30;
const PARTS_FULL: u64 = 160;
/// How many different requests of one point are named.
const NAMED_BRIEF: usize = 2;
const NAMED_FULL: usize = 5;
/// How much of a request is told, in characters.
const LONG: usize = 110;
/// What every path of a client begins with.
const PREFIX: &str = "/_matrix/client/";

/// Requests close to each other, of one lane and one kind.
struct Group {
    at_ms: u64,
    /// Each different one, in the order of its first time, and how often it came.
    lines: Vec<(String, usize)>,
}

pub(super) fn points(record: &Record, from_ms: u64, until_ms: u64, detail: Detail) -> Vec<Point> {
    let (parts, named) = match detail {
        Detail::Brief => (PARTS_BRIEF, NAMED_BRIEF),
        Detail::Full => (PARTS_FULL, NAMED_FULL),
    };
    let wide = until_ms.saturating_sub(from_ms).max(1);
    let came = arrivals(record);
    let mut groups: BTreeMap<(Lane, bool, u64), Group> = BTreeMap::new();
    for exchange in record.exchanges() {
        let Some(at_ms) = came.get(&exchange.seq).copied().filter(|at| *at >= from_ms) else {
            continue;
        };
        let part = (at_ms - from_ms) * parts / wide;
        for (lane, refused) in places(&exchange) {
            let group = groups.entry((lane, refused, part));
            let empty = || Group {
                at_ms,
                lines: Vec::new(),
            };
            group.or_insert_with(empty).add(line(&exchange));
        }
    }
    let point = |((lane, refused, _), group): ((Lane, bool, u64), Group)| Point {
        at_ms: group.at_ms,
        lane,
        kind: if refused { Kind::Refused } else { Kind::Requests },
        what: group.told(named),
    };
    groups.into_iter().map(point).collect()
}

/// When each request came, on the clock of the history.
fn arrivals(record: &Record) -> BTreeMap<u64, u64> {
    let arrival = |entry: &crate::history::Entry| match &entry.event {
        Event::Request(exchange) => Some((exchange.seq, entry.at_ms)),
        _ => None,
    };
    record.entries().iter().filter_map(arrival).collect()
}

/// Where a request is shown: with whoever made it, and with the homeserver where that did not simply answer the bot.
fn places(exchange: &Exchange) -> Vec<(Lane, bool)> {
    match exchange.entrance {
        Entrance::Public => vec![(Lane::People, false)],
        Entrance::Bot if went_well(exchange) => vec![(Lane::Bot, false)],
        Entrance::Bot => vec![(Lane::Bot, false), (Lane::Homeserver, true)],
    }
}

fn went_well(exchange: &Exchange) -> bool {
    exchange.bent.is_none() && exchange.error.is_none() && exchange.status.is_some_and(|status| status < 400)
}

fn line(exchange: &Exchange) -> String {
    let path = exchange.path.strip_prefix(PREFIX).unwrap_or(&exchange.path);
    let status = exchange
        .status
        .map_or("no answer".to_owned(), |status| status.to_string());
    let mut line = format!("{} {path} → {status}", exchange.method);
    for more in [
        exchange.errcode(),
        exchange.bent.as_deref().unwrap_or_default(),
        exchange.error.as_deref().unwrap_or_default(),
    ] {
        if !more.is_empty() {
            // Writing to a text cannot fail.
            let _ = write!(line, ", {more}");
        }
    }
    cut(&line, LONG)
}

/// A text of so many characters at most.
pub(super) fn cut(text: &str, long: usize) -> String {
    match text.char_indices().nth(long) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl Group {
    fn add(&mut self, line: String) {
        match self.lines.iter_mut().find(|(known, _)| *known == line) {
            Some((_, times)) => *times += 1,
            None => self.lines.push((line, 1)),
        }
    }

    fn told(&self, named: usize) -> String {
        let line = |(line, times): &(String, usize)| match times {
            1 => line.clone(),
            _ => format!("{line} (×{times})"),
        };
        let mut lines: Vec<String> = self.lines.iter().take(named).map(line).collect();
        let more: usize = self.lines.iter().skip(named).map(|(_, times)| times).sum();
        if more > 0 {
            lines.push(format!("… and {more} more"));
        }
        lines.join("\n")
    }
}
