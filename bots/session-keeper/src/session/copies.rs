//! Other copies of the program on the same account, with data directories of their own.

use std::time::{Duration, Instant};

use matrix_sdk::{ruma::OwnedDeviceId, sync::SyncResponse};
use rand::Rng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Server, Session};
use crate::{
    healing::{Claim, Class, Standing, standing},
    vault::{Vault, VaultError},
};

/// The datum of the account in which the copy that serves says so.
const CLAIM: &str = "app.session-keeper.claim";
/// The datum in which a copy that was overtaken answers whoever overtook it.
const STEPPED_BACK: &str = "app.session-keeper.stepped-back";
/// A claim that could not be made is made again after so long.
const CLAIM_AGAIN: Duration = Duration::from_secs(30);
/// How long a copy that was overtaken may take to answer: longer than a poll.
const ROLL_CALL: Duration = Duration::from_secs(25);

/// What one run of the program knows of the others.
#[derive(Debug)]
pub struct Copies {
    run: String,
    own: Option<Claim>,
    /// When it was last tried to make it.
    tried: Option<Instant>,
    /// The claim of another run that was replaced with one's own, and when.
    replaced: Option<(Claim, Instant)>,
    /// The device of another copy that has answered: it lives.
    living: Option<OwnedDeviceId>,
}

impl Default for Copies {
    fn default() -> Self {
        let mut random = rand::rng();
        let run = (0..16).map(|_| char::from(random.random_range(b'a'..=b'z'))).collect();
        Self {
            run,
            own: None,
            tried: None,
            replaced: None,
            living: None,
        }
    }
}

impl Copies {
    /// Whether it is time to say on the account that this run serves it on this device.
    pub fn is_due(&self, device: &OwnedDeviceId) -> bool {
        let said = self.own.as_ref().is_some_and(|own| own.device == *device);
        !said && self.tried.is_none_or(|tried| tried.elapsed() >= CLAIM_AGAIN)
    }

    /// Says on the account that this run serves it. Answers the claim of another copy that began later, if there is one.
    /// What cannot be asked or said now is left for the next time.
    ///
    /// # Errors
    ///
    /// When the vault cannot be read or written.
    pub async fn claim(
        &mut self,
        server: &Server,
        vault: &Vault,
        session: &Session,
    ) -> Result<Option<Claim>, VaultError> {
        self.tried = Some(Instant::now());
        let Ok(seen) = read(server, session).await else {
            return Ok(None);
        };
        let proof = proof(vault, &session.device)?;
        let own = match (&self.own, &seen) {
            (Some(own), Some(seen)) if standing(own, seen) == Standing::Later => return Ok(Some(seen.clone())),
            (Some(own), _) => Claim {
                device: session.device.clone(),
                proof,
                ..own.clone()
            },
            (None, _) => Claim::after(seen.as_ref(), &self.run, session.device.clone(), proof),
        };
        if !set(server, session, CLAIM, &own).await {
            return Ok(None);
        }
        if let Some(seen) = seen.filter(|seen| self.own.is_none() && seen.run != self.run) {
            self.replaced = Some((seen, Instant::now()));
        }
        self.own = Some(own);
        Ok(None)
    }

    /// The claim of another copy that began later, if the sync brings one. Notes the answers of those that were overtaken.
    pub fn overtaken(&mut self, batch: &SyncResponse) -> Option<Claim> {
        let content = |kind: &str| {
            let mut of_kind = batch
                .account_data
                .iter()
                .filter(|event| event.get_field::<String>("type").ok().flatten().as_deref() == Some(kind));
            of_kind.next_back()?.get_field::<Value>("content").ok().flatten()
        };
        if let Some(answer) = content(STEPPED_BACK) {
            self.heard(&answer);
        }
        let seen: Claim = serde_json::from_value(content(CLAIM)?).ok()?;
        let own = self.own.as_ref()?;
        match standing(own, &seen) {
            Standing::Later => Some(seen),
            Standing::Own => None,
            Standing::Earlier => {
                // Another copy, or an older copy of the server's data, has put it in the place of ours.
                self.own = None;
                self.tried = None;
                None
            }
        }
    }

    /// Gives the claim up to another copy, and lets that one know that this one lives.
    pub async fn step_back(&mut self, server: &Server, session: &Session, other: &Claim) {
        self.own = None;
        self.tried = None;
        let answer = json!({ "run": self.run, "device": session.device, "to": other.run });
        set(server, session, STEPPED_BACK, &answer).await;
    }

    /// Whether another copy still serves the account, as far as it can be found out: then its claim.
    ///
    /// # Errors
    ///
    /// With the reason, for the log, when the homeserver does not say who serves.
    pub async fn other(&self, server: &Server, session: &Session) -> Result<Option<Claim>, String> {
        let seen = read(server, session).await?;
        Ok(seen.filter(|seen| seen.run != self.run && !seen.ended))
    }

    /// Says on the account that this run ends.
    pub async fn end(&mut self, server: &Server, session: &Session) {
        if let Some(own) = self.own.take() {
            set(server, session, CLAIM, &own.ended()).await;
        }
    }

    /// Asks whether the copy that was overtaken has answered, where that is not known yet.
    pub async fn roll_call(&mut self, server: &Server, session: &Session) {
        if self.replaced.is_none() || self.living.is_some() {
            return;
        }
        if let Class::Done(answer) = server.account_data(&session.token, &session.user, STEPPED_BACK).await {
            self.heard(&answer);
        }
    }

