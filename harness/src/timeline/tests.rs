use serde_json::json;

use super::*;
use crate::{
    history::Entry,
    step::{Outcome, Step},
};

/// A request of the bot's, and its answer.
fn request(seq: u64, at_ms: u64, status: u16) -> [Entry; 2] {
    let exchange = |status: Option<u16>| {
        let exchange = json!({
            "seq": seq, "at_ms": 0, "entrance": "bot", "upstream": "homeserver", "who": null, "with_token": true, "method": "GET",
            "path": "/_matrix/client/v3/sync", "status": status, "took_ms": status.map(|_| 1),
        });
        serde_json::from_value(exchange).unwrap()
    };
    [
        Entry {
            at_ms,
            event: Event::Request(exchange(None)),
        },
        Entry {
            at_ms: at_ms + 1,
            event: Event::Answer(exchange(Some(status))),
        },
    ]
}

fn at(at_ms: u64, event: Event) -> Entry {
    Entry { at_ms, event }
}

fn breaking() -> Event {
    let event = json!({ "is": "breaking", "of": { "fault": "bot-killed", "moment": "at-boot", "drilled": true, "allowed": {
        "outcome": "heals", "device": "never", "logins": { "succeeded": 0, "tried": 0 }, "downtime": false, "within_ms": 1000,
    } } });
    serde_json::from_value(event).unwrap()
}

fn line(number: u64) -> Event {
    Event::Line {
        text: format!("line {number}"),
        leaks: Vec::new(),
    }
}

#[test]
fn it_begins_where_the_bot_does_and_tells_every_lane_in_order() {
    let mut entries = vec![at(5, Event::Whole), at(100, Event::Started { pid: 7 })];
    entries.extend(request(1, 110, 200));
    entries.push(at(200, breaking()));
    entries.extend(request(2, 300, 401));
    entries.push(at(400, Event::Whole));
    let timeline = Timeline::of(&Record::of(entries), Detail::Brief);
    assert_eq!(
        (timeline.from_ms, timeline.until_ms, timeline.span_ms()),
        (100, 400, 300)
    );
    let told: Vec<(u64, Lane, Kind)> = timeline
        .points
        .iter()
        .map(|point| (point.at_ms, point.lane, point.kind))
        .collect();
    assert_eq!(
        told,
        [
            (100, Lane::Bot, Kind::Process),
            (110, Lane::Bot, Kind::Requests),
            (200, Lane::Operator, Kind::Fault),
            (300, Lane::Bot, Kind::Requests),
            (300, Lane::Homeserver, Kind::Refused),
            (400, Lane::Bot, Kind::Whole),
        ]
    );
    assert_eq!(timeline.first(Kind::Refused).unwrap().what, "GET v3/sync → 401");
    assert!(timeline.log.is_empty());
}

#[test]
fn a_brief_one_stays_small_whatever_happened_and_loses_no_request() {
    let entries: Vec<Entry> = (0..5_000).flat_map(|seq| request(seq, seq * 3, 200)).collect();
    let timeline = Timeline::of(&Record::of(entries), Detail::Brief);
    assert!(timeline.points.len() <= 31, "{} points", timeline.points.len());
    let times = |point: &Point| {
        point
            .what
            .split_once("(×")
            .unwrap()
            .1
            .trim_end_matches(')')
            .parse::<usize>()
            .unwrap()
    };
    assert_eq!(timeline.points.iter().map(times).sum::<usize>(), 5_000);
}

#[test]
fn a_full_one_has_the_log_around_fault_and_failure_and_no_more() {
    let failed = Event::Step(Step {
        name: "it answers".to_owned(),
        outcome: Outcome::Failed,
        took_ms: 9,
        evidence: String::new(),
    });
    let mut entries: Vec<Entry> = (0..500).map(|number| at(number, line(number))).collect();
    entries.insert(100, at(99, breaking()));
    entries.insert(401, at(399, failed));
    let timeline = Timeline::of(&Record::of(entries), Detail::Full);
    let told: Vec<&str> = timeline.log.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(told.len(), 44);
    assert_eq!(
        (told[0], told[19], told[20], told[43]),
        ("line 96", "line 115", "line 380", "line 403")
    );
    assert_eq!(timeline.first(Kind::Failed).unwrap().at_ms, 399);
}

#[test]
fn nothing_that_happened_is_no_timeline_to_divide_by() {
    let timeline = Timeline::of(&Record::default(), Detail::Full);
    assert_eq!((timeline.points.len(), timeline.span_ms()), (0, 1));
}
