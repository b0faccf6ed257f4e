//! What people's own clients have seen of the rooms in which the bot spoke.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::future::BoxFuture;
use reqwest::Method;
use serde_json::Value;
use url::Url;

use super::RoomRecord;
use crate::{
    client::{Http, Peer, Received},
    front_door::{Entrance, Exchange},
    history::{Seen, Subject},
    wait::{self, Poll},
};

/// How many events are asked for at once, and at most in all.
const PAGE: usize = 100;
const LONGEST: usize = 2_000;
/// How long the witness may take until it can read everything.
const PATIENCE: Duration = Duration::from_secs(10);

/// Somebody whose eyes are looked through.
#[derive(Clone, Debug)]
pub struct Onlooker {
    /// The user.
    pub user_id: String,
    /// A token of theirs that lives.
    pub token: String,
}

/// Somebody who was there all the time with encryption, and can read what was said.
///
/// A trait, so that a world which has one is no concern of the SDK's types: proving for each future that holds a world that they may go
/// from thread to thread takes the compiler minutes.
pub trait Witness: Send + Sync {
    /// The last messages of a room that its client can read; or why it cannot look.
    fn messages<'a>(&'a self, room: &'a str) -> BoxFuture<'a, Result<Vec<Received>, String>>;
}

impl Witness for Peer {
    fn messages<'a>(&'a self, room: &'a str) -> BoxFuture<'a, Result<Vec<Received>, String>> {
        Box::pin(async move {
            let longest = u32::try_from(LONGEST).unwrap_or(u32::MAX);
            self.history(room, longest).await.map_err(|error| error.to_string())
        })
    }
}

/// Looks at every room in which the bot said or did something, through the eyes of those who are or were in it: cleartext as their plain
/// clients see it, encrypted messages as a client of theirs decrypts them that was there all the time.
///
/// A room that nobody but the bot ever joined was said to nobody, and is left out. What cannot be read, by anybody, is an error.
pub async fn look(
    homeserver: &Url,
    exchanges: &[Exchange],
    subject: &Subject,
    people: &[Onlooker],
    witness: Option<&dyn Witness>,
) -> Seen {
    let http = Http::new(homeserver);
    let mut seen = Seen::default();
    for room in rooms_of(exchanges) {
        let joined = joined(exchanges, &room, subject);
        // Whoever was there from the beginning joined without a request that is recorded.
        let was_there = subject.rooms.contains(&room);
        let (first, others): (Vec<_>, Vec<_>) = people.iter().partition(|one| joined.contains(&one.user_id));
        let mut refusals = Vec::new();
        let mut read = None;
        for reader in first.iter().chain(&others) {
            match whole(&http, &room, &reader.token).await {
                // What conduwuit shows those who were never there is nothing, or little.
                Ok(events) if !shows_join_of(&events, &reader.user_id) => {
                    refusals.push(format!("{}: sees nothing of it", reader.user_id))
                }
                Ok(events) => {
                    read = Some((reader.user_id.clone(), events));
                    break;
                }
                Err(why) => refusals.push(format!("{}: {why}", reader.user_id)),
            }
        }
        match read {
            Some((by, events)) => seen.rooms.push(RoomRecord {
                id: room,
                by,
                events,
                unreadable: Vec::new(),
            }),
            None if was_there || !joined.is_empty() => {
                seen.errors
                    .push(format!("nobody can read {room}: {}", refusals.join("; ")));
            }
            None => {}
        }
    }
    for room in &mut seen.rooms {
        if let Err(why) = decrypt(room, subject, witness).await {
            seen.errors.push(why);
        }
    }
    seen
}

/// Whoever was in a room sees that they came.
fn shows_join_of(events: &[Value], user: &str) -> bool {
    events.iter().any(|event| {
        event["type"] == "m.room.member" && event["state_key"] == user && event["content"]["membership"] == "join"
    })
}

/// The rooms that the bot named in a request, and those that were there before it.
fn rooms_of(exchanges: &[Exchange]) -> BTreeSet<String> {
    let of_bot = exchanges
        .iter()
        .filter(|exchange| exchange.entrance == Entrance::Bot && exchange.method != "GET");
    of_bot.filter_map(|exchange| room_in(&exchange.path)).collect()
}

/// The room of `/rooms/ROOM/…`, unescaped.
fn room_in(path: &str) -> Option<String> {
    let (_, behind) = path.split_once("/rooms/")?;
    unescaped(behind.split('/').next()?)
}

fn unescaped(segment: &str) -> Option<String> {
    let pair = format!("x={}", segment.replace('+', "%2B"));
    let (_, text) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
    Some(text.into_owned()).filter(|text| text.starts_with('!'))
}

