//! The order of the sources of a session.

use std::time::Duration;

use ruma_common::{DeviceId, OwnedDeviceId, OwnedUserId};

use super::{AccountBlock, Blocker, Class, Mark};

/// Which token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Token {
    /// The saved session's.
    Saved,
    /// The one that the program was given.
    Given,
}

/// On which device to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target {
    /// The saved one.
    Saved,
    /// A new one.
    New,
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ask {
    /// Whose is this token, and does it live?
    Whoami(Token),
    /// A new token for the refresh token of the saved session.
    Refresh,
    /// A login by password.
    Login(Target),
}

/// Where the session came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// 1: the saved session.
    SavedSession,
    /// The saved session's refresh token, which brings another token for the same device.
    Refreshed,
    /// 2: the given token, on the saved device or with none saved.
    GivenToken,
    /// 3: password login on the saved device.
    LoginOnSaved,
    /// 4: the given token on another device.
    GivenTokenOnOther,
    /// 5: password login on a new device.
    LoginOnNew,
}

impl Source {
    /// The branch's name.
    pub const fn mark(self) -> Mark {
        match self {
            Self::SavedSession => Mark::SavedSessionAlive,
            Self::Refreshed => Mark::SessionRefreshed,
            Self::GivenToken => Mark::GivenTokenUsed,
            Self::LoginOnSaved => Mark::LoginOnSavedDevice,
            Self::GivenTokenOnOther => Mark::GivenTokenOnOtherDevice,
            Self::LoginOnNew => Mark::LoginOnNewDevice,
        }
    }
}

/// What an ask has shown, where it has shown something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Seen {
    /// The token lives (or was just made), on this device where the server says so.
    Alive(Option<OwnedDeviceId>),
    /// The token is of no use: it lives on no device, so that nothing can be encrypted with it, or the server does not say whose it is.
    NoUse,
    /// The token is dead.
    Dead,
    /// Something on the way takes the token out of the requests, with what came back.
    WayBroken(String),
    /// The account waits for a person.
    Blocked(Blocker),
    /// This server takes no passwords, but these ways to log in.
    NoPasswords(Vec<String>),
    /// The token is another user's.
    WrongUser(OwnedUserId),
    /// The account is barred.
    AccountBlocked(AccountBlock),
    /// The login was refused, with the server's words.
    Refused(String),
    /// The login on this device was refused for a reason that is not the password.
    DeviceRefused(String),
    /// The login was refused on a new device too, for a reason that is not the password.
    LoginRefused(String),
}

/// What is known of the password file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Password {
    /// There is none.
    Missing,
    /// There is one that may be tried.
    Ready,
    /// There is one that was refused and is not to be tried yet.
    Spent,
    /// There is one that is not to be tried yet, because the account was barred when it was. It was not refused itself.
    Barred,
}

/// What is known before the first request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Situation {
    /// The saved device.
    pub saved_device: Option<OwnedDeviceId>,
    /// Whether a token of the saved session is at hand.
    pub saved_token: bool,
    /// Whether a refresh token of the saved session is at hand.
    pub refresh_token: bool,
    /// Whether a token was given (another one than the saved).
    pub given_token: bool,
    /// The password file.
    pub password: Password,
    /// Fresh tokens died again and again: no login now.
    pub contested: bool,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Ask this.
    Ask(Ask),
    /// Take the session of this source.
    Go(Source),
    /// The server proved nothing: wait and start over. At least so long, for this reason.
    Wait(Duration, String),
    /// Only the operator can help.
    Blocked(HealBlocker),
}

/// Why only the operator can help.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HealBlocker {
    /// No live token and no password.
    NoPassword {
        /// Whose tokens were found instead.
        wrong_user: Option<OwnedUserId>,
    },
    /// The password was refused, with the server's words where it was asked just now.
    PasswordRefused(Option<String>),
    /// The login gave another user.
    WrongUser(OwnedUserId),
    /// The account is barred.
    AccountBlocked(AccountBlock),
    /// This server takes no passwords, but these ways to log in.
    NoPasswordLogin(Vec<String>),
    /// The login was refused on any device, for a reason that is not the password: what came back.
    LoginRefused(String),
    /// The account waits for a person.
    AccountWaits(Blocker),
    /// Something on the way takes the token out of the requests: what came back.
    WayBroken(String),
    /// Somebody else logs in on the device.
    Contested,
}

