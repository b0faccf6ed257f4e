//! The identities that act.

mod acting;
mod command;

use std::time::Duration;

pub use command::may_command;

use crate::{
    config::Role,
    health::{Board, Health},
    identity::Identity,
};

/// How long somebody is kept waiting for a heal that is under way.
const HEALING: Duration = Duration::from_secs(20);

/// Both identities, of which the second is optional.
#[derive(Clone, Debug)]
pub struct Team {
    approver: Identity,
    onboarding: Option<Identity>,
    board: Board,
}

impl Team {
    /// A team, whose healths are on `board`.
    pub fn new(approver: Identity, onboarding: Option<Identity>, board: Board) -> Self {
        Self {
            approver,
            onboarding,
            board,
        }
    }

    /// The identity of a role. Where the second does not exist (any more), the approver does its work.
    pub fn identity(&self, role: Role) -> &Identity {
        match (role, &self.onboarding) {
            (Role::Onboarding, Some(onboarding)) => onboarding,
            _ => &self.approver,
        }
    }

    /// The identity that does not have this role, where there are two.
    pub fn other(&self, role: Role) -> Option<&Identity> {
        let onboarding = self.onboarding.as_ref()?;
        Some(match role {
            Role::Approver => onboarding,
            Role::Onboarding => &self.approver,
        })
    }

    /// Whether an identity serves, after a heal that is under way: nobody is turned away for a token that lives again in a
    /// moment. One that needs its operator is not waited for.
    pub async fn serves(&self, role: Role) -> bool {
        let identity = self.identity(role);
        let health = self.board.snapshot().remove(&identity.role());
        if health.is_some_and(|health| health.state == Health::NeedsOperator) {
            return identity.try_live().is_some();
        }
        tokio::time::timeout(HEALING, identity.live()).await.is_ok()
    }

    /// Who opens a lobby now: the second identity if it serves, else the approver if that serves.
    pub fn lobby_host(&self) -> Option<Role> {
        let candidates = [self.onboarding.as_ref(), Some(&self.approver)];
        let host = candidates
            .into_iter()
            .flatten()
            .find(|identity| identity.try_live().is_some());
        host.map(Identity::role)
    }
}
