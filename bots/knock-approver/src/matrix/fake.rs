//! A homeserver for tests: it keeps what it is told and writes down what was done.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use matrix_sdk::ruma::{
    EventId, OwnedDeviceId, OwnedEventId, OwnedRoomId, RoomId, UserId, api::client::room::create_room,
};
use serde_json::{Value, json};

use super::{Actor, Failure, Homeserver, Knock, Letter, Member, Membership, Sought, Standing};
use crate::{
    config::Role,
    healing::{About, Reply, refusal},
};

pub(crate) const BOT: &str = "@bot:hs";

/// What a request comes to instead of an answer.
#[derive(Clone, Debug)]
pub(crate) enum No {
    Refused(u16, &'static str),
    Limited(Duration),
    Unclear,
}

impl From<No> for Failure {
    fn from(no: No) -> Self {
        match no {
            No::Refused(status, errcode) => refused(status, errcode),
            No::Limited(wait) => Self::Limited { wait },
            No::Unclear => Self::Unclear("the connection was lost".to_owned()),
        }
    }
}

/// What the classing of all requests makes of such an answer.
pub(crate) fn refused(status: u16, errcode: &str) -> Failure {
    let reply = Reply {
        status,
        body: &json!({ "errcode": errcode, "error": "no" }),
        retry_after: None,
        location: None,
    };
    refusal(About::Room, &reply).into()
}

/// What createRoom does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Creation {
    #[default]
    Whole,
    /// 200, and nobody is invited.
    WithoutInvite,
    /// 403, and the room is there.
    RefusedAndThere,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// What was done, in order.
    pub(crate) log: Vec<String>,
    pub(crate) members: HashMap<(String, String), (Membership, String)>,
    pub(crate) names: HashMap<String, String>,
    pub(crate) standings: HashMap<String, Standing>,
    /// By what is done and where, such as `invite !space:hs`.
    pub(crate) noes: HashMap<String, No>,
    pub(crate) creation: Creation,
    pub(crate) made: Vec<(String, OwnedRoomId)>,
    pub(crate) left: HashSet<String>,
    pub(crate) letters: Vec<Letter>,
    pub(crate) knocks: Vec<Knock>,
    pub(crate) answered: BTreeSet<String>,
    pub(crate) events: HashMap<String, Value>,
    pub(crate) pages: HashMap<String, Vec<Value>>,
    pub(crate) device: String,
    /// Whether no identity serves.
    pub(crate) absent: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Fake(Mutex<State>);

impl Fake {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn set_member(&self, room: &str, user: &str, membership: Membership, reason: &str) {
        let entry = (membership, reason.to_owned());
        self.state().members.insert((room.to_owned(), user.to_owned()), entry);
    }

    pub(crate) fn refuse(&self, what: &str, no: No) {
        self.state().noes.insert(what.to_owned(), no);
    }

    pub(crate) fn allow(&self, what: &str) {
        self.state().noes.remove(what);
    }

    /// What was done since the last time that this was asked.
    pub(crate) fn done(&self) -> Vec<String> {
        std::mem::take(&mut self.state().log)
    }

    fn checked(&self, what: &str) -> Result<(), Failure> {
        match self.state().noes.get(what).cloned() {
            Some(no) => Err(no.into()),
            None => Ok(()),
        }
    }

    fn actor_as(&self, role: Role) -> Actor {
        let device = self.state().device.clone();
        let user = match role {
            Role::Approver => BOT,
            Role::Onboarding => "@onboarding:hs",
        };
        Actor {
            user: user.try_into().unwrap(),
            device: OwnedDeviceId::from(device),
        }
    }
}

#[async_trait]
impl Homeserver for Fake {
    async fn actor(&self, role: Role) -> Actor {
        if self.state().absent {
            return std::future::pending().await;
        }
        self.actor_as(role)
    }

    fn actor_now(&self, role: Role) -> Option<Actor> {
        let absent = self.state().absent;
        (!absent).then(|| self.actor_as(role))
    }

    fn other(&self, _: Role) -> Option<Role> {
        None
    }

    async fn serves(&self, _: Role) -> bool {
        true
    }

    fn lobby_host(&self) -> Option<Role> {
        Some(Role::Approver)
    }

    async fn member(&self, _: Role, room: &RoomId, user: &UserId) -> Result<Member, Failure> {
        self.checked(&format!("member {room}"))?;
        let known = self.state().members.get(&(room.to_string(), user.to_string())).cloned();
        let (membership, reason) = known.unwrap_or((Membership::Out, String::new()));
        Ok(Member { membership, reason })
    }

    async fn display_name(&self, _: Role, _: &RoomId, user: &UserId) -> Result<Option<String>, Failure> {
        Ok(self.state().names.get(user.as_str()).cloned())
    }

    async fn power_level(&self, _: Role, _: &RoomId, _: &UserId) -> Result<i64, Failure> {
        Ok(100)
    }

