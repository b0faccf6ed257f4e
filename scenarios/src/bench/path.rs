//! The critical path: which requests something had to wait for, one after the other.
//!
//! From the request that ends the path one goes back to the one that was answered last before it was sent, and so on to the beginning.
//! What the homeserver took is the sum of these answers; what lies between them is the bot's own time. Requests sent beside the path do
//! not count: nobody waited for them.

use std::time::Duration;

use harness::front_door::Timed;

/// A request on the front door's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// What it was.
    pub what: String,
    /// When it came; for a long poll that was under way at the beginning of the path, that beginning.
    pub came: Duration,
    /// When it was answered.
    pub over: Duration,
}

impl Span {
    /// An answered exchange.
    pub fn of(timed: &Timed) -> Option<Self> {
        let exchange = &timed.exchange;
        let what = format!("{} {}", exchange.method, short(&exchange.path));
        Some(Self {
            what,
            came: timed.timing.came,
            over: timed.timing.over?,
        })
    }
}

/// A path without what is only of this one run: the prefix of the API, and ids.
fn short(path: &str) -> String {
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    let kept = segments.filter(|segment| !matches!(*segment, "_matrix" | "client" | "v3"));
    let named = kept.map(|segment| {
        let is_id = segment.starts_with(['!', '@', '%', '#']) || segment.len() > 24;
        if is_id { "…" } else { segment }
    });
    named.fold(String::new(), |path, segment| format!("{path}/{segment}"))
}

/// A critical path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CriticalPath {
    /// Its requests, in order.
    pub spans: Vec<Span>,
    /// From its beginning to its last answer.
    pub total: Duration,
    /// The answer times of its requests.
    pub server: Duration,
}

impl CriticalPath {
    /// The path from `began` to the answer of `last`, through `spans`.
    pub fn to(last: &Span, spans: &[Span], began: Duration) -> Self {
        let mut path = vec![clipped(last, began)];
        while let Some(before) = before(&path, spans, began) {
            path.push(before);
        }
        path.reverse();
        Self {
            total: last.over.saturating_sub(began),
            server: path.iter().map(|span| span.over.saturating_sub(span.came)).sum(),
            spans: path,
        }
    }

    /// One line a request, with the bot's own time in front of it.
    pub fn lines(&self, began: Duration) -> Vec<String> {
        let mut at = began;
        let line = |span: &Span| {
            let own = span.came.saturating_sub(at);
            at = span.over;
            let took = span.over.saturating_sub(span.came);
            format!("{:>8.2} ms own, {:>8.2} ms {}", millis(own), millis(took), span.what)
        };
        self.spans.iter().map(line).collect()
    }
}

/// The request whose answer came last before the earliest of the path so far was sent.
fn before(path: &[Span], spans: &[Span], began: Duration) -> Option<Span> {
    let first = path.last()?;
    let earlier = spans
        .iter()
        .filter(|span| span.over > began && span.over <= first.came && !path.contains(span));
    let latest = earlier.max_by_key(|span| span.over)?;
    Some(clipped(latest, began))
}

fn clipped(span: &Span, began: Duration) -> Span {
    Span {
        came: span.came.max(began),
        ..span.clone()
    }
}

/// Milliseconds, to be shown.
pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(what: &str, came: u64, over: u64) -> Span {
        Span {
            what: what.to_owned(),
            came: Duration::from_millis(came),
            over: Duration::from_millis(over),
        }
    }

    fn names(path: &CriticalPath) -> Vec<&str> {
        path.spans.iter().map(|span| span.what.as_str()).collect()
    }

    #[test]
    fn what_ran_beside_the_path_does_not_count() {
        let last = span("createRoom", 40, 90);
        let spans = [
            span("the poll", 0, 20),
            span("keys/query", 22, 30),
            span("beside", 23, 28),
            span("the next poll", 21, 95),
            last.clone(),
        ];
        let path = CriticalPath::to(&last, &spans, Duration::from_millis(5));
        assert_eq!(names(&path), ["the poll", "keys/query", "createRoom"]);
        assert_eq!(path.total, Duration::from_millis(85));
        assert_eq!(path.server, Duration::from_millis(15 + 8 + 50));
    }

    #[test]
    fn what_was_answered_before_the_beginning_does_not_count() {
        let last = span("sync", 30, 40);
        let spans = [span("before", 0, 10), last.clone()];
        let path = CriticalPath::to(&last, &spans, Duration::from_millis(10));
        assert_eq!(names(&path), ["sync"]);
        assert_eq!(
            (path.total, path.server),
            (Duration::from_millis(30), Duration::from_millis(10))
        );
    }

    #[test]
    fn answers_without_duration_do_not_go_round_in_circles() {
        let last = span("c", 20, 20);
        let spans = [span("a", 20, 20), span("b", 20, 20), last.clone()];
        let path = CriticalPath::to(&last, &spans, Duration::ZERO);
        assert_eq!(path.spans.len(), 3);
        assert_eq!(path.server, Duration::ZERO);
    }

    #[test]
    fn a_path_is_told_line_by_line() {
        let last = span("b", 30, 45);
        let path = CriticalPath::to(&last, &[span("a", 10, 20), last.clone()], Duration::from_millis(5));
        let lines = path.lines(Duration::from_millis(5));
        assert_eq!(
            lines,
            ["    5.00 ms own,    10.00 ms a", "   10.00 ms own,    15.00 ms b"]
        );
    }

    #[test]
    fn ids_do_not_stand_in_a_path() {
        assert_eq!(short("/_matrix/client/v3/rooms/!abc:hs/invite"), "/rooms/…/invite");
        assert_eq!(short("/_matrix/client/v3/keys/query"), "/keys/query");
        assert_eq!(short("/_matrix/client/v3/sync"), "/sync");
    }
}
