//! Executes the plan.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use matrix_sdk::ruma::{OwnedDeviceId, OwnedUserId};
use rand::Rng;

use super::{
    Leftovers, Server,
    tokens::{Which, session},
};
use crate::{
    config::{Account, IdentityConfig},
    healing::{
        Ask, Class, Expected, Gate, Mark, May, Pace, Password, Plan, Rivalry, Situation, Source, Step, Stuck, Target,
        Token,
    },
    secret::Secret,
    vault::{LeftDevice, PasswordFile, PasswordState, Saved, Vault, VaultError},
};

/// A session whose token was alive a moment ago and is on the disk.
#[derive(Clone, Debug)]
pub struct Session {
    /// The user.
    pub user: OwnedUserId,
    /// The device.
    pub device: OwnedDeviceId,
    /// The token.
    pub token: Secret,
}

/// What one attempt to heal came to.
#[derive(Debug)]
pub enum Attempt {
    /// There is a session.
    Live(Session),
    /// Wait at least so long and try again, for this reason.
    Wait(Duration, String),
    /// Only the operator can help.
    Stuck(Stuck),
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
    password: PasswordFile,
    username: Option<String>,
    default_localpart: String,
    env_token: Option<Secret>,
    gate: Gate<PasswordState>,
    rivalry: Rivalry,
    truce: Option<Instant>,
    /// Why the password in its present state does not help.
    refusal: Option<Stuck>,
    /// The device that a login has made last.
    made: Option<OwnedDeviceId>,
    /// A session that a login has made and that is not on the disk yet.
    unsaved: Option<Unsaved>,
    /// The token that a login has made, until something was asked with it successfully.
    pub(super) unproven: Option<Secret>,
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
            vault: Vault::of(config),
            password: PasswordFile::new(config.password_path.clone()),
            username: config.username.clone(),
            default_localpart: config.default_localpart.clone(),
            env_token: config.env_token.clone(),
            gate: Gate::default(),
            rivalry: Rivalry::default(),
            truce: None,
            refusal: None,
            made: None,
            unsaved: None,
            unproven: None,
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

    /// The password file.
    pub fn password_file(&self) -> &PasswordFile {
        &self.password
    }

    /// The name under which this identity logs in.
    pub fn localpart(&self) -> Result<String, VaultError> {
        Ok(match self.expected()? {
            Expected::Localpart(localpart) => localpart,
            Expected::User(user) => user.localpart().to_owned(),
            Expected::Anyone => self.default_localpart.clone(),
        })
    }

    /// The password, where there is one that may be tried now.
    pub fn usable_password(&self) -> Option<Secret> {
        let (password, state) = self.password.read()?;
        (self.gate.may(&state, self.epoch.elapsed()) == May::Try).then_some(password)
    }

    /// The devices left behind, and what it takes to remove them now.
    pub fn leftovers(&self) -> Leftovers {
        Leftovers {
            role: self.role,
            server: self.server.clone(),
            vault: self.vault.clone(),
            password: self.usable_password(),
        }
    }

    /// Whether a login of this process made the device.
    pub fn has_made(&self, device: &OwnedDeviceId) -> bool {
        self.made.as_ref() == Some(device)
    }

    /// The token in use was found dead.
    pub fn token_died(&mut self) {
        self.rivalry.died(self.epoch.elapsed());
        if self.rivalry.contested() && self.truce.is_none() {
            self.truce = Some(Instant::now() + Rivalry::TRUCE);
        }
    }

    /// The operator has written a new password: whoever fought for the device, this is a new start.
    pub fn password_changed(&mut self) {
        self.unproven = None;
        if self.truce.take().is_some() {
            self.rivalry.after_truce();
        }
    }

    /// When a login is tried again whatever happens, where one was refused.
    pub fn next_login_in(&self) -> Option<Duration> {
        let (_, state) = self.password.read()?;
        match self.gate.may(&state, self.epoch.elapsed()) {
            May::Wait(wait) => Some(wait),
            May::Try => None,
        }
    }