    async fn standing(&self, _: Role, room: &RoomId) -> Result<Standing, Failure> {
        let known = self.state().standings.get(room.as_str()).cloned();
        Ok(known.unwrap_or(Standing {
            membership: Membership::Joined,
            power: 100,
            to_invite: 50,
            to_speak: 0,
        }))
    }

    async fn is_in(&self, role: Role, room: &RoomId) -> Result<bool, Failure> {
        self.checked("joined")?;
        let user = self.actor_as(role).user;
        let known = self.state().members.get(&(room.to_string(), user.to_string())).cloned();
        Ok(known.is_some_and(|(membership, _)| membership == Membership::Joined))
    }

    async fn is_replaced(&self, _: Role, _: &RoomId) -> Result<bool, Failure> {
        Ok(false)
    }

    async fn knocks(&self, _: &RoomId) -> Result<Vec<Knock>, Failure> {
        Ok(self.state().knocks.clone())
    }

    async fn answered_knocks(&self, _: &RoomId) -> Result<BTreeSet<String>, Failure> {
        Ok(self.state().answered.clone())
    }

    async fn keep_answered_knocks(&self, _: &RoomId, knocks: &BTreeSet<String>) -> Result<(), Failure> {
        self.state().answered.clone_from(knocks);
        Ok(())
    }

    async fn last_page(&self, _: Role, room: &RoomId) -> Result<Vec<Value>, Failure> {
        Ok(self.state().pages.get(room.as_str()).cloned().unwrap_or_default())
    }

    async fn event(&self, _: Role, _: &RoomId, event: &EventId) -> Option<Value> {
        self.state().events.get(event.as_str()).cloned()
    }

    async fn said(&self, _: Role, _: &RoomId, sought: Sought<'_>) -> Result<bool, Failure> {
        let state = self.state();
        let is_it = |letter: &Letter| letter.content[super::MARKER] == sought.marker;
        Ok(state.letters.iter().any(is_it))
    }

    async fn find_marked_room(
        &self,
        _: Role,
        marker: &str,
        known: &HashSet<String>,
    ) -> Result<Option<OwnedRoomId>, Failure> {
        let state = self.state();
        let made = state.made.iter().filter(|(mark, room)| {
            mark == marker && !known.contains(room.as_str()) && !state.left.contains(room.as_str())
        });
        Ok(made.map(|(_, room)| room.clone()).next())
    }

    async fn create_room(
        &self,
        _: Role,
        request: create_room::v3::Request,
        marker: &str,
    ) -> Result<OwnedRoomId, Failure> {
        self.checked("create")?;
        let mut state = self.state();
        let room = OwnedRoomId::try_from(format!("!made{}:hs", state.made.len() + 1)).unwrap();
        state.made.push((marker.to_owned(), room.clone()));
        state.log.push(format!("create {room}"));
        state
            .members
            .insert((room.to_string(), BOT.to_owned()), (Membership::Joined, String::new()));
        if state.creation == Creation::Whole {
            for guest in request.invite {
                let entry = (Membership::Invited, String::new());
                state.members.insert((room.to_string(), guest.to_string()), entry);
            }
        }
        match state.creation {
            Creation::RefusedAndThere => Err(refused(403, "M_FORBIDDEN")),
            Creation::Whole | Creation::WithoutInvite => Ok(room),
        }
    }

    async fn invite(&self, _: Role, room: &RoomId, user: &UserId) -> Result<(), Failure> {
        let made = if room.as_str().starts_with("!made") {
            "!made"
        } else {
            room.as_str()
        };
        self.checked(&format!("invite {made}"))?;
        self.set_member(room.as_str(), user.as_str(), Membership::Invited, "");
        self.state().log.push(format!("invite {room} {user}"));
        Ok(())
    }

    async fn leave(&self, _: Role, room: &RoomId) -> Result<(), Failure> {
        self.checked(&format!("leave {room}"))?;
        self.set_member(room.as_str(), BOT, Membership::Out, "");
        let mut state = self.state();
        state.left.insert(room.to_string());
        state.log.push(format!("leave {room}"));
        Ok(())
    }

    async fn send(&self, _: Role, device: &OwnedDeviceId, letter: &Letter) -> Result<OwnedEventId, Failure> {
        self.checked(&format!("send {}", letter.room))?;
        let mut state = self.state();
        if device.as_str() != state.device {
            return Err(Failure::OtherDevice);
        }
        let body = letter.content["body"].as_str().unwrap();
        let first = body.lines().next().unwrap_or_default();
        state.log.push(format!("say {}: {first}", letter.room));
        state.letters.push(letter.clone());
        Ok(OwnedEventId::try_from(format!("$sent{}", state.letters.len())).unwrap())
    }

    async fn share_history(&self, _: Role, _: &RoomId, _: &UserId) -> Result<Membership, Failure> {
        Ok(Membership::Joined)
    }
}
