//! How the bot's identities are, as `/ready`, `!health` and `status` read it.

use std::collections::BTreeMap;

use session_keeper::health::Board as AccountBoard;
pub use session_keeper::health::{Degraded, Health, IdentityHealth};

use crate::config::Role;

/// What the board holds: one entry for each identity that the process runs.
pub type Snapshot = BTreeMap<Role, IdentityHealth>;

/// The boards of all identities: cheap to clone, all clones show the same.
#[derive(Clone, Debug)]
pub struct Board {
    accounts: BTreeMap<Role, AccountBoard>,
}

impl Board {
    /// A board of the given identities, all of them healing: none has been tried yet.
    pub fn new(roles: &[Role]) -> Self {
        Self {
            accounts: roles.iter().map(|role| (*role, AccountBoard::default())).collect(),
        }
    }

    /// The board of one identity; one of its own, shown to nobody, where the process does not run that identity.
    pub fn account(&self, role: Role) -> AccountBoard {
        self.accounts.get(&role).cloned().unwrap_or_default()
    }

    /// Says (`Some`) or takes back (`None`) what of an identity is weaker, under a key of the caller's.
    pub fn weaker(&self, role: Role, key: impl Into<String>, what: Option<Degraded>) {
        if let Some(account) = self.accounts.get(&role) {
            account.note(key, what);
        }
    }

    /// Puts up (`Some`) or takes down (`None`) what keeps an identity from its work although it lives.
    pub fn block(&self, role: Role, key: impl Into<String>, blocker: Option<Degraded>) {
        if let Some(account) = self.accounts.get(&role) {
            account.block(key, blocker);
        }
    }

    /// What is known now of all identities, all that is weaker included in `degraded`.
    pub fn snapshot(&self) -> Snapshot {
        let accounts = self.accounts.iter();
        accounts.map(|(role, account)| (*role, account.snapshot())).collect()
    }
}
