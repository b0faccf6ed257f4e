use std::{collections::BTreeSet, path::PathBuf};

use matrix_sdk::ruma::OwnedDeviceId;

use super::Inherited;

/// What became of the keys of older devices when a store was prepared.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Prepared {
    /// There was no store for this device before.
    pub fresh: bool,
    /// Devices whose keys are in this store now (or in none at all): they may go.
    pub carried: BTreeSet<OwnedDeviceId>,
    /// Folders whose keys could not be brought over, and why. They stay.
    pub kept: Vec<(PathBuf, String)>,
    /// Why the escrow file could not be read. While it cannot, nothing is removed.
    pub escrow_unreadable: Option<String>,
    /// The account's secrets, where an older store has them.
    pub secrets: Inherited,
}
