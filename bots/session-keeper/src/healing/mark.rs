//! The names of the branches.

use crate::account::Account;

macro_rules! marks {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// One branch of the healing code. When it is taken, the log has an event of target `healing` with the fields
        /// `role` and `mark`, so that a test can ask whether its fault really led there.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Mark { $($(#[$doc])* $variant,)+ }

        impl Mark {
            /// All branches there are.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name, as in the log.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

marks! {
    /// The saved session was alive.
    SavedSessionAlive = "saved-session-alive",
    /// The saved session's token was dead.
    SavedSessionDead = "saved-session-dead",
    /// The saved session belongs to somebody else than the operator wants.
    SavedSessionWrongUser = "saved-session-wrong-user",
    /// The session of the program that kept the account before was read as the first one.
    PredecessorSession = "predecessor-session",
    /// The saved session's token was dead, and its refresh token brought another.
    SessionRefreshed = "session-refreshed",
    /// The given token was taken: on the saved device, or no device was saved.
    GivenTokenUsed = "env-token-used",
    /// The given token was dead.
    GivenTokenDead = "env-token-dead",
    /// The given token belongs to somebody else.
    GivenTokenWrongUser = "env-token-wrong-user",
    /// Logged in by password on the saved device.
    LoginOnSavedDevice = "login-on-saved-device",
    /// The given token was taken although it is on another device than the saved one.
    GivenTokenOnOtherDevice = "env-token-on-other-device",
    /// Logged in by password on a new device.
    LoginOnNewDevice = "login-on-new-device",
    /// The server would not have a login on the saved device.
    SavedDeviceRefused = "saved-device-refused",
    /// The homeserver could not be reached; waited.
    Unreachable = "waited-unreachable",
    /// The homeserver asked for patience; waited.
    Limited = "waited-limited",
    /// No live token and no password.
    NoPassword = "no-password",
    /// The password was refused.
    PasswordRefused = "password-refused",
    /// A password that was refused before was not tried again.
    PasswordSpent = "password-not-tried-again",
    /// A password file appeared or changed.
    PasswordChanged = "password-file-changed",
    /// The login gave another user than wanted.
    LoginWrongUser = "login-wrong-user",
    /// The account is deactivated.
    Deactivated = "account-deactivated",
    /// The account is locked.
    Locked = "account-locked",
    /// The account is suspended.
    Suspended = "account-suspended",
    /// Fresh tokens died again and again: somebody else uses the device.
    DeviceContested = "device-contested",
    /// The server has the same device keys as the local store.
    ContinuitySame = "continuity-same",
    /// Neither the server nor the local store has published keys: first use.
    ContinuityFirstUse = "continuity-first-use",
    /// The local store published keys which the server has no more.
    ContinuityKeysGone = "continuity-keys-gone",
    /// The server has other keys than the local store.
    ContinuityKeysDiffer = "continuity-keys-differ",
    /// The server has keys but there is no local store.
    ContinuityStoreLost = "continuity-store-lost",
    /// There is a local store that cannot be opened.
    ContinuityStoreUnreadable = "continuity-store-unreadable",
    /// Went on with a device that is not healthy, for want of a password.
    ContinuityDegraded = "continuity-degraded",
    /// A new device got the store that was made ahead.
    StandbyStoreTaken = "standby-store-taken",
    /// Room keys of an older device's store were brought into the new one.
    KeysCarriedOver = "keys-carried-over",
    /// An older device's store could not be carried over whole, and is kept.
    KeysNotCarried = "keys-not-carried",
    /// Room keys came out of the escrow file.
    EscrowImported = "escrow-imported",
    /// The escrow file cannot be read: no irreversible step.
    EscrowUnreadable = "escrow-unreadable",
    /// The escrow file was written.
    EscrowWritten = "escrow-written",
    /// Room keys came from the program that kept the account before.
    PredecessorKeysImported = "predecessor-keys-imported",
    /// The device left behind was logged out with its own token.
    DeviceLoggedOut = "left-device-logged-out",
    /// The device left behind was deleted with the password.
    DeviceDeleted = "left-device-deleted",
    /// The device left behind could not be removed yet.
    DeviceNotRemoved = "left-device-not-removed",
    /// The store of a device left behind was removed after the new one had proven itself.
    OldStoreRemoved = "old-store-removed",
    /// The account's cross-signing identity was made.
    CrossSigningMade = "cross-signing-made",
    /// Secret storage and key backup were set up.
    RecoveryMade = "recovery-made",
    /// Cross-signing and backup were recovered with the recovery key.
    Recovered = "recovered-from-key",
    /// Peers were told by a new signature that the device is there.
    DeviceAnnounced = "device-announced",
    /// Cross-signing and backup were taken over from an older device's store.
    TrustInherited = "trust-inherited",
    /// Cross-signing or backup could not be had on this device.
    TrustDegraded = "trust-degraded",
    /// The sync met a dead token.
    DeadTokenInSync = "dead-token-in-sync",
    /// A call met a dead token.
    DeadTokenInCall = "dead-token-in-call",
    /// A token that looked dead is alive.
    TokenAliveAfterAll = "token-alive-after-all",
    /// The token that had been dead lives again, or the cause of `needs_operator` is gone.
    CuredFromOutside = "cured-from-outside",
    /// The store was ahead of the intake; its position was taken back.
    SyncPositionRewound = "sync-position-rewound",
    /// A fresh store was filled by a sync of its own.
    StorePrimed = "store-primed",
    /// The identity serves.
    Live = "live",
}

impl Mark {
    /// Logs that the branch was taken.
    pub fn hit(self, role: Account) {
        tracing::info!(target: "healing", role = role.name(), mark = self.name());
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        io::{Read, Seek},
        sync::Arc,
    };

    use serde_json::{Value, json};

    use super::Mark;
    use crate::account::Account;

    #[test]
    fn a_branch_that_is_taken_stands_in_the_log_with_its_account() {
        let log = Arc::new(tempfile::tempfile().unwrap());
        let subscriber = tracing_subscriber::fmt().json().with_writer(Arc::clone(&log)).finish();
        tracing::subscriber::with_default(subscriber, || Mark::Live.hit(Account::new("clerk")));

        let mut file = log.as_ref();
        let mut written = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut written).unwrap();
        let event = serde_json::from_str::<Value>(&written).unwrap();
        assert_eq!(event["target"], "healing");
        assert_eq!(event["fields"], json!({ "role": "clerk", "mark": "live" }));
    }

    #[test]
    fn every_mark_has_a_name_of_its_own() {
        let names = Mark::ALL.iter().map(|mark| mark.name()).collect::<BTreeSet<_>>();
        assert_eq!(names.len(), Mark::ALL.len());
        assert!(
            names
                .iter()
                .all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
        );
    }
}