    /// The device of another copy that lives, or of which that is not known yet: it must stay.
    pub fn not_ours(&self) -> Option<&OwnedDeviceId> {
        self.living.as_ref().or_else(|| {
            let (claim, since) = self.replaced.as_ref()?;
            (!claim.ended && since.elapsed() < ROLL_CALL).then_some(&claim.device)
        })
    }

    /// The device of a former life of this data directory, of which only the recovery key is left: nobody answers for it.
    ///
    /// # Errors
    ///
    /// When the vault cannot be read.
    pub fn former(&self, vault: &Vault) -> Result<Option<OwnedDeviceId>, VaultError> {
        let Some((claim, _)) = &self.replaced else {
            return Ok(None);
        };
        let gone = self.not_ours() != Some(&claim.device);
        let proven = claim.proof.is_some() && claim.proof == proof(vault, &claim.device)?;
        Ok((gone && proven).then(|| claim.device.clone()))
    }

    fn heard(&mut self, answer: &Value) {
        let text = |key: &str| answer.get(key).and_then(Value::as_str);
        if text("to") == Some(&self.run) && text("run") != Some(&self.run) {
            self.living = text("device").map(OwnedDeviceId::from);
        }
    }
}

/// The claim on the account; `None` where there is none that can be read, an error where the server does not say.
async fn read(server: &Server, session: &Session) -> Result<Option<Claim>, String> {
    match server.account_data(&session.token, &session.user, CLAIM).await {
        Class::Done(content) => Ok(serde_json::from_value(content).ok()),
        Class::Other { status: 404, .. } => Ok(None),
        class => Err(super::describe(&class)),
    }
}

async fn set(server: &Server, session: &Session, kind: &str, content: &impl serde::Serialize) -> bool {
    let written = server
        .set_account_data(&session.token, &session.user, kind, content)
        .await;
    matches!(written, Class::Done(_))
}

/// Known only to whoever has the recovery key. A short one could be guessed from it, so there is none for that.
fn proof(vault: &Vault, device: &OwnedDeviceId) -> Result<Option<String>, VaultError> {
    let key = match vault.recovery_key() {
        Err(error) if error.is_damage() => None,
        key => key?,
    };
    let Some(key) = key.filter(|key| is_random(key.expose())) else {
        return Ok(None);
    };
    let mut digest = Sha256::new();
    digest.update(b"session-keeper claim\0");
    digest.update(key.expose().split_whitespace().collect::<String>());
    digest.update(b"\0");
    digest.update(device.as_str());
    Ok(Some(
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
    ))
}

/// Whether a key is one that a client has made, and no passphrase of a person's.
fn is_random(key: &str) -> bool {
    let plain = key.split_whitespace().collect::<String>();
    plain.len() >= 48 && plain.chars().all(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::{account::Account, secret::Secret};

    const KEY: &str = "EsTj 3yST y93F SLpB jJsz eAXc 2XzA ygD3 w69H fGaN TKBj jXEd";

    fn replaced(claim: Claim, ago: Duration) -> Copies {
        Copies {
            replaced: Some((claim, Instant::now().checked_sub(ago).unwrap())),
            ..Copies::default()
        }
    }

    fn vault(data: &TempDir, key: &str) -> Vault {
        let vault = Vault::new(Account::new("bot"), data.path());
        vault.save_recovery_key(&Secret::new(key)).unwrap();
        vault
    }

    #[test]
    fn only_who_has_the_recovery_key_of_a_former_life_takes_its_device_away() {
        let data = TempDir::new().unwrap();
        let own = vault(&data, KEY);
        let made = proof(&own, &"OLD".into()).unwrap();
        assert!(made.is_some());
        let claim = |proof| Claim::after(None, "former", "OLD".into(), proof).ended();
        let former = |proof, vault: &Vault| replaced(claim(proof), Duration::ZERO).former(vault).unwrap();
        assert_eq!(former(made.clone(), &own), Some("OLD".into()));
        assert_eq!(former(None, &own), None);
        assert_eq!(former(proof(&own, &"OTHER".into()).unwrap(), &own), None);
        let other = vault(&TempDir::new().unwrap(), &KEY.replace('E', "F"));
        assert_eq!(former(made, &other), None);
    }

    #[test]
    fn a_passphrase_proves_nothing_and_can_be_guessed_from_nothing() {
        let data = TempDir::new().unwrap();
        assert_eq!(
            proof(&vault(&data, "correct horse battery staple"), &"OLD".into()).unwrap(),
            None
        );
    }

    #[test]
    fn what_has_not_ended_in_order_is_left_alone_until_nobody_has_answered_for_long() {
        let data = TempDir::new().unwrap();
        let vault = vault(&data, KEY);
        let claim = Claim::after(None, "other", "OLD".into(), proof(&vault, &"OLD".into()).unwrap());
        let soon = replaced(claim.clone(), Duration::ZERO);
        assert_eq!(
            (soon.not_ours(), soon.former(&vault).unwrap()),
            (Some(&"OLD".into()), None)
        );
        let mut late = replaced(claim, ROLL_CALL);
        assert_eq!(
            (late.not_ours(), late.former(&vault).unwrap()),
            (None, Some("OLD".into()))
        );
        late.heard(&json!({ "run": "other", "device": "OLD", "to": late.run.clone() }));
        assert_eq!(
            (late.not_ours(), late.former(&vault).unwrap()),
            (Some(&"OLD".into()), None)
        );
    }

    #[test]
    fn an_answer_to_another_run_says_nothing() {
        let mut copies = replaced(Claim::after(None, "other", "OLD".into(), None), ROLL_CALL);
        copies.heard(&json!({ "run": "other", "device": "OLD", "to": "a former run" }));
        assert_eq!(copies.not_ours(), None);
    }
}