/// The order of sources, as a state machine: ask [`Plan::next`], do it, tell [`Plan::saw`], until it is no `Ask`.
///
/// ```
/// use session_keeper::healing::{Ask, Class, Password, Plan, Situation, Step, Target, Token};
///
/// let mut plan = Plan::new(Situation {
///     saved_device: Some("DEVICE".into()),
///     saved_token: true,
///     refresh_token: false,
///     given_token: false,
///     password: Password::Ready,
///     contested: false,
/// });
/// assert_eq!(plan.next(), Step::Ask(Ask::Whoami(Token::Saved)));
/// // The saved token is dead, and the password makes another on the same device.
/// plan.saw(Ask::Whoami(Token::Saved), &Class::Dead);
/// assert_eq!(plan.next(), Step::Ask(Ask::Login(Target::Saved)));
/// ```
#[derive(Clone, Debug)]
pub struct Plan {
    situation: Situation,
    saved: Option<Seen>,
    refreshed: Option<Seen>,
    given: Option<Seen>,
    on_saved: Option<Seen>,
    on_new: Option<Seen>,
    halted: Option<Step>,
}

impl Plan {
    /// Nothing asked yet.
    pub fn new(situation: Situation) -> Self {
        Self {
            situation,
            saved: None,
            refreshed: None,
            given: None,
            on_saved: None,
            on_new: None,
            halted: None,
        }
    }

    /// What to do next.
    pub fn next(&self) -> Step {
        if let Some(halted) = &self.halted {
            return halted.clone();
        }
        if self.situation.saved_token {
            match &self.saved {
                None => return Step::Ask(Ask::Whoami(Token::Saved)),
                Some(Seen::Alive(_)) => return Step::Go(Source::SavedSession),
                Some(_) => {}
            }
        }
        if self.may_refresh() {
            match &self.refreshed {
                None => return Step::Ask(Ask::Refresh),
                Some(Seen::Alive(_)) => return Step::Go(Source::Refreshed),
                Some(_) => {}
            }
        }
        if self.situation.given_token {
            match &self.given {
                None => return Step::Ask(Ask::Whoami(Token::Given)),
                Some(Seen::Alive(device)) if self.is_saved(device.as_deref()) => return Step::Go(Source::GivenToken),
                Some(_) => {}
            }
        }
        match self.nothing_helps() {
            Some(heal_blocker) => Step::Blocked(heal_blocker),
            None => self.next_login(),
        }
    }

    /// Tells what an ask brought.
    pub fn saw(&mut self, ask: Ask, class: &Class) {
        let seen = match class {
            Class::Alive { device: None, .. } if !self.is_device_known(ask) => Seen::NoUse,
            Class::Alive { device, .. } => Seen::Alive(device.clone()),
            Class::LoggedIn { device, .. } => Seen::Alive(Some(device.clone())),
            Class::Refreshed { .. } => Seen::Alive(self.situation.saved_device.clone()),
            Class::WrongUser { user, .. } => Seen::WrongUser(user.clone()),
            Class::Dead => Seen::Dead,
            Class::WayBroken(words) => Seen::WayBroken(words.clone()),
            Class::AccountBlocked(block) => Seen::AccountBlocked(*block),
            Class::Blocked(blocker) => Seen::Blocked(blocker.clone()),
            Class::NoPasswords(flows) => Seen::NoPasswords(flows.clone()),
            Class::Refused(words) => Seen::Refused(words.clone()),
            Class::Other { status, errcode, body } if matches!(ask, Ask::Login(_)) => {
                let words = body
                    .get("error")
                    .and_then(serde_json::Value::as_str)
                    .unwrap_or_default();
                let words = super::refusal::words(words, errcode);
                let said = format!("HTTP {status} {errcode} {words}").trim_end().to_owned();
                match ask {
                    Ask::Login(Target::Saved) => Seen::DeviceRefused(said),
                    _ => Seen::LoginRefused(said),
                }
            }
            // A hint that the server will not hear of is none. A saved token was good once, so it is waited for.
            Class::Other { .. } if ask == Ask::Whoami(Token::Given) => Seen::NoUse,
            class => {
                self.halted = Some(waiting(class));
                return;
            }
        };
        *match ask {
            Ask::Whoami(Token::Saved) => &mut self.saved,
            Ask::Whoami(Token::Given) => &mut self.given,
            Ask::Refresh => &mut self.refreshed,
            Ask::Login(Target::Saved) => &mut self.on_saved,
            Ask::Login(Target::New) => &mut self.on_new,
        } = Some(seen);
    }

