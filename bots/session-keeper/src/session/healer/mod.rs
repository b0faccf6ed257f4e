//! Executes the plan.

mod known;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use matrix_sdk::ruma::{OwnedDeviceId, OwnedUserId};

use super::{
    Leftovers, Server,
    tokens::{Which, session},
};
use crate::{
    account::Account,
    config::IdentityConfig,
    healing::{
        Ask, Class, Contention, Expected, HealBlocker, Mark, May, Pace, Password, PasswordThrottle, Plan, Situation,
        Source, Step, Target, Token,
    },
    secret::Secret,
    vault::{LeftDevice, PasswordSource, PasswordState, Saved, Vault, VaultError},
};

/// A session whose token was alive a moment ago and is on the disk.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Session {
    /// The user.
    pub user: OwnedUserId,
    /// The device.
    pub device: OwnedDeviceId,
    /// The token.
    pub token: Secret,
    /// What makes another one when it has expired, where the server gave that.
    pub refresh: Option<Secret>,
}

/// What an attempt to heal came to.
#[derive(Debug)]
#[non_exhaustive]
pub enum HealOutcome {
    /// There is a session.
    Live(Session),
    /// Wait at least so long and try again, for this reason.
    Wait(Duration, String),
    /// Only the operator can help.
    Blocked(HealBlocker),
}

/// What a session could come from.
struct AtHand {
    expected: Expected,
    may_log_in: Password,
    saved: Option<Saved>,
    saved_token: Option<Secret>,
    refresh_token: Option<Secret>,
    given_token: Option<Secret>,
}

/// A session that still has to be saved.
#[derive(Clone, Debug)]
struct Unsaved {
    source: Source,
    session: Session,
    saved: Option<Saved>,
}

/// Heals the session of one identity, one attempt at a time, and remembers between attempts what must not be repeated.
#[derive(Debug)]
pub struct Healer {
    role: Account,
    pub(super) server: Server,
    pub(super) vault: Vault,
    password: PasswordSource,
    username: Option<String>,
    default_localpart: String,
    given_token: Option<Secret>,
    /// How the operator is told of that one.
    pub(super) given_token_name: String,
    throttle: PasswordThrottle<PasswordState>,
    contention: Contention,
    cool_down: Option<Instant>,
    /// Why the password in its present state does not help.
    refusal: Option<HealBlocker>,
    /// The device that a login has made last.
    made: Option<OwnedDeviceId>,
    /// A session that a login has made and that is not on the disk yet.
    unsaved: Option<Unsaved>,
    /// The token that a login has made, until something was asked with it successfully.
    pub(super) unproven: Option<Secret>,
    /// The state of the password's source at the last login.
    tried: Option<PasswordState>,
    /// Whether the account was barred when a token was looked at last.
    pub(super) seen_barred: bool,
    /// Why a token that was given is not used.
    pub(super) unusable: BTreeMap<Which, &'static str>,
    /// The branches of the last attempt: while an attempt is repeated, they are logged once.
    said: Vec<Mark>,
    epoch: Instant,
}

impl Healer {
    /// A healer that has not tried anything yet.
    pub fn new(config: &IdentityConfig, server: Server) -> Self {
        Self {
            role: config.role,
            server,
            vault: config.vault(),
            password: config.password.clone(),
            username: config.username.clone(),
            default_localpart: config.default_localpart.clone(),
            given_token: config.given_token.clone(),
            given_token_name: config.wording.given_token.clone(),
            throttle: PasswordThrottle::default(),
            contention: Contention::default(),
            cool_down: None,
            refusal: None,
            made: None,
            unsaved: None,
            unproven: None,
            tried: None,
            seen_barred: false,
            unusable: BTreeMap::new(),
            said: Vec::new(),
            epoch: Instant::now(),
        }
    }

    /// Which identity.
    pub fn role(&self) -> Account {
        self.role
    }

    /// The identity's files.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The homeserver.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Where the password comes from.
    pub fn password_source(&self) -> &PasswordSource {
        &self.password
    }

    /// The password, where there is one that may be tried now.
    pub fn usable_password(&self) -> Option<Secret> {
        let (password, state) = self.password.read()?;
        (self.throttle.may(&state, self.epoch.elapsed()) == May::Try).then_some(password)
    }

