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
        if let Some(account) = self.shown_by(role) {
            account.note(key, what);
        }
    }

    /// Puts up (`Some`) or takes down (`None`) what keeps an identity from its work although it lives.
    pub fn block(&self, role: Role, key: impl Into<String>, blocker: Option<Degraded>) {
        if let Some(account) = self.shown_by(role) {
            account.block(key, blocker);
        }
    }

    /// Whose board shows what is said of a role: where the second identity is not run (any more), the approver does its work.
    fn shown_by(&self, role: Role) -> Option<&AccountBoard> {
        self.accounts.get(&role).or_else(|| self.accounts.get(&Role::Approver))
    }

    /// What is known now of all identities, all that is weaker included in `degraded`.
    pub fn snapshot(&self) -> Snapshot {
        let accounts = self.accounts.iter();
        accounts.map(|(role, account)| (*role, account.snapshot())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_an_identity_that_is_not_run_is_shown_by_the_one_that_does_its_work() {
        let told = Degraded {
            what: "the breaker is open".to_owned(),
            cure: "wait".to_owned(),
        };
        let alone = Board::new(&[Role::Approver]);
        alone.weaker(Role::Onboarding, "breaker", Some(told.clone()));
        assert_eq!(alone.snapshot()[&Role::Approver].degraded, std::slice::from_ref(&told));
        alone.weaker(Role::Onboarding, "breaker", None);
        assert!(alone.snapshot()[&Role::Approver].degraded.is_empty());
        let both = Board::new(&[Role::Approver, Role::Onboarding]);
        both.block(Role::Onboarding, "space", Some(told));
        assert!(both.snapshot()[&Role::Approver].degraded.is_empty());
        assert_eq!(both.snapshot()[&Role::Onboarding].degraded.len(), 1);
    }
}
