//! What the bot tells the operators in their room.

use harness::{
    client::User,
    step::{Failure, ensure},
    world::World,
};
use serde_json::Value;

use super::{PATIENCE, Seen, bot_ids, lobby, vetting};

/// The operators' room, as one of them sees it.
#[derive(Debug)]
pub struct Notes {
    room: String,
    bots: Vec<String>,
}

impl Notes {
    /// The notes that the bot leaves in a room.
    pub fn new(world: &World, room: &str) -> Self {
        Self {
            room: room.to_owned(),
            bots: bot_ids(world),
        }
    }

    /// All notes so far, oldest first.
    ///
    /// # Errors
    /// When the room cannot be read.
    pub async fn all(&self, operator: &User) -> Result<Vec<String>, Failure> {
        let mut events = operator.messages(&self.room, 200).await?;
        events.reverse();
        let notes = events.iter().filter(|event| self.is_note(event));
        Ok(notes
            .filter_map(|event| event["content"]["body"].as_str().map(str::to_owned))
            .collect())
    }

    /// Waits for a note that holds each of these words.
    ///
    /// # Errors
    /// When none comes.
    pub async fn wait(&self, operator: &User, words: &[&str]) -> Result<String, Failure> {
        let says = |event: &Value| {
            let body = event["content"]["body"].as_str().unwrap_or_default();
            words.iter().all(|word| body.contains(word))
        };
        let what = format!("a note with {words:?} in {}", self.room);
        let event = operator
            .wait_event(&self.room, &what, PATIENCE * 4, |event| {
                self.is_note(event) && says(event)
            })
            .await?;
        Ok(event["content"]["body"].as_str().unwrap_or_default().to_owned())
    }

    fn is_note(&self, event: &Value) -> bool {
        event["type"] == "m.room.message" && self.bots.iter().any(|bot| event["sender"] == bot.as_str())
    }

    /// Waits for a note, and sees that it is the only one with these words.
    pub async fn once(&self, operator: &User, words: &[&str]) -> Seen<String> {
        let note = self.wait(operator, words).await?;
        let notes = self.all(operator).await?;
        let same = notes.iter().filter(|note| words.iter().all(|word| note.contains(word)));
        let same = same.count();
        ensure(same == 1, || format!("{same} notes with {words:?}: {notes:#?}"))?;
        Ok((note.clone(), note))
    }

    /// Nothing was told but these, in whatever order, each once.
    ///
    /// Silence cannot be waited for. So a stranger enters a fresh lobby, which is told; notes come in the order in which they arose, and
    /// once this one is there, whatever the bot had to tell before has been told. The stranger's note is added to what is expected.
    pub async fn nothing_else(&self, world: &World, expected: &mut Vec<String>) -> Seen {
        let (_, note) = self.stranger_enters(world, "marker").await?;
        expected.push(note);
        let mut told = self.all(world.owner()).await?;
        let mut wanted = expected.clone();
        told.sort();
        wanted.sort();
        ensure(told == wanted, || format!("told were {told:#?}, not {wanted:#?}"))?;
        harness::step::seen(format!("{} notes, each once", told.len()))
    }

    /// A stranger enters a fresh lobby and is told of; answers them, the lobby, and the note.
    ///
    /// # Errors
    /// When the lobby is not opened, or no note comes.
    pub async fn stranger_enters(&self, world: &World, hint: &str) -> Result<((User, lobby::Lobby), String), Failure> {
        let (open, _) = lobby::opened(world).await?;
        let (stranger, _) = vetting::register(world, hint).await?;
        lobby::entered(&stranger, &open).await?;
        let note = self.wait(world.owner(), &["🚪", stranger.user_id()]).await?;
        Ok(((stranger, open), note))
    }
}