    /// The devices left behind, and what it takes to remove them now.
    pub fn leftovers(&self) -> Leftovers {
        Leftovers {
            role: self.role,
            server: self.server.clone(),
            vault: self.vault.clone(),
            password: self.usable_password(),
            not_ours: None,
            former: None,
        }
    }

    /// Whether a login of this process made the device.
    pub fn has_made(&self, device: &OwnedDeviceId) -> bool {
        self.made.as_ref() == Some(device)
    }

    /// Whether a token that has died can be had again without a login.
    pub fn can_refresh(&self) -> bool {
        let saved = self.vault.session().ok().flatten();
        saved.is_some_and(|saved| saved.refresh.is_some())
    }

    /// The token in use was found dead.
    pub fn token_died(&mut self) {
        self.contention.died(self.epoch.elapsed());
        if self.contention.contested() && self.cool_down.is_none() {
            self.cool_down = Some(Instant::now() + Contention::COOL_DOWN);
        }
    }

    /// The operator has written a new password: whoever fought for the device, this is a new start.
    pub fn password_changed(&mut self) {
        self.unproven = None;
        if self.cool_down.take().is_some() {
            self.contention.after_cool_down();
        }
    }

    /// Goes through the sources of a session, in order, as far as the homeserver answers.
    ///
    /// # Errors
    ///
    /// When a file of the vault is in the way.
    pub async fn attempt(&mut self) -> Result<HealOutcome, VaultError> {
        if let Some(unsaved) = self.unsaved.clone() {
            // The disk was full, or the like: the session is there, only its file is not.
            let session = self.keep(unsaved.source, unsaved.session, unsaved.saved.as_ref())?;
            tracing::info!(
                role = self.role.name(),
                "the session that could not be saved is saved now"
            );
            return Ok(HealOutcome::Live(session));
        }
        let at_hand = self.at_hand()?;
        let mut plan = Plan::new(self.situation(&at_hand));
        let mut found = None;
        loop {
            let ask = match plan.next() {
                Step::Ask(ask) => ask,
                end => {
                    self.say(plan.marks());
                    return self.conclude(end, found, at_hand.saved.as_ref()).await;
                }
            };
            let Some((class, token)) = self.ask(ask, &at_hand).await? else {
                break;
            };
            found = session(&class, token, at_hand.saved.as_ref()).or(found);
            if let Class::WrongUser { user, .. } = &class {
                let wanted = &at_hand.expected;
                tracing::warn!(role = self.role.name(), %user, ?wanted, "a token of another user is not used");
            }
            plan.saw(ask, &class);
        }
        Ok(HealOutcome::Wait(Duration::ZERO, "a file changed meanwhile".to_owned()))
    }

    /// Everything that a session could come from.
    fn at_hand(&mut self) -> Result<AtHand, VaultError> {
        let expected = self.expected()?;
        let may_log_in = self.password_now(self.password.read().as_ref());
        let saved = self.saved(&expected, may_log_in == Password::Ready)?;
        let saved_token = saved.as_ref().and_then(|saved| saved.token.clone());
        let saved_token = self.usable(Which::Saved, saved_token);
        let given_token = self.usable(Which::Given, self.given_token.clone());
        Ok(AtHand {
            refresh_token: saved
                .as_ref()
                .filter(|saved| saved.user.is_some())
                .and_then(|saved| saved.refresh.clone()),
            given_token: given_token.filter(|token| Some(token) != saved_token.as_ref()),
            expected,
            may_log_in,
            saved,
            saved_token,
        })
    }

    fn situation(&mut self, at_hand: &AtHand) -> Situation {
        Situation {
            saved_device: at_hand.saved.as_ref().and_then(|saved| saved.device.clone()),
            saved_token: at_hand.saved_token.is_some(),
            refresh_token: at_hand.refresh_token.is_some(),
            given_token: at_hand.given_token.is_some(),
            password: at_hand.may_log_in,
            contested: self.contested_now(),
        }
    }