    /// Goes through the sources of a session, in order, as far as the homeserver answers.
    pub async fn attempt(&mut self) -> Result<Attempt, VaultError> {
        if let Some(unsaved) = self.unsaved.clone() {
            // The disk was full, or the like: the session is there, only its file is not.
            let session = self.keep(unsaved.source, unsaved.session, unsaved.saved.as_ref())?;
            tracing::info!(
                role = self.role.name(),
                "the session that could not be saved is saved now"
            );
            return Ok(Attempt::Live(session));
        }
        let expected = self.expected()?;
        let password = self.password.read();
        let may_log_in = self.password_now(password.as_ref());
        let saved = self.saved(&expected, may_log_in == Password::Ready)?;
        let saved_token = saved.as_ref().and_then(|saved| saved.token.clone());
        let saved_token = self.usable(Which::Saved, saved_token);
        let env_token = self.usable(Which::Given, self.env_token.clone());
        let env_token = env_token.filter(|token| Some(token) != saved_token.as_ref());
        let mut plan = Plan::new(Situation {
            saved_device: saved.as_ref().and_then(|saved| saved.device.clone()),
            saved_token: saved_token.is_some(),
            env_token: env_token.is_some(),
            password: may_log_in,
            contested: self.contested_now(),
        });
        let mut found = None;
        loop {
            let ask = match plan.next() {
                Step::Ask(ask) => ask,
                end => {
                    self.say(plan.marks());
                    return self.conclude(end, found, saved.as_ref()).await;
                }
            };
            let (class, token) = match ask {
                Ask::Whoami(which) => {
                    let token = match which {
                        Token::Saved => saved_token.clone(),
                        Token::Env => env_token.clone(),
                    };
                    let Some(token) = token else { break };
                    (self.whoami(which, &token, &expected, saved.as_ref()).await, Some(token))
                }
                Ask::Login(target) => {
                    let Some((password, state)) = &password else { break };
                    let device = match target {
                        Target::Saved => saved.as_ref().and_then(|saved| saved.device.clone()),
                        Target::New => Some(self.pending_device()?),
                    };
                    let Some(device) = device else { break };
                    if target == Target::Saved {
                        self.vault.set_unannounced()?;
                    }
                    (self.log_in(password, *state, &device, &expected).await?, None)
                }
            };
            found = session(&class, token, saved.as_ref()).or(found);
            if let Class::WrongUser { user, .. } = &class {
                tracing::warn!(role = self.role.name(), %user, wanted = ?expected, "a token of another user is not used");
            }
            plan.saw(ask, &class);
        }
        Ok(Attempt::Wait(Duration::ZERO, "a file changed meanwhile".to_owned()))
    }

    /// Logs in on a new device because the one in use is not healthy. The session in use becomes a device left behind.
    pub async fn take_new_device(&mut self) -> Result<Attempt, VaultError> {
        let expected = self.expected()?;
        let Some((password, state)) = self.password.read() else {
            return Ok(Attempt::Stuck(Stuck::NoPassword { wrong_user: None }));
        };
        let device = self.pending_device()?;
        match self.log_in(&password, state, &device, &expected).await? {
            Class::LoggedIn { user, device, token } => {
                Mark::LoginOnNewDevice.hit(self.role);
                let saved = self.vault.session()?;
                self.keep(Source::LoginOnNew, Session { user, device, token }, saved.as_ref())
                    .map(Attempt::Live)
            }
            Class::Refused(words) => {
                Mark::PasswordRefused.hit(self.role);
                Ok(Attempt::Stuck(Stuck::PasswordRefused(Some(words))))
            }
            Class::Barred(bar) => Ok(Attempt::Stuck(Stuck::Barred(bar))),
            Class::Blocked(blocker) => Ok(Attempt::Stuck(Stuck::Blocked(blocker))),
            Class::NoPasswords(flows) => Ok(Attempt::Stuck(Stuck::NoPasswordLogin(flows))),
            class @ Class::Other { .. } => Ok(Attempt::Stuck(Stuck::LoginRefused(super::server::describe(&class)))),
            Class::WrongUser { user, .. } => Ok(Attempt::Stuck(Stuck::WrongUser(user))),
            Class::Limited(delay) => Ok(Attempt::Wait(delay, "the homeserver limits requests".to_owned())),
            class => Ok(Attempt::Wait(Duration::ZERO, super::server::describe(&class))),
        }
    }

    async fn conclude(
        &mut self,
        end: Step,
        found: Option<Session>,
        saved: Option<&Saved>,
    ) -> Result<Attempt, VaultError> {
        match (end, found) {
            (Step::Go(source), Some(session)) => self.keep(source, session, saved).map(Attempt::Live),
            (Step::Wait(delay, why), _) => Ok(Attempt::Wait(delay, why)),
            // The login that was refused may be long ago; what it said still holds.
            (Step::Stuck(Stuck::PasswordRefused(None)), _) => Ok(self.still_refused().await),
            (Step::Stuck(stuck), _) => Ok(Attempt::Stuck(stuck)),
            (Step::Go(_) | Step::Ask(_), _) => Ok(Attempt::Wait(
                Duration::ZERO,
                "the server named no device for the token".to_owned(),
            )),
        }
    }

    /// Whether a server that took no passwords takes them now is asked without a login, and so at any time.
    async fn still_refused(&mut self) -> Attempt {
        if let Some(Stuck::NoPasswordLogin(_)) = self.refusal
            && self.server.takes_passwords().await
        {
            self.gate.accepted();
            self.refusal = None;
            return Attempt::Wait(Duration::ZERO, "the homeserver takes passwords again".to_owned());
        }
        Attempt::Stuck(self.refusal.clone().unwrap_or(Stuck::PasswordRefused(None)))
    }