    /// The branches that this plan went through, for the log.
    pub fn marks(&self) -> Vec<Mark> {
        let token = |seen: &Option<Seen>, dead, wrong| match seen {
            Some(Seen::Dead) => Some(dead),
            Some(Seen::WrongUser(_)) => Some(wrong),
            _ => None,
        };
        let login = |seen: &Option<Seen>| match seen {
            Some(Seen::Refused(_)) => Some(Mark::PasswordRefused),
            Some(Seen::WrongUser(_)) => Some(Mark::LoginWrongUser),
            Some(Seen::DeviceRefused(_)) => Some(Mark::SavedDeviceRefused),
            Some(Seen::LoginRefused(_)) => Some(Mark::PasswordRefused),
            _ => None,
        };
        let last = match self.next() {
            Step::Ask(_) => None,
            Step::Go(source) => Some(source.mark()),
            Step::Wait(delay, _) if delay > Duration::ZERO => Some(Mark::Limited),
            Step::Wait(..) => Some(Mark::Unreachable),
            Step::Blocked(heal_blocker) => heal_blocker.mark(self.situation.password),
        };
        [
            token(&self.saved, Mark::SavedSessionDead, Mark::SavedSessionWrongUser),
            token(&self.given, Mark::GivenTokenDead, Mark::GivenTokenWrongUser),
            login(&self.on_saved),
            login(&self.on_new),
            last,
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// A refresh token goes with the saved token and its device: where that is somebody else's or nobody's, so is it. And it
    /// makes a token as a login does, so not where fresh ones die.
    fn may_refresh(&self) -> bool {
        let situation = &self.situation;
        let of_the_device = !situation.saved_token || matches!(self.saved, Some(Seen::Dead));
        situation.refresh_token && situation.saved_device.is_some() && !situation.contested && of_the_device
    }

    fn next_login(&self) -> Step {
        let may_log_in = self.situation.password == Password::Ready && !self.situation.contested;
        if may_log_in && self.situation.saved_device.is_some() {
            match &self.on_saved {
                None => return Step::Ask(Ask::Login(Target::Saved)),
                Some(Seen::Alive(_)) => return Step::Go(Source::LoginOnSaved),
                Some(Seen::WrongUser(user)) => return Step::Blocked(HealBlocker::WrongUser(user.clone())),
                Some(_) => {}
            }
        }
        if matches!(self.given, Some(Seen::Alive(_))) {
            // A bar that is lifted leaves the password as good as it was, and the saved device with it: that is worth a wait.
            let is_worth_a_wait = self.situation.password == Password::Barred && self.situation.saved_device.is_some();
            return match is_worth_a_wait && !self.situation.contested {
                true => Step::Blocked(self.what_blocks()),
                false => Step::Go(Source::GivenTokenOnOther),
            };
        }
        // A password that was refused on the saved device is not tried a second time on a new one: only a server that
        // will not have the device is.
        let device_free =
            self.situation.saved_device.is_none() || matches!(self.on_saved, Some(Seen::DeviceRefused(_)));
        if may_log_in && device_free {
            match &self.on_new {
                None => return Step::Ask(Ask::Login(Target::New)),
                Some(Seen::Alive(_)) => return Step::Go(Source::LoginOnNew),
                Some(Seen::WrongUser(user)) => return Step::Blocked(HealBlocker::WrongUser(user.clone())),
                Some(_) => {}
            }
        }
        Step::Blocked(self.what_blocks())
    }

    fn what_blocks(&self) -> HealBlocker {
        let logins = [&self.on_new, &self.on_saved];
        let refused = logins.into_iter().flatten().find_map(|seen| match seen {
            Seen::Refused(words) => Some(HealBlocker::PasswordRefused(Some(words.clone()))),
            Seen::NoPasswords(flows) => Some(HealBlocker::NoPasswordLogin(flows.clone())),
            Seen::LoginRefused(said) => Some(HealBlocker::LoginRefused(said.clone())),
            _ => None,
        });
        match self.situation.password {
            _ if self.situation.contested => HealBlocker::Contested,
            Password::Missing => {
                let wrong_user = [&self.given, &self.saved]
                    .into_iter()
                    .flatten()
                    .find_map(|seen| match seen {
                        Seen::WrongUser(user) => Some(user.clone()),
                        _ => None,
                    });
                HealBlocker::NoPassword { wrong_user }
            }
            Password::Ready | Password::Spent | Password::Barred => {
                refused.unwrap_or(HealBlocker::PasswordRefused(None))
            }
        }
    }

    /// What counts wherever it was seen: no other source helps against it, and none is given up for it.
    fn nothing_helps(&self) -> Option<HealBlocker> {
        [&self.saved, &self.refreshed, &self.given, &self.on_saved, &self.on_new]
            .into_iter()
            .flatten()
            .find_map(|seen| match seen {
                Seen::AccountBlocked(block) => Some(HealBlocker::AccountBlocked(*block)),
                Seen::Blocked(blocker) => Some(HealBlocker::AccountWaits(blocker.clone())),
                Seen::WayBroken(words) => Some(HealBlocker::WayBroken(words.clone())),
                _ => None,
            })
    }

    /// Whether the device of a token is known without the server: the saved one's is, where it was saved with it.
    fn is_device_known(&self, ask: Ask) -> bool {
        ask == Ask::Whoami(Token::Saved) && self.situation.saved_device.is_some()
    }

    fn is_saved(&self, device: Option<&DeviceId>) -> bool {
        match (&self.situation.saved_device, device) {
            (None, _) => true,
            (Some(saved), Some(device)) => saved == device,
            // A server that does not tell the device cannot vouch for its being the saved one.
            (Some(_), None) => false,
        }
    }
}

/// Waits for what proves nothing.
fn waiting(class: &Class) -> Step {
    let (delay, why) = match class {
        Class::Limited(delay) => (*delay, "the homeserver limits requests".to_owned()),
        Class::Unreachable(reason) => (Duration::ZERO, reason.clone()),
        Class::Redirected(target) => {
            let why = format!("it redirects to {target}, where no secret is sent: is the base URL right?");
            (Duration::ZERO, why)
        }
        Class::Other { status, errcode, .. } => (Duration::ZERO, format!("HTTP {status} {errcode}")),
        _ => (Duration::ZERO, "an answer to another question".to_owned()),
    };
    Step::Wait(delay, why)
}

impl HealBlocker {
    /// The branch's name, where no refused answer has named it already.
    fn mark(&self, password: Password) -> Option<Mark> {
        match self {
            Self::NoPassword { .. } => Some(Mark::NoPassword),
            Self::PasswordRefused(_) => {
                matches!(password, Password::Spent | Password::Barred).then_some(Mark::PasswordSpent)
            }
            // What is said to the operator names these well enough.
            Self::WrongUser(_)
            | Self::LoginRefused(_)
            | Self::NoPasswordLogin(_)
            | Self::AccountWaits(_)
            | Self::WayBroken(_) => None,
            Self::AccountBlocked(AccountBlock::Expired | AccountBlock::Unapproved) => None,
            Self::AccountBlocked(AccountBlock::Deactivated) => Some(Mark::Deactivated),
            Self::AccountBlocked(AccountBlock::Locked) => Some(Mark::Locked),
            Self::AccountBlocked(AccountBlock::Suspended) => Some(Mark::Suspended),
            Self::Contested => Some(Mark::DeviceContested),
        }
    }
}