    /// Asks the homeserver; `None` where what it takes is not there any more. A token comes with the answer about it.
    async fn ask(&mut self, ask: Ask, at_hand: &AtHand) -> Result<Option<(Class, Option<Secret>)>, VaultError> {
        let saved = at_hand.saved.as_ref();
        Ok(match ask {
            Ask::Whoami(which) => {
                let token = match which {
                    Token::Saved => &at_hand.saved_token,
                    Token::Given => &at_hand.given_token,
                };
                let Some(token) = token else { return Ok(None) };
                let class = self.whoami(which, token, &at_hand.expected, saved).await;
                Some((class, Some(token.clone())))
            }
            Ask::Refresh => {
                let Some(refresh) = &at_hand.refresh_token else {
                    return Ok(None);
                };
                // What is not kept is lost: a refresh token is good for little more than once.
                self.vault.prove_writable()?;
                Some((self.server.refresh(refresh).await, None))
            }
            Ask::Login(target) => {
                // Read anew: since it was looked for, the homeserver was asked, and the operator may have written another one.
                let Some((password, state)) = self.password.read() else {
                    return Ok(None);
                };
                let device = match target {
                    Target::Saved => saved.and_then(|saved| saved.device.clone()),
                    Target::New => Some(self.pending_device()?),
                };
                let Some(device) = device else { return Ok(None) };
                if target == Target::Saved {
                    self.vault.set_unannounced()?;
                }
                let class = self.log_in(&password, state, &device, &at_hand.expected).await?;
                Some((class, None))
            }
        })
    }

    /// Logs in on a new device because the one in use is not healthy. The session in use becomes a device left behind.
    ///
    /// # Errors
    ///
    /// When the vault cannot be read or written.
    pub async fn take_new_device(&mut self) -> Result<HealOutcome, VaultError> {
        let expected = self.expected()?;
        let Some((password, state)) = self.password.read() else {
            return Ok(HealOutcome::Blocked(HealBlocker::NoPassword { wrong_user: None }));
        };
        let device = self.pending_device()?;
        match self.log_in(&password, state, &device, &expected).await? {
            Class::LoggedIn {
                user,
                device,
                token,
                refresh,
            } => {
                Mark::LoginOnNewDevice.hit(self.role);
                let (saved, session) = (
                    self.vault.session()?,
                    Session {
                        user,
                        device,
                        token,
                        refresh,
                    },
                );
                self.keep(Source::LoginOnNew, session, saved.as_ref())
                    .map(HealOutcome::Live)
            }
            Class::Refused(words) => {
                Mark::PasswordRefused.hit(self.role);
                Ok(HealOutcome::Blocked(HealBlocker::PasswordRefused(Some(words))))
            }
            Class::AccountBlocked(block) => Ok(HealOutcome::Blocked(HealBlocker::AccountBlocked(block))),
            Class::Blocked(blocker) => Ok(HealOutcome::Blocked(HealBlocker::AccountWaits(blocker))),
            Class::NoPasswords(flows) => Ok(HealOutcome::Blocked(HealBlocker::NoPasswordLogin(flows))),
            class @ Class::Other { .. } => Ok(HealOutcome::Blocked(HealBlocker::LoginRefused(
                super::server::describe(&class),
            ))),
            Class::WrongUser { user, .. } => Ok(HealOutcome::Blocked(HealBlocker::WrongUser(user))),
            Class::Limited(delay) => Ok(HealOutcome::Wait(delay, "the homeserver limits requests".to_owned())),
            class => Ok(HealOutcome::Wait(Duration::ZERO, super::server::describe(&class))),
        }
    }

    async fn conclude(
        &mut self,
        end: Step,
        found: Option<Session>,
        saved: Option<&Saved>,
    ) -> Result<HealOutcome, VaultError> {
        match (end, found) {
            (Step::Go(source), Some(session)) => self.keep(source, session, saved).map(HealOutcome::Live),
            (Step::Wait(delay, why), _) => Ok(HealOutcome::Wait(delay, why)),
            // The login that was refused may be long ago; what it said still holds.
            (Step::Blocked(HealBlocker::PasswordRefused(None)), _) => Ok(self.still_refused().await),
            (Step::Blocked(heal_blocker), _) => Ok(HealOutcome::Blocked(heal_blocker)),
            (Step::Go(_) | Step::Ask(_), _) => Ok(HealOutcome::Wait(
                Duration::ZERO,
                "the server named no device for the token".to_owned(),
            )),
        }
    }

    /// Whether a server that took no passwords takes them now is asked without a login, and so at any time.
    async fn still_refused(&mut self) -> HealOutcome {
        if let Some(HealBlocker::NoPasswordLogin(_)) = self.refusal
            && self.server.takes_passwords().await
        {
            self.throttle.accepted();
            self.refusal = None;
            return HealOutcome::Wait(Duration::ZERO, "the homeserver takes passwords again".to_owned());
        }
        match &self.refusal {
            Some(refusal) => HealOutcome::Blocked(refusal.clone()),
            None => HealOutcome::Wait(Duration::ZERO, "the account is barred no more".to_owned()),
        }
    }