/// Those who joined a room and did not leave it, as far as their requests went through the front door, without the bot itself.
fn joined(exchanges: &[Exchange], room: &str, subject: &Subject) -> BTreeSet<String> {
    let mut joined = BTreeSet::new();
    for exchange in exchanges.iter().filter(|exchange| exchange.status == Some(200)) {
        let Some(who) = &exchange.who else { continue };
        let into = exchange.path.strip_suffix("/join").and_then(room_in).or_else(|| {
            let (_, behind) = exchange.path.split_once("/join/")?;
            unescaped(behind)
        });
        let out_of = exchange.path.strip_suffix("/leave").and_then(room_in);
        if into.as_deref() == Some(room) {
            joined.insert(who.user_id.clone());
        } else if out_of.as_deref() == Some(room) {
            // What homeservers show to those who left differs.
            joined.remove(&who.user_id);
        }
    }
    joined.retain(|user| !subject.accounts.iter().any(|account| account.user_id == *user));
    joined
}

/// All events of a room that one may see, oldest first.
async fn whole(http: &Http, room: &str, token: &str) -> Result<Vec<Value>, String> {
    let room: String = url::form_urlencoded::byte_serialize(room.as_bytes()).collect();
    let mut events: Vec<Value> = Vec::new();
    let mut from = String::new();
    loop {
        let path = format!("/_matrix/client/v3/rooms/{room}/messages?dir=b&limit={PAGE}{from}");
        let reply = http.send(Method::GET, &path, Some(token), None).await;
        let reply = reply.map_err(|error| error.to_string())?;
        if reply.status != 200 {
            return Err(format!("HTTP {} {}", reply.status, reply.body["errcode"]));
        }
        let chunk = reply.body["chunk"].as_array().cloned().unwrap_or_default();
        let is_last = chunk.is_empty();
        events.extend(chunk);
        let end = reply.body["end"].as_str().filter(|_| !is_last);
        let Some(end) = end else { break };
        if events.len() >= LONGEST {
            return Err(format!("it has more than {LONGEST} events"));
        }
        let end: String = url::form_urlencoded::byte_serialize(end.as_bytes()).collect();
        from = format!("&from={end}");
    }
    events.reverse();
    Ok(events)
}

/// Puts the words of encrypted messages into a record, as the witness's client has them; notes those of the bot that it has not. Keys come
/// a little later than messages, so the witness is given some time.
async fn decrypt(room: &mut RoomRecord, subject: &Subject, witness: Option<&dyn Witness>) -> Result<(), String> {
    let of_bot = |event: &Value| {
        let sender = event["sender"].as_str().unwrap_or_default();
        subject.accounts.iter().any(|account| account.user_id == sender)
    };
    let encrypted = room.events.iter().filter(|event| event["type"] == "m.room.encrypted");
    let wanted: Vec<String> = encrypted.filter(|event| of_bot(event)).filter_map(id_of).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let Some(witness) = witness else {
        room.unreadable = wanted;
        return Ok(());
    };
    let what = format!("the witness to decrypt {} messages of {}", wanted.len(), room.id);
    let readable = wait::until(what.clone(), PATIENCE, || async {
        match read_by(witness, &room.id).await {
            Ok(known) => match wanted.iter().filter(|id| !known.contains_key(*id)).count() {
                0 => Poll::Ready(known),
                missing => Poll::Pending(format!("{missing} are missing")),
            },
            Err(why) => Poll::Pending(why),
        }
    });
    let known = match readable.await {
        Ok(known) => known,
        Err(_) => read_by(witness, &room.id)
            .await
            .map_err(|why| format!("{what}: {why}"))?,
    };
    for event in &mut room.events {
        let id = id_of(event).unwrap_or_default();
        match known.get(&id) {
            Some(message) if event["type"] == "m.room.encrypted" => {
                event["content"]["body"] = Value::from(message.body.as_str());
            }
            None if wanted.contains(&id) => room.unreadable.push(id),
            _ => {}
        }
    }
    Ok(())
}

/// The messages of a room that the witness can read, by their ids.
async fn read_by(witness: &dyn Witness, room: &str) -> Result<BTreeMap<String, Received>, String> {
    let messages = witness.messages(room).await?;
    let known = messages.into_iter().map(|one| (one.event_id.clone(), one));
    Ok(known.collect())
}

fn id_of(event: &Value) -> Option<String> {
    event["event_id"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("/_matrix/client/v3/rooms/!a:hs/send/m.room.message/1", Some("!a:hs"))]
    #[case("/_matrix/client/v3/rooms/%21a%3Ahs/invite", Some("!a:hs"))]
    #[case("/_matrix/client/v3/createRoom", None)]
    fn the_room_of_a_request_is_found(#[case] path: &str, #[case] room: Option<&str>) {
        assert_eq!(room_in(path).as_deref(), room);
    }
}
