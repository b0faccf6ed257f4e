/// What a member's client makes of somebody else's device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The server hands out no keys for it.
    Unknown,
    /// Its owner has not signed it: clients show a warning.
    Unsigned,
    /// Its owner's cross-signing identity has signed it.
    Signed,
}