    /// Saves the session before anything else is done with it.
    fn keep(&mut self, source: Source, session: Session, saved: Option<&Saved>) -> Result<Session, VaultError> {
        let is_made = matches!(source, Source::LoginOnSaved | Source::LoginOnNew | Source::Refreshed);
        if is_made {
            // Until it is on the disk: another login would only make another token that cannot be kept.
            self.unsaved = Some(Unsaved {
                source,
                session: session.clone(),
                saved: saved.cloned(),
            });
            self.unproven = Some(session.token.clone());
        }
        if source == Source::LoginOnNew {
            self.made = Some(session.device.clone());
        }
        let left = saved
            .and_then(|saved| saved.device.clone())
            .filter(|device| *device != session.device);
        let mut devices = self.vault.devices()?;
        let before = devices.clone();
        if let Some(device) = left
            && devices.left.iter().all(|known| known.device != device)
        {
            devices.left.push(LeftDevice {
                device,
                token: saved.and_then(|saved| saved.token.clone()),
            });
        }
        // The device in use was left behind once (its token came back as the given one): it stays.
        devices.left.retain(|left| left.device != session.device);
        if devices.pending.as_ref() != Some(&session.device) {
            devices.abandon_pending();
        }
        if devices != before {
            self.vault.save_devices(&devices)?;
        }
        if saved.is_some_and(|saved| saved.is_first) {
            Mark::PredecessorSession.hit(self.role);
        }
        let refresh = session.refresh.as_ref();
        self.vault
            .save_refreshable(&session.user, &session.device, &session.token, refresh)?;
        if self.username.is_none() && self.vault.identity()?.is_none() {
            self.vault.save_identity(&session.user)?;
        }
        if devices.pending.as_ref() == Some(&session.device) {
            devices.pending = None;
            self.vault.save_devices(&devices)?;
        }
        if is_made {
            self.contention.born(self.epoch.elapsed());
        }
        self.unsaved = None;
        self.unusable.remove(&Which::Saved);
        self.said.clear();
        Ok(session)
    }

    async fn log_in(
        &mut self,
        password: &Secret,
        state: PasswordState,
        device: &OwnedDeviceId,
        expected: &Expected,
    ) -> Result<Class, VaultError> {
        let localpart = self.localpart()?;
        self.vault.prove_writable()?;
        self.tried = Some(state);
        tracing::info!(role = self.role.name(), user = localpart, %device, "logging in");
        let class = self.server.login(&localpart, password, device, expected).await;
        let (refusal, pace) = match &class {
            Class::LoggedIn { .. } => {
                self.throttle.accepted();
                self.refusal = None;
                return Ok(class);
            }
            Class::Refused(words) => (HealBlocker::PasswordRefused(Some(words.clone())), Pace::PASSWORD),
            Class::AccountBlocked(block) => (HealBlocker::AccountBlocked(*block), Pace::of_block(*block)),
            Class::Blocked(blocker) => (HealBlocker::AccountWaits(blocker.clone()), Pace::BLOCKED),
            Class::NoPasswords(flows) => (HealBlocker::NoPasswordLogin(flows.clone()), Pace::LOGIN),
            Class::Other { .. } if self.is_new(device)? => {
                self.give_up_pending()?;
                (HealBlocker::LoginRefused(super::server::describe(&class)), Pace::LOGIN)
            }
            Class::WrongUser { user, token } => {
                if let Some(token) = token {
                    // The one use of a wrong user's token: to end the session which this login has just made.
                    self.server.logout(token).await;
                }
                (HealBlocker::WrongUser(user.clone()), Pace::PASSWORD)
            }
            _ => return Ok(class),
        };
        self.throttle.refused(state, pace, self.epoch.elapsed());
        self.refusal = Some(refusal);
        Ok(class)
    }

    /// Whether a device is one that a login is about to make: what is refused there is not the device.
    fn say(&mut self, marks: Vec<Mark>) {
        if marks != self.said {
            marks.iter().for_each(|mark| mark.hit(self.role));
            self.said = marks;
        }
    }
}
