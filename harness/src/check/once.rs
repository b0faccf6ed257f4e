//! Exactly once.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Check, Evidence, Finding, RoomRecord, judge::check};
use crate::history::Seen;

const EXACTLY_ONCE: &str = "exactly-once";

pub(super) fn checks() -> [Check; 1] {
    [check(
        EXACTLY_ONCE,
        "nobody was sent a message, an invite or into a room twice, over the whole run",
        &[],
        exactly_once,
    )]
}

fn exactly_once(evidence: &Evidence) -> Finding {
    let Some(sight) = evidence.record.sight() else {
        return Finding::broken(EXACTLY_ONCE, "nobody looked at what the bot said");
    };
    let is_bot = |user: &Value| user.as_str().is_some_and(|user| evidence.account(user).is_some());
    let mut broken = sight.errors.clone();
    let mut acts = 0;
    for room in &sight.rooms {
        acts += room.events.iter().filter(|event| is_act(event, &is_bot)).count();
        broken.extend(repeated_messages(room, &is_bot));
        broken.extend(repeated_invites(room, &is_bot));
        if !room.unreadable.is_empty() {
            broken.push(format!(
                "{} messages of the bot in {} cannot be decrypted by those they were said to",
                room.unreadable.len(),
                room.id
            ));
        }
    }
    broken.extend(rooms_for_the_same(sight, &evidence.subject.rooms, &is_bot));
    if acts == 0 {
        broken.push("nothing that the bot said or did was seen by anybody".to_owned());
    }
    Finding::of(
        EXACTLY_ONCE,
        &broken,
        format!("{acts} messages and invites in {} rooms, none twice", sight.rooms.len()),
    )
}

/// Something that the bot did to people.
fn is_act(event: &Value, is_bot: &impl Fn(&Value) -> bool) -> bool {
    is_bot(&event["sender"]) && (is_message(event) || event["content"]["membership"] == "invite")
}

/// The same words twice in a row, with nobody else having said anything in between. (The same answer to two questions is no repetition:
/// neither in turns, nor where somebody asked the same again before the bot had answered, as people do while it starts.)
fn repeated_messages(room: &RoomRecord, is_bot: &impl Fn(&Value) -> bool) -> Vec<String> {
    let mut open = Questions::default();
    // What the bot has said since anybody else spoke, and which question each may be the answer to.
    let mut in_a_row: BTreeMap<&str, Option<(&str, &str)>> = BTreeMap::new();
    let mut broken = Vec::new();
    for event in room.events.iter().filter(|event| is_message(event)) {
        let words = event["content"]["body"].as_str();
        if !is_bot(&event["sender"]) {
            in_a_row.clear();
            open.ask(event["sender"].as_str().unwrap_or_default(), words.unwrap_or_default());
            continue;
        }
        let Some(words) = words else { continue };
        let question = match in_a_row.get(words) {
            None => open.most_asked(),
            Some(before) => before.filter(|question| open.is_open(*question)),
        };
        if question.is_none() && in_a_row.contains_key(words) {
            let words: String = words.chars().take(60).collect();
            broken.push(format!("said twice in {}: {words:?}", room.id));
        }
        open.answer(question);
        in_a_row.insert(words, question);
    }
    broken
}

/// How often each of them has said each thing that the bot has not answered yet.
#[derive(Default)]
struct Questions<'a>(BTreeMap<(&'a str, &'a str), usize>);

impl<'a> Questions<'a> {
    fn ask(&mut self, sender: &'a str, words: &'a str) {
        *self.0.entry((sender, words)).or_default() += 1;
    }

    fn most_asked(&self) -> Option<(&'a str, &'a str)> {
        let most = self.0.iter().max_by_key(|(_, times)| **times);
        most.filter(|(_, times)| **times > 0).map(|(question, _)| *question)
    }

    fn is_open(&self, question: (&str, &str)) -> bool {
        self.0.get(&question).is_some_and(|times| *times > 0)
    }

    fn answer(&mut self, question: Option<(&'a str, &'a str)>) {
        if let Some(times) = question.and_then(|question| self.0.get_mut(&question)) {
            *times = times.saturating_sub(1);
        }
    }
}

fn is_message(event: &Value) -> bool {
    event["type"] == "m.room.message" || event["type"] == "m.room.encrypted"
}

/// An invite of somebody whose last membership is an invite.
fn repeated_invites(room: &RoomRecord, is_bot: &impl Fn(&Value) -> bool) -> Vec<String> {
    let mut memberships: BTreeMap<&str, &str> = BTreeMap::new();
    let mut broken = Vec::new();
    for event in room.events.iter().filter(|event| event["type"] == "m.room.member") {
        let (Some(user), Some(membership)) = (event["state_key"].as_str(), event["content"]["membership"].as_str())
        else {
            continue;
        };
        let before = memberships.insert(user, membership);
        if membership == "invite" && before == Some("invite") && is_bot(&event["sender"]) {
            broken.push(format!("{user} was invited twice to {}", room.id));
        }
    }
    broken
}

/// More rooms that the bot made for one person alone than that person has knocked: two rooms for one knock.
fn rooms_for_the_same(sight: &Seen, known: &[String], is_bot: &impl Fn(&Value) -> bool) -> Vec<String> {
    let mut rooms: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for room in sight.rooms.iter().filter(|room| !known.contains(&room.id)) {
        let made = room
            .events
            .iter()
            .any(|event| event["type"] == "m.room.create" && is_bot(&event["sender"]));
        let is_public = room
            .events
            .iter()
            .any(|event| event["type"] == "m.room.join_rules" && event["content"]["join_rule"] == "public");
        let invited: Vec<&str> = room
            .events
            .iter()
            .filter(|event| event["type"] == "m.room.member" && event["content"]["membership"] == "invite")
            .filter_map(|event| event["state_key"].as_str())
            .collect();
        if let ([person, ..], true, false) = (invited.as_slice(), made, is_public) {
            rooms.entry(person).or_default().push(&room.id);
        }
    }
    let twice = rooms
        .into_iter()
        .filter(|(person, rooms)| rooms.len() > knocks_of(sight, person).max(1));
    twice
        .map(|(person, rooms)| format!("{person} was invited to {} rooms: {}", rooms.len(), rooms.join(", ")))
        .collect()
}

fn knocks_of(sight: &Seen, person: &str) -> usize {
    let events = sight.rooms.iter().flat_map(|room| &room.events);
    let knocks = events.filter(|event| event["content"]["membership"] == "knock" && event["state_key"] == person);
    knocks.count()
}
