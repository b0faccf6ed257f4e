use serde::{Deserialize, Serialize};

use crate::{
    client::{NO_PEERS, PEERS},
    contract::Contract,
};

/// What a check needs the bot's contract to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Need {
    /// The bot says how it is: which user and device it is, whether it serves, heals or needs its operator.
    State,
    /// It has a way of calling for its operator.
    Cries,
    /// It logs in with a password.
    Passwords,
    /// It reads and writes encrypted rooms.
    Encryption,
    /// It has a cross-signing identity.
    CrossSigning,
    /// It keeps its room keys in a backup on the server.
    Backup,
    /// It ends with exit status 0 when it is asked to.
    CleanEnd,
}

impl Need {
    /// What a contract cannot show.
    pub fn lacking(contract: &Contract) -> Vec<Self> {
        let can = contract.capabilities;
        let each = [
            (Self::State, contract.status.is_some()),
            (Self::Cries, contract.tells_operator()),
            (Self::Passwords, can.password_login),
            (
                Self::Encryption,
                PEERS && can.encryption && contract.ping.encrypted.is_some(),
            ),
            (Self::CrossSigning, PEERS && can.cross_signing),
            (
                Self::Backup,
                PEERS
                    && can.backup
                    && contract
                        .identities
                        .iter()
                        .all(|one| contract.state_of(one).recovery_key.is_some()),
            ),
            (Self::CleanEnd, can.ends_cleanly),
        ];
        each.into_iter()
            .filter(|(_, shown)| !shown)
            .map(|(need, _)| need)
            .collect()
    }

    /// Why a check cannot be judged without it.
    pub const fn missing(self) -> &'static str {
        match self {
            Self::Encryption | Self::CrossSigning | Self::Backup if !PEERS => NO_PEERS,
            Self::State => "the bot does not say how it is",
            Self::Cries => "the bot does not say that it needs its operator",
            Self::Passwords => "the bot logs in with no password",
            Self::Encryption => "the bot does not encrypt",
            Self::CrossSigning => "the bot has no cross-signing identity",
            Self::Backup => "the bot keeps no key backup",
            Self::CleanEnd => "the bot does not promise an exit status when it is asked to end",
        }
    }
}
