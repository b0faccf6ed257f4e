//! The log around what matters.

use super::{Printed, requests::cut};
use crate::{
    history::{Entry, Event, Record},
    step::Outcome,
};

/// Lines before and after the fault, and before and after the failure.
const BEFORE_FAULT: usize = 4;
const AFTER_FAULT: usize = 16;
const BEFORE_FAILURE: usize = 20;
const AFTER_FAILURE: usize = 4;
/// How much of a line is kept, in characters.
const LONG: usize = 400;

pub(super) fn around(record: &Record) -> Vec<Printed> {
    let lines: Vec<(usize, Printed)> = record.entries().iter().enumerate().filter_map(printed).collect();
    let fault = record.entries().iter().position(is_fault);
    let failure = record
        .entries()
        .iter()
        .position(is_failure)
        .unwrap_or(record.entries().len());
    let after = |place: usize| lines.partition_point(|(number, _)| *number < place);
    let near = |place: usize, before: usize, after: usize| place.saturating_sub(before)..place.saturating_add(after);
    let fault = fault.map_or(0..0, |fault| near(after(fault), BEFORE_FAULT, AFTER_FAULT));
    let failure = near(after(failure), BEFORE_FAILURE, AFTER_FAILURE);
    let is_near = |place: &usize| fault.contains(place) || failure.contains(place);
    let kept = lines.iter().enumerate().filter(|(place, _)| is_near(place));
    kept.map(|(_, (_, printed))| printed.clone()).collect()
}

fn printed((number, entry): (usize, &Entry)) -> Option<(usize, Printed)> {
    let Event::Line { text, .. } = &entry.event else {
        return None;
    };
    let at_ms = entry.at_ms;
    let text = cut(text, LONG);
    Some((number, Printed { at_ms, text }))
}

fn is_fault(entry: &Entry) -> bool {
    matches!(entry.event, Event::Breaking { drilled: true, .. })
}

fn is_failure(entry: &Entry) -> bool {
    matches!(&entry.event, Event::Step(step) if step.outcome == Outcome::Failed)
}
