/// Whom a fault hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The bot as a whole, whichever accounts it has.
    Bot,
    /// One of its accounts at a time.
    Account,
    /// One of its accounts, or several at once.
    Accounts,
}

impl Reach {
    /// Whether so many accounts can be hit, and be chosen.
    pub const fn allows(self, accounts: usize) -> bool {
        match self {
            Self::Bot => false,
            Self::Account => accounts == 1,
            Self::Accounts => accounts > 0,
        }
    }
}
