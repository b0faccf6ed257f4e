//! A timeline as four lanes.

use harness::timeline::{Kind, Lane, Point, Timeline};
use maud::{Markup, html};

use super::words;

/// How wide a lane is, and how high, in its own units.
const WIDE: u64 = 1_000;
const HIGH: u64 = 30;
/// What one has to be apart from the ends to be named on the axis, of [`WIDE`].
const APART: u64 = 110;

/// The class of a kind in the style, and what it is called.
const fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Requests => "requests",
        Kind::Refused => "refused",
        Kind::Process => "process",
        Kind::Said => "said",
        Kind::Fault => "fault",
        Kind::Fired => "fired",
        Kind::Whole => "whole",
        Kind::Failed => "failed",
        _ => "act",
    }
}

/// A timeline; in words too where it is not told in short.
pub(super) fn figure(timeline: &Timeline, short: bool) -> Markup {
    html! {
        h3 { "What happened" }
        (lanes(timeline, drawn))
        (key())
        ol.events { @for point in timeline.points.iter().filter(|point| !is_request(point)) { (event(timeline, point, "")) } }
        @if !short { (requests(timeline)) }
    }
}

/// The same without a word on each request.
pub(super) fn in_short(timeline: &Timeline) -> Markup {
    html! {
        h3 { "What happened" }
        (lanes(timeline, sketched))
        ol.events { @for point in timeline.points.iter().filter(|point| !is_request(point)) { (event(timeline, point, "")) } }
    }
}

fn lanes(timeline: &Timeline, draw: fn(&Timeline, Lane) -> Markup) -> Markup {
    html! {
        div.lanes {
            @for lane in Lane::ALL {
                div.lane { (lane.name()) }
                (draw(timeline, lane))
            }
            (axis(timeline))
        }
    }
}

fn key() -> Markup {
    let kinds = [
        (Kind::Requests, "requests"),
        (Kind::Refused, "refused or bent"),
        (Kind::Process, "process"),
        (Kind::Act, "done"),
        (Kind::Fault, "fault"),
        (Kind::Whole, "healed"),
    ];
    html! {
        ul.key aria-hidden="true" {
            @for (kind, word) in kinds {
                li { b { svg width="9" height="12" { rect class={ "t-" (class(kind)) } width="9" height="12" {} } } (word) }
            }
        }
    }
}

const fn is_request(point: &Point) -> bool {
    matches!(point.kind, Kind::Requests | Kind::Refused)
}

/// Where a time lies on a lane.
fn place(timeline: &Timeline, at_ms: u64) -> u64 {
    let since = at_ms.saturating_sub(timeline.from_ms).min(timeline.span_ms());
    since * WIDE / timeline.span_ms()
}

/// A lane with each of its points.
fn drawn(timeline: &Timeline, lane: Lane) -> Markup {
    let points = || timeline.points.iter().filter(|point| point.lane == lane);
    let requests = points().filter(|point| is_request(point)).count();
    let others = points().count() - requests;
    let label = format!(
        "{}: {others} events, requests at {requests} times; the events are listed below",
        lane.name()
    );
    html! {
        svg viewBox={ "0 0 " (WIDE) " " (HIGH) } preserveAspectRatio="none" role="img" aria-label=(label) {
            (ground(timeline))
            // What matters is drawn last, over the rest.
            @for point in points().filter(|point| point.kind == Kind::Requests) { (mark(timeline, point)) }
            @for point in points().filter(|point| point.kind != Kind::Requests) { (mark(timeline, point)) }
        }
    }
}

/// A lane whose requests are one stroke.
fn sketched(timeline: &Timeline, lane: Lane) -> Markup {
    let points = || timeline.points.iter().filter(|point| point.lane == lane);
    let requests: String = points()
        .filter(|point| is_request(point))
        .map(|point| format!("M{} 9h3v12h-3z", place(timeline, point.at_ms)))
        .collect();
    html! {
        svg viewBox={ "0 0 " (WIDE) " " (HIGH) } preserveAspectRatio="none" aria-hidden="true" {
            (ground(timeline))
            path.t-requests d=(requests) {}
            @for point in points().filter(|point| !is_request(point)) { (mark(timeline, point)) }
        }
    }
}

/// What each lane is drawn on: its line, and the time in which something was broken.
fn ground(timeline: &Timeline) -> Markup {
    html! {
        line.t-base x1="0" y1=(HIGH / 2) x2=(WIDE) y2=(HIGH / 2) {}
        @if let Some(fault) = timeline.first(Kind::Fault) {
            @let (from, to) = (place(timeline, fault.at_ms), place(timeline, healed(timeline)));
            rect.t-hurt x=(from) y="0" width=(to.saturating_sub(from).max(2)) height=(HIGH) {}
        }
    }
}

/// When the bot was whole again, or the end.
fn healed(timeline: &Timeline) -> u64 {
    timeline
        .first(Kind::Whole)
        .map_or(timeline.until_ms, |whole| whole.at_ms)
}

fn mark(timeline: &Timeline, point: &Point) -> Markup {
    let (wide, high) = match point.kind {
        Kind::Requests | Kind::Refused => (3, 12),
        Kind::Fault | Kind::Whole | Kind::Failed => (6, HIGH),
        _ => (5, 20),
    };
    let x = place(timeline, point.at_ms).min(WIDE - wide);
    html! {
        rect class={ "t-" (class(point.kind)) } x=(x) y=((HIGH - high) / 2) width=(wide) height=(high) {
            title { (words::seconds(since(timeline, point))) "  " (words::plain(&point.what)) }
        }
    }
}

fn since(timeline: &Timeline, point: &Point) -> u64 {
    point.at_ms.saturating_sub(timeline.from_ms)
}

fn axis(timeline: &Timeline) -> Markup {
    let marked = [
        (Kind::Fault, "fault"),
        (Kind::Whole, "healed"),
        (Kind::Failed, "failed"),
    ];
    let mut named: Vec<(u64, String)> = Vec::new();
    for (kind, word) in marked {
        let Some(point) = timeline.first(kind) else { continue };
        let x = place(timeline, point.at_ms);
        let near = |other: u64| x.abs_diff(other) < APART;
        if !near(0) && !near(WIDE) && !named.iter().any(|(other, _)| near(*other)) {
            named.push((x, format!("{word} {}", words::seconds(since(timeline, point)))));
        }
    }
    html! {
        div.axis aria-hidden="true" {
            span.start style="left:0" { "0 s" }
            @for (x, text) in &named { span style={ "left:" (x / 10) "%" } { (text) } }
            span.end style="left:100%" { (words::seconds(timeline.span_ms())) }
        }
    }
}

/// Requests in words, for those who cannot hover or see.
fn requests(timeline: &Timeline) -> Markup {
    let requests: Vec<&Point> = timeline.points.iter().filter(|point| is_request(point)).collect();
    html! {
        @if !requests.is_empty() {
            details.more {
                summary { "Requests" }
                ol.events { @for point in &requests { (event(timeline, point, point.lane.name())) } }
            }
        }
    }
}

fn event(timeline: &Timeline, point: &Point, lane: &str) -> Markup {
    html! {
        li class=(class(point.kind)) {
            time { (words::seconds(since(timeline, point))) }
            span { @if !lane.is_empty() { (lane) ": " } (words::plain(&point.what)) }
        }
    }
}
