//! Standing back while another copy of the program serves the account.

use std::time::Duration;

use matrix_sdk::sync::SyncResponse;
use tokio::time::timeout;

use super::supervisor::{End, Supervisor};
use crate::{
    healing::{Claim, Mark},
    session::{Leftovers, Session},
};

/// For a claim, which the sync waits for.
const CLAIM_PATIENCE: Duration = Duration::from_secs(3);
/// For the word that this run ends, which the end of the process waits for.
const END_PATIENCE: Duration = Duration::from_secs(1);
/// How often it is looked whether the other copy still serves.
const LOOK_EVERY: Duration = Duration::from_secs(10);

impl Supervisor {
    /// Says on the account that this run serves it, where that is due. `Some` where another copy has begun later.
    pub(super) async fn claim(&mut self, session: &Session) -> Option<End> {
        if !self.copies.is_due(&session.device) {
            return None;
        }
        let claim = self.copies.claim(self.healer.server(), self.healer.vault(), session);
        match timeout(CLAIM_PATIENCE, claim).await {
            Ok(Ok(Some(other))) => return Some(self.overtaken_by(other, session)),
            Ok(Ok(None)) => {}
            Ok(Err(error)) => tracing::warn!(role = self.role.name(), %error, "other copies are not told of this one"),
            Err(_) => tracing::warn!(role = self.role.name(), "the homeserver does not take a claim in time"),
        }
        None
    }

    /// `Some` where the sync says that another copy has begun later.
    pub(super) fn look_for_copies(&mut self, batch: &SyncResponse, session: &Session) -> Option<End> {
        let other = self.copies.overtaken(batch)?;
        Some(self.overtaken_by(other, session))
    }

    fn overtaken_by(&mut self, other: Claim, session: &Session) -> End {
        self.overtaken = Some((other, session.clone()));
        End::Overtaken
    }

    /// Leaves the account to the copy that began later, until that has ended or the operator wants this one.
    pub(super) async fn stand_by(&mut self) {
        let Some((mut other, session)) = self.overtaken.take() else {
            return;
        };
        let mut password = self.healer.password_source().state();
        let mut answered = None;
        loop {
            if answered.as_ref() != Some(&other.run) {
                let answer = self.copies.step_back(self.healer.server(), &session, &other);
                timeout(CLAIM_PATIENCE, answer).await.ok();
                answered = Some(other.run.clone());
            }
            self.say_overtaken(&other, &session);
            if self.wait_for_operator(LOOK_EVERY, &mut password).await {
                return;
            }
            let look = self.copies.other(self.healer.server(), &session);
            match timeout(CLAIM_PATIENCE, look).await {
                Ok(Ok(None)) => {
                    Mark::CuredFromOutside.hit(self.role);
                    return;
                }
                Ok(Ok(Some(now))) => other = now,
                // Who cannot be asked may well serve.
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }

    fn say_overtaken(&self, other: &Claim, session: &Session) {
        let (user, file) = (&session.user, self.healer.password_source().place());
        let on = match other.device == session.device {
            true => "on the same device".to_owned(),
            false => format!("on the device {}", other.device),
        };
        self.say_operator(
            format!("another copy of this program has begun to run as {user}, {on}: this one has stepped back"),
            format!("stop one of the two; if the other one is stopped for good, restart this one or touch {file}"),
            None,
        );
    }

    /// Finds out whether the copy that this run has overtaken lives.
    pub(super) async fn call_roll(&mut self, session: &Session) {
        let call = self.copies.roll_call(self.healer.server(), session);
        timeout(CLAIM_PATIENCE, call).await.ok();
    }

    /// Says on the account that this run ends, if it is the one that serves.
    pub(super) async fn say_ended(&mut self) {
        if let Some(session) = self.serving.take() {
            let end = self.copies.end(self.healer.server(), &session);
            timeout(END_PATIENCE, end).await.ok();
        }
    }

    /// The devices left behind, without those that other copies use.
    pub(super) fn leftovers(&self) -> Leftovers {
        let mut leftovers = self.healer.leftovers();
        leftovers.not_ours = self.copies.not_ours().cloned();
        match self.copies.former(self.healer.vault()) {
            Ok(former) => leftovers.former = former,
            Err(error) => tracing::warn!(role = self.role.name(), %error, "devices of a former life stay"),
        }
        leftovers
    }
}
