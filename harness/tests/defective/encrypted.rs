//! A small, sound bot that encrypts, signs its device and keeps a key backup; with a defect, if one is wished for.
//!
//! It keeps its keys in memory and is drilled with what needs no other start.

use std::{
    collections::HashSet,
    env, fs,
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use knockproof_harness::client::{Http, Peer, Received, Result};
use reqwest::Method;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::sleep,
};
use url::Url;

use crate::defect::Defect;

/// How often it looks for news.
const LOOKING: Duration = Duration::from_millis(200);

struct Double {
    peer: Peer,
    data: PathBuf,
    defect: Option<Defect>,
    answered: HashSet<String>,
}

/// Runs until it is asked to end.
pub(crate) async fn run() -> ExitCode {
    let mut term = signal(SignalKind::terminate()).unwrap();
    tokio::select! {
        _ = term.recv() => ExitCode::SUCCESS,
        failed = work() => {
            eprintln!("it cannot go on: {failed:?}");
            ExitCode::FAILURE
        }
    }
}

async fn work() -> Result<()> {
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let homeserver: Url = variable("HS").parse().unwrap();
    let (user, password) = (variable("USER_ID"), variable("PASSWORD"));
    let defect = Defect::named(&variable("DEFECT"));
    let peer = Peer::login(&homeserver, &user, &password).await?;
    match defect {
        // The identity is another device's, which signs this one never.
        Some(Defect::SignsNothing) => {
            let other = Peer::login(&homeserver, &user, &password).await?;
            other.make_identity().await?;
            other.user().logout().await?;
        }
        _ => peer.make_identity().await?,
    }
    let double = Double {
        data: variable("DATA_DIR").into(),
        defect,
        answered: HashSet::new(),
        peer,
    };
    double.keep(&double.peer.make_recovery().await?);
    println!("listening");
    double.serve(&homeserver).await
}

impl Double {
    async fn serve(mut self, homeserver: &Url) -> Result<()> {
        let was_away = Arc::new(AtomicBool::new(false));
        tokio::spawn(watch(Http::new(homeserver), was_away.clone()));
        loop {
            if was_away.swap(false, Ordering::SeqCst) {
                self.spoil().await?;
            }
            let rooms = self.peer.client().joined_rooms();
            let rooms: Vec<String> = rooms.iter().map(|room| room.room_id().to_string()).collect();
            for room in rooms {
                // Oldest first.
                let heard = self.peer.history(&room, 30).await.unwrap_or_default();
                for message in heard.into_iter().rev() {
                    self.answer(&room, message).await?;
                }
            }
            sleep(LOOKING).await;
        }
    }

    async fn answer(&mut self, room: &str, message: Received) -> Result<()> {
        let is_own = message.sender == self.peer.user().user_id();
        if is_own || message.body != "!ping" || !self.answered.insert(message.event_id) {
            return Ok(());
        }
        match self.defect {
            // A plain client encrypts nothing, whatever the room.
            Some(Defect::AnswersInClear) => self.peer.user().say(room, "pong").await.map(drop),
            _ => self.peer.say(room, "pong").await.map(drop),
        }
    }

    /// What some do when the homeserver was away.
    async fn spoil(&self) -> Result<()> {
        match self.defect {
            Some(Defect::DropsHistory) => self.peer.delete_backup().await,
            Some(Defect::LosesTrust) => {
                self.keep(&self.peer.make_another_identity().await?);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Keeps the recovery key.
    fn keep(&self, key: &str) {
        fs::write(self.data.join("recovery_key"), key).unwrap();
    }
}

/// Notes that the homeserver was away and is back.
async fn watch(http: Http, was_away: Arc<AtomicBool>) {
    let mut is_away = false;
    loop {
        let reply = http.send(Method::GET, "/_matrix/client/versions", None, None).await;
        let answers = reply.is_ok_and(|reply| reply.status == 200);
        if is_away && answers {
            was_away.store(true, Ordering::SeqCst);
        }
        is_away = !answers;
        sleep(LOOKING).await;
    }
}
