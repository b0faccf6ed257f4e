//! Each check goes red when the thing it guards is broken, and no other does.

mod excused;
mod identities;
mod once;
mod operator;
mod red;
mod schedule;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Evidence, Finding, RoomRecord, Snapshot, all};
use crate::{
    bot::{Condition, IdentityState, Note, Ready},
    fault::Expectation,
    front_door::{Entrance, Exchange, Upstream, Who},
    history::{Account, Allowed, Entry, Event, Exit, Output, Record, Seen, Subject},
    secrets::{Leak, Origin},
};

const BOT: &str = "@bot:hs";
const NAME: &str = "pong";

fn ready(state: &str, user: &str, device: &str) -> Option<Ready> {
    let condition = match state {
        "ok" => Condition::Serves,
        "needs_operator" => Condition::NeedsOperator,
        _ => Condition::Busy,
    };
    let identity = IdentityState {
        condition,
        state: state.to_owned(),
        why: "no live token".to_owned(),
        next_step: Some("write the password into the file".to_owned()),
        user_id: Some(user.to_owned()),
        device_id: Some(device.to_owned()),
        degraded: Vec::new(),
    };
    Some(Ready {
        serves: condition == Condition::Serves,
        status: if condition == Condition::Serves { 200 } else { 503 },
        body: Value::Null,
        identities: [(NAME.to_owned(), identity)].into(),
    })
}

/// What an identity is noted to be weaker in.
fn noted(what: &str, cure: &str) -> Vec<Note> {
    vec![Note {
        what: what.to_owned(),
        cure: cure.to_owned(),
    }]
}

fn snapshot(seq: u64, device: &str, owned: &[&str]) -> Snapshot {
    Snapshot {
        seq,
        ready: ready("ok", BOT, device),
        devices: [(
            BOT.to_owned(),
            owned.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>(),
        )]
        .into(),
        people: [("@owner:hs".to_owned(), true)].into(),
        master_keys: [(BOT.to_owned(), "master".to_owned())].into(),
    }
}

fn exchange(seq: u64, entrance: Entrance, method: &str, path: &str, status: u16) -> Exchange {
    Exchange {
        seq,
        at_ms: seq,
        entrance,
        upstream: Upstream::Homeserver,
        who: None,
        with_token: false,
        token: None,
        origin: None,
        method: method.to_owned(),
        path: path.to_owned(),
        query: String::new(),
        request: Value::Null,
        status: Some(status),
        upstream_status: None,
        answer: Value::Null,
        took_ms: Some(1),
        bent: None,
        leaks: Vec::new(),
        error: None,
    }
}

fn login(seq: u64, status: u16) -> Exchange {
    exchange(seq, Entrance::Bot, "POST", "/_matrix/client/v3/login", status)
}

fn as_who(mut exchange: Exchange, user: &str, device: &str) -> Exchange {
    exchange.who = Some(Who {
        user_id: user.to_owned(),
        device_id: Some(device.to_owned()),
    });
    exchange.token = Some(format!("t of {device}"));
    exchange.origin = Some(Origin::Answer);
    exchange
}

/// What happens in a drill, in order: tests take things out, change them and put others in.
#[derive(Clone)]
struct Story(Vec<Event>);

impl Story {
    fn subject(&mut self) -> &mut Subject {
        match self.0.first_mut() {
            Some(Event::Subject(subject)) => subject,
            other => panic!("a story begins with its subject, not with {other:?}"),
        }
    }

    /// One thing happens every ten milliseconds.
    fn record(&self) -> Record {
        let at = |(place, event): (u64, &Event)| Entry {
            at_ms: place * 10,
            event: event.clone(),
        };
        Record::of((0..).zip(&self.0).map(at).collect())
    }

    fn judge(&self, check: &str) -> Finding {
        let check = all().into_iter().find(|known| known.name == check).unwrap();
        check.judge(&Evidence::of(self.record()))
    }

    fn place(&self, is: impl Fn(&Event) -> bool) -> usize {
        self.0.iter().position(is).unwrap()
    }

    /// The look of a name, to be changed.
    fn look(&mut self, name: &str) -> &mut Snapshot {
        let found = self.0.iter_mut().find_map(|event| match event {
            Event::Look { when, snapshot } if when == name => Some(snapshot.as_mut()),
            _ => None,
        });
        found.unwrap()
    }

    fn expect(&mut self, expectation: &Expectation) {
        for event in &mut self.0 {
            if let Event::Breaking { allowed, .. } = event {
                *allowed = Allowed::from(expectation);
            }
        }
    }

    /// Something that happens after the fault and before the end.
    fn then(&mut self, event: Event) {
        let end = self.place(|event| matches!(event, Event::Whole));
        self.0.insert(end, event);
    }

    fn passes(&mut self, exchange: Exchange) {
        self.then(Event::Answer(exchange));
    }

    fn without(&mut self, is: impl Fn(&Event) -> bool) {
        self.0.retain(|event| !is(event));
    }

    fn rooms(&mut self, rooms: Vec<RoomRecord>) {
        self.without(|event| matches!(event, Event::Sight(_)));
        let errors = Vec::new();
        self.0.push(Event::Sight(Seen { rooms, errors }));
    }
}

fn readable(user: &str, wanted: usize, read: Result<usize, String>) -> Event {
    Event::Readable {
        user: user.to_owned(),
        wanted,
        read,
    }
}

fn breaking(fault: &str) -> Event {
    Event::Breaking {
        fault: fault.to_owned(),
        moment: "while-running".to_owned(),
        drilled: true,
        allowed: Allowed::from(&Expectation::unharmed()),
    }
}

