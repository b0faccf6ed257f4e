//! How a program speaks of itself and of what its operator does.

/// The words that go into what the operator is told. They stand inside sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wording {
    /// The program, as in "encrypted messages may not reach *the bot*".
    pub program: String,
    /// The token that the program was given, as in "*the access token that was given* cannot be used".
    pub given_token: String,
    /// How the program is started anew, as in "put the recovery key there and *restart*".
    pub restart: String,
    /// How another account's name is given, as in "*set the username of this account* to the one whose password it is".
    pub set_user: String,
}

impl Default for Wording {
    fn default() -> Self {
        Self {
            program: "the bot".to_owned(),
            given_token: "the access token that was given".to_owned(),
            restart: "restart".to_owned(),
            set_user: "set the username of this account".to_owned(),
        }
    }
}
