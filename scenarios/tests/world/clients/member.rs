//! A member of the room, whatever its client is made with.

use std::{path::Path, time::Duration};

use harness::{
    client::Peer,
    step::Failure,
    wait::{self, Poll},
    world::World,
};
use serde_json::json;

use super::program::{Program, Read};

/// How long a client may take for one thing.
const PATIENCE: Duration = Duration::from_secs(30);

/// A member, with the name of what its client is made with.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    client: Client,
}

enum Client {
    Sdk(Peer),
    Program(Program),
}

impl Member {
    /// Somebody with a client made with matrix-sdk.
    pub(crate) async fn sdk(name: &'static str, world: &World) -> Result<Self, Failure> {
        let user = world.new_user(name).await?;
        let client = Client::Sdk(world.peer(&user).await?);
        Ok(Self { name, client })
    }

    /// Somebody with the client `scenarios/clients/<name>_client.py`.
    pub(crate) async fn program(name: &'static str, venv: &Path, world: &World) -> Result<Self, Failure> {
        let user = world.new_user(name).await?;
        let client = Client::Program(Program::start(name, venv, world, &user, PATIENCE).await?);
        Ok(Self { name, client })
    }

    pub(crate) fn user_id(&self) -> &str {
        match &self.client {
            Client::Sdk(peer) => peer.user().user_id(),
            Client::Program(program) => program.user_id(),
        }
    }

    pub(crate) async fn join(&mut self, room: &str) -> Result<(), Failure> {
        match &mut self.client {
            Client::Sdk(peer) => Ok(peer.join(room).await?),
            Client::Program(program) => program
                .ask(json!({ "do": "join", "room": room }), PATIENCE)
                .await
                .map(drop),
        }
    }

    /// Waits until this client knows the room as encrypted and all these users as its members.
    pub(crate) async fn see(&mut self, room: &str, users: &[String]) -> Result<(), Failure> {
        match &mut self.client {
            // It asks the server for the members before it encrypts.
            Client::Sdk(_) => Ok(()),
            Client::Program(program) => {
                let see = json!({ "do": "see", "room": room, "users": users });
                program.ask(see, PATIENCE).await.map(drop)
            }
        }
    }

    /// Sends a text; answers the event's id.
    pub(crate) async fn say(&mut self, room: &str, text: &str) -> Result<String, Failure> {
        match &mut self.client {
            Client::Sdk(peer) => Ok(peer.say(room, text).await?),
            Client::Program(program) => {
                let send = json!({ "do": "send", "room": room, "text": text });
                let sent = program.ask(send, PATIENCE).await?;
                let id = sent["event_id"].as_str().map(str::to_owned);
                id.ok_or_else(|| Failure::new(format!("{} has sent {sent}", self.name)))
            }
        }
    }

    /// Waits until this client has read an event.
    pub(crate) async fn wait_read(&self, room: &str, event_id: &str) -> Result<Read, Failure> {
        match &self.client {
            Client::Sdk(peer) => {
                let what = format!("{} to read {event_id}", self.name);
                let wanted = |message: &harness::client::Received| message.event_id == event_id;
                let received = peer.wait_message(room, &what, PATIENCE, wanted).await?;
                Ok(Read {
                    event_id: received.event_id,
                    sender: received.sender,
                    text: received.body,
                    encrypted: received.encrypted,
                })
            }
            Client::Program(program) => program.wait_read(event_id, PATIENCE).await,
        }
    }

    /// Waits until this client has met an event that it cannot read; answers what it says of it. `so_far` is how many such events of
    /// others, this one included, are in the room.
    pub(crate) async fn wait_unreadable(&self, room: &str, event_id: &str, so_far: usize) -> Result<String, Failure> {
        let peer = match &self.client {
            Client::Sdk(peer) => peer,
            Client::Program(program) => return program.wait_unreadable(event_id, PATIENCE).await,
        };
        let what = format!("{} to meet {so_far} unreadable events", self.name);
        let met = wait::until(what, PATIENCE, || async {
            match (peer.unreadable(room, 50).await, peer.history(room, 50).await) {
                (Ok(unreadable), Ok(read)) if unreadable == so_far => Poll::Ready((
                    unreadable,
                    read.into_iter().find(|message| message.event_id == event_id),
                )),
                (unreadable, read) => Poll::Pending(format!("{unreadable:?} unreadable; read: {read:?}")),
            }
        });
        match met.await? {
            (unreadable, None) => Ok(format!("{unreadable} unreadable")),
            (_, Some(read)) => Err(Failure::new(format!("{} has read {read:?}", self.name))),
        }
    }
}