fn fired(account: &str) -> Event {
    Event::Fired {
        account: account.to_owned(),
        evidence: "it was seen".to_owned(),
    }
}

fn says(ready: Option<Ready>) -> Event {
    Event::Ready {
        said: ready.unwrap(),
        leaks: Vec::new(),
    }
}

fn look(when: &str, snapshot: Snapshot) -> Event {
    Event::Look {
        when: when.to_owned(),
        snapshot: Box::new(snapshot),
    }
}

fn exit(pid: u32, code: Option<i32>, signal: Option<i32>, after: Option<&str>) -> Event {
    Event::Exited(Exit {
        pid,
        code,
        signal,
        after: after.map(str::to_owned),
        took_ms: 20,
    })
}

fn line(text: &str, leaks: &[Leak]) -> Event {
    Event::Line {
        text: text.to_owned(),
        leaks: leaks.to_vec(),
    }
}

fn leak(owner: Option<&str>) -> Leak {
    Leak {
        what: "token of somebody".to_owned(),
        owner: owner.map(str::to_owned),
        given: false,
    }
}

/// Nothing is broken.
fn sound() -> Story {
    let used = as_who(
        exchange(1, Entrance::Bot, "GET", "/_matrix/client/v3/sync", 200),
        BOT,
        "D1",
    );
    let account = Account {
        name: NAME.to_owned(),
        user_id: BOT.to_owned(),
        hit: true,
    };
    Story(vec![
        Event::Subject(Subject {
            accounts: vec![account],
            rooms: vec!["!space".to_owned()],
            lacks: Vec::new(),
            ..Subject::default()
        }),
        Event::Started { pid: 7 },
        line("started", &[]),
        says(ready("ok", BOT, "D1")),
        Event::Answer(used),
        look("before", snapshot(1, "D1", &["D1"])),
        breaking("something"),
        Event::Answer(exchange(2, Entrance::Public, "GET", "/_matrix/client/v3/sync", 200)),
        fired(NAME),
        Event::Whole,
        look("after", snapshot(9, "D1", &["D1"])),
        Event::RoundTrip {
            user: BOT.to_owned(),
            expected: vec!["pong".to_owned()],
            answer: Ok((true, "pong".to_owned())),
        },
        Event::Trust {
            user: BOT.to_owned(),
            device: "D1".to_owned(),
            trust: Ok("signed".to_owned()),
        },
        readable(BOT, 2, Ok(2)),
        Event::Sight(Seen {
            rooms: vec![room("!r", vec![message(BOT, "hello")])],
            errors: Vec::new(),
        }),
        Event::Signalled {
            signal: "SIGTERM".to_owned(),
        },
        exit(7, Some(0), None, Some("SIGTERM")),
        Event::Output(Output {
            name: "tmp/file".to_owned(),
            bytes: 5,
            secrets: 3,
            leaks: Vec::new(),
        }),
    ])
}

impl Story {
    /// What the bot says of its identity in a look.
    fn says_in(&mut self, when: &str) -> &mut IdentityState {
        let ready = self.look(when).ready.as_mut().unwrap();
        ready.identities.get_mut(NAME).unwrap()
    }

    fn without_round_trip(&mut self, answer: Result<(bool, String), String>) {
        self.without(|event| matches!(event, Event::RoundTrip { .. }));
        self.0.push(Event::RoundTrip {
            user: BOT.to_owned(),
            expected: vec!["pong".to_owned()],
            answer,
        });
    }

    fn trusted(&mut self, trust: Result<String, String>) {
        self.0.push(Event::Trust {
            user: BOT.to_owned(),
            device: "D1".to_owned(),
            trust,
        });
    }

    fn reads(&mut self, wanted: usize, read: Result<usize, String>) {
        self.0.push(readable(BOT, wanted, read));
    }

    fn output(&mut self, secrets: usize, leaks: Vec<Leak>) {
        self.without(|event| matches!(event, Event::Output(_)));
        self.0.push(Event::Output(Output {
            name: "tmp/file".to_owned(),
            bytes: 5,
            secrets,
            leaks,
        }));
    }

    fn exits(&mut self, exit: Event) {
        self.without(|event| matches!(event, Event::Exited(_)));
        self.0.push(exit);
    }
}

fn answer_with(leak: Leak) -> Exchange {
    let mut answer = exchange(3, Entrance::Public, "POST", "/pages/api", 200);
    answer.upstream = Upstream::Bot;
    answer.leaks.push(leak);
    answer
}

fn message(sender: &str, body: &str) -> Value {
    json!({ "type": "m.room.message", "sender": sender, "content": { "body": body } })
}

fn member(sender: &str, user: &str, membership: &str) -> Value {
    json!({ "type": "m.room.member", "sender": sender, "state_key": user, "content": { "membership": membership } })
}

fn room(id: &str, events: Vec<Value>) -> RoomRecord {
    RoomRecord {
        id: id.to_owned(),
        by: "@a:hs".to_owned(),
        events,
        unreadable: Vec::new(),
    }
}

fn room_for_one(id: &str) -> RoomRecord {
    let create = json!({ "type": "m.room.create", "sender": BOT, "state_key": "", "content": {} });
    room(id, vec![create, member(BOT, "@a:hs", "invite")])
}

/// As somebody sees it who can decrypt it.
fn encrypted(body: &str) -> Value {
    json!({ "type": "m.room.encrypted", "sender": BOT, "content": { "body": body, "ciphertext": "…" } })
}
