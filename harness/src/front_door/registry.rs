//! Which session stands behind which token: learned from the answers to logins and registrations.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

use super::{Entrance, Who};
use crate::secrets::{Origin, Secrets};

#[derive(Debug, Default)]
pub(super) struct Registry {
    sessions: Mutex<HashMap<String, Who>>,
    /// The token that the bot used last, by user.
    of_bot: Mutex<HashMap<String, String>>,
}

impl Registry {
    pub(super) fn learn(&self, token: &str, who: Who, secrets: &Secrets) {
        let device = who.device_id.as_deref().unwrap_or("?");
        let label = format!("token of {} on {device}", who.user_id);
        secrets.add_of(&who.user_id, label, token);
        lock(&self.sessions).insert(token.to_owned(), who);
    }

    /// Learns from the body of an answer that makes a session.
    pub(super) fn learn_from(&self, answer: &Value, entrance: Entrance, secrets: &Secrets) {
        let text = |key: &str| answer[key].as_str();
        if let (Some(token), Some(user)) = (text("access_token"), text("user_id")) {
            let who = Who {
                user_id: user.to_owned(),
                device_id: text("device_id").map(str::to_owned),
            };
            if entrance == Entrance::Bot {
                secrets.hand(token, Origin::Answer);
            }
            self.learn(token, who, secrets);
        }
        if let Some(token) = text("refresh_token") {
            secrets.add("refresh token", token);
        }
    }

    pub(super) fn who(&self, token: &str) -> Option<Who> {
        lock(&self.sessions).get(token).cloned()
    }

    pub(super) fn seen(&self, token: &str, who: &Who, entrance: Entrance) {
        if entrance == Entrance::Bot {
            lock(&self.of_bot).insert(who.user_id.clone(), token.to_owned());
        }
    }

    pub(super) fn bot_token(&self, user_id: &str) -> Option<String> {
        lock(&self.of_bot).get(user_id).cloned()
    }

    pub(super) fn sessions(&self) -> Vec<(String, Who)> {
        let sessions = lock(&self.sessions);
        sessions
            .iter()
            .map(|(token, who)| (token.clone(), who.clone()))
            .collect()
    }

    pub(super) fn tokens_of(&self, user_id: &str) -> Vec<String> {
        let sessions = lock(&self.sessions);
        let of_user = sessions.iter().filter(|(_, who)| who.user_id == user_id);
        of_user.map(|(token, _)| token.clone()).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_a_login_tells_who_is_behind_the_token() {
        let registry = Registry::default();
        let secrets = Secrets::default();
        let answer = serde_json::json!({"user_id": "@a:hs", "access_token": "syt_token_1", "device_id": "D"});
        registry.learn_from(&answer, Entrance::Bot, &secrets);
        let who = registry.who("syt_token_1").unwrap();
        assert_eq!((who.user_id.as_str(), who.device_id.as_deref()), ("@a:hs", Some("D")));
        assert_eq!(secrets.found_in("syt_token_1"), ["token of @a:hs on D"]);
        assert_eq!(secrets.origin("syt_token_1"), Some(Origin::Answer));
    }

    #[test]
    fn what_people_are_answered_the_bot_was_not_handed() {
        let (registry, secrets) = (Registry::default(), Secrets::default());
        let answer = serde_json::json!({"user_id": "@a:hs", "access_token": "syt_token_1", "device_id": "D"});
        registry.learn_from(&answer, Entrance::Public, &secrets);
        assert_eq!(secrets.origin("syt_token_1"), None);
    }
}