    /// Saves the session before anything else is done with it.
    fn keep(&mut self, source: Source, session: Session, saved: Option<&Saved>) -> Result<Session, VaultError> {
        let by_login = matches!(source, Source::LoginOnSaved | Source::LoginOnNew);
        if by_login {
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
        // The device in use was left behind once (its token came back through the environment): it stays.
        devices.left.retain(|left| left.device != session.device);
        if devices.left != before.left {
            self.vault.save_devices(&devices)?;
        }
        if saved.is_some_and(|saved| saved.is_first) {
            Mark::OldFilesFirstSession.hit(self.role);
        }
        self.vault
            .save_session(&session.user, &session.device, &session.token)?;
        if self.username.is_none() && self.vault.identity()?.is_none() {
            self.vault.save_identity(&session.user)?;
        }
        if devices.pending.as_ref() == Some(&session.device) {
            devices.pending = None;
            self.vault.save_devices(&devices)?;
        }
        if by_login {
            self.rivalry.born(self.epoch.elapsed());
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
        tracing::info!(role = self.role.name(), user = localpart, %device, "logging in");
        let class = self.server.login(&localpart, password, device, expected).await;
        let (refusal, pace) = match &class {
            Class::LoggedIn { .. } => {
                self.gate.accepted();
                self.refusal = None;
                return Ok(class);
            }
            Class::Refused(words) => (Stuck::PasswordRefused(Some(words.clone())), Pace::PASSWORD),
            Class::Barred(bar) => (Stuck::Barred(*bar), Pace::PASSWORD),
            Class::Blocked(blocker) => (Stuck::Blocked(blocker.clone()), Pace::BLOCKED),
            Class::NoPasswords(flows) => (Stuck::NoPasswordLogin(flows.clone()), Pace::LOGIN),
            Class::Other { .. } if self.is_new(device)? => {
                (Stuck::LoginRefused(super::server::describe(&class)), Pace::LOGIN)
            }
            Class::WrongUser { user, token } => {
                if let Some(token) = token {
                    // The one use of a wrong user's token: to end the session which this login has just made.
                    self.server.logout(token).await;
                }
                (Stuck::WrongUser(user.clone()), Pace::PASSWORD)
            }
            _ => return Ok(class),
        };
        self.gate.refused(state, pace, self.epoch.elapsed());
        self.refusal = Some(refusal);
        Ok(class)
    }

    /// Whether a device is one that a login is about to make: what is refused there is not the device.
    fn is_new(&self, device: &OwnedDeviceId) -> Result<bool, VaultError> {
        Ok(self.vault.devices()?.pending.as_ref() == Some(device))
    }

    fn say(&mut self, marks: Vec<Mark>) {
        if marks != self.said {
            marks.iter().for_each(|mark| mark.hit(self.role));
            self.said = marks;
        }
    }

    /// Whose token is wanted.
    pub fn expected(&self) -> Result<Expected, VaultError> {
        if let Some(username) = &self.username {
            let localpart = username.strip_prefix('@').unwrap_or(username);
            let localpart = localpart.split_once(':').map_or(localpart, |(localpart, _)| localpart);
            return Ok(Expected::Localpart(localpart.to_owned()));
        }
        let saved = || Ok::<_, VaultError>(self.vault.session()?.and_then(|saved| saved.user));
        let user = match self.vault.identity() {
            Ok(Some(user)) => Some(user),
            Ok(None) => saved()?,
            // The session says it too; the file is written again with the next one.
            Err(error) if error.is_damage() => match saved()? {
                Some(user) => {
                    self.vault.put_aside("identity")?;
                    Some(user)
                }
                None => return Err(error),
            },
            Err(error) => return Err(error),
        };
        Ok(user.map_or(Expected::Anyone, Expected::User))
    }

    /// The saved session, unless the operator has since named another user. A file that cannot be read is given up where a
    /// password can make another session.
    fn saved(&self, expected: &Expected, can_log_in: bool) -> Result<Option<Saved>, VaultError> {
        let saved = match self.vault.session() {
            Ok(saved) => saved,
            Err(_) if can_log_in => {
                self.vault.put_session_aside()?;
                self.vault.session()?
            }
            Err(error) => return Err(error),
        };
        let Some(saved) = saved else {
            return Ok(None);
        };
        if saved.user.as_ref().is_some_and(|user| !expected.admits(user)) {
            Mark::SavedSessionWrongUser.hit(self.role);
            self.vault.put_session_aside()?;
            return Ok(None);
        }
        Ok(Some(saved))
    }

    fn password_now(&self, password: Option<&(Secret, PasswordState)>) -> Password {
        match password {
            None => Password::Missing,
            Some((_, state)) if self.gate.may(state, self.epoch.elapsed()) == May::Try => Password::Ready,
            Some(_) => Password::Spent,
        }
    }

    fn contested_now(&mut self) -> bool {
        match self.truce {
            Some(end) if Instant::now() < end => true,
            Some(_) => {
                self.truce = None;
                self.rivalry.after_truce();
                false
            }
            None => false,
        }
    }

    /// The id that a login on a new device takes, on the disk before the login.
    fn pending_device(&self) -> Result<OwnedDeviceId, VaultError> {
        let mut devices = self.vault.devices()?;
        if let Some(pending) = &devices.pending {
            return Ok(pending.clone());
        }
        let mut random = rand::rng();
        let id = (0..10)
            .map(|_| char::from(random.random_range(b'A'..=b'Z')))
            .collect::<String>();
        let device = OwnedDeviceId::from(id);
        devices.pending = Some(device.clone());
        self.vault.save_devices(&devices)?;
        Ok(device)
    }
}
