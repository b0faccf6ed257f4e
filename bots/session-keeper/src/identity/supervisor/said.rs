//! What the operator is told.

use std::time::{Duration, SystemTime};

use super::Supervisor;
use crate::{
    crypto::cure_of,
    healing::HealBlocker,
    health::{Board, Degraded, Health, IdentityHealth},
    identity::{
        complaint::{Files, complaint},
        curable::Curable,
    },
};

impl Supervisor {
    /// For tasks beside the sync, which say by themselves what they find.
    pub(in crate::identity) fn board(&self) -> Board {
        self.board.clone()
    }

    /// Whether something is weaker than it should be.
    pub(in crate::identity) fn is_degraded(&self) -> bool {
        !self.board.snapshot().degraded.is_empty()
    }

    /// Puts up or takes down a note on what is weaker.
    pub(in crate::identity) fn note(&self, key: &'static str, note: Option<Degraded>) {
        let shown = self.board.snapshot();
        let known = |note: &Degraded| shown.degraded.contains(note);
        if let Some(note) = note.as_ref().filter(|note| !known(note)) {
            tracing::warn!(role = self.role.name(), what = note.what, cure = note.cure, "degraded");
        }
        self.board.note(key, note);
    }

    pub(in crate::identity) fn say_blocked(&self, heal_blocker: &HealBlocker) {
        let source = self.healer.password_source();
        let user = self
            .healer
            .localpart()
            .unwrap_or_else(|_| self.config.default_localpart.clone());
        let files = Files {
            password_problem: source.problem(),
            session_aside: self.healer.vault().session_aside(),
            unusable_tokens: self.healer.unusable_tokens(),
        };
        let complaint = complaint(heal_blocker, &user, source.place(), &files, &self.config.wording);
        self.say_operator(complaint.why, complaint.next_step, self.healer.next_login_in());
    }

    pub(in crate::identity) fn say_operator(&self, why: String, next_step: String, again_in: Option<Duration>) {
        let mut health = IdentityHealth::now(Health::NeedsOperator, why);
        health.next_step = Some(next_step);
        health.until = again_in.map(|wait| SystemTime::now() + wait);
        self.say(health);
    }

    /// Something on this machine is in the way: files that cannot be written, a store that cannot be opened.
    pub(in crate::identity) fn say_broken(&self, error: &(impl Curable + ?Sized)) {
        let data = &self.config.data_dir;
        let next = error.cure().or_else(|| cure_of(&error.to_string(), data));
        let next = next.unwrap_or_else(|| {
            format!(
                "see to it that {} is there, can be written by this process, and has room left",
                data.display()
            )
        });
        self.say_operator(error.to_string(), next, None);
    }

    pub(super) fn say(&self, health: IdentityHealth) {
        let before = self.board.said();
        if (before.state, &before.why) != (health.state, &health.why) {
            let (role, why) = (self.role.name(), &health.why);
            match (health.state, &health.next_step) {
                (Health::NeedsOperator, next_step) => {
                    tracing::error!(role, why, next_step, "needs the operator");
                }
                (Health::Healing, _) => tracing::warn!(role, why, "healing"),
                (Health::Ok, _) => tracing::info!(role, why, "ok"),
            }
        }
        self.board.set(health);
    }
}
