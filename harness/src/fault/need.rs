use crate::{
    client::{NO_PEERS, PEERS},
    contract::{Contract, Identity, Variable},
    homeserver::Flavor,
};

/// What a fault needs of the bot's contract, or of the homeserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// The conduwuit family: a login on a living device kills its old token.
    OneTokenPerDevice,
    /// The bot's environment has its token.
    TokenInEnvironment,
    /// The bot logs in with its password.
    PasswordLogin,
    /// The password is in a file.
    PasswordFile,
    /// The bot keeps its keys for end-to-end encryption in a place that the contract names.
    CryptoStore,
    /// The bot keeps its session in a place that the contract names.
    Session,
    /// The bot keeps its recovery key in a place that the contract names.
    RecoveryKey,
    /// The bot reads and writes encrypted rooms.
    Encryption,
    /// The bot has a way of saying that it needs its operator.
    TellsOperator,
}

impl Need {
    /// Why a fault that needs this is not applicable, if it is not.
    pub fn lacking(self, contract: &Contract, flavor: Flavor) -> Option<String> {
        let each = |has: fn(&Contract, &Identity) -> bool| contract.identities.iter().all(|one| has(contract, one));
        let bot = |has: bool, lacks: &str| (!has).then(|| format!("{} {lacks}", contract.name));
        match self {
            Self::OneTokenPerDevice => {
                let kills = matches!(
                    flavor,
                    Flavor::Conduwuit | Flavor::Continuwuity | Flavor::Tuwunel | Flavor::Embedded
                );
                (!kills).then(|| format!("{flavor} lets several tokens of a device live"))
            }
            Self::TokenInEnvironment => bot(
                each(|contract, one| {
                    let shared = contract.environment.values().filter(|_| contract.is_first(one));
                    shared
                        .chain(one.environment.values())
                        .any(|template| template.uses(Variable::Token))
                }),
                "gets no token with its environment",
            ),
            Self::PasswordLogin => bot(
                contract.capabilities.password_login,
                "does not log in with its password",
            ),
            Self::PasswordFile => bot(
                each(|contract, one| contract.state_of(one).password_file.is_some()),
                "has no file with its password",
            ),
            Self::CryptoStore => bot(
                each(|contract, one| contract.state_of(one).crypto_store.is_some()),
                "names no place for its keys",
            ),
            Self::Session => bot(
                each(|contract, one| contract.state_of(one).session.is_some()),
                "names no place for its session",
            ),
            Self::RecoveryKey => bot(
                each(|contract, one| contract.state_of(one).recovery_key.is_some()),
                "names no place for its recovery key",
            ),
            Self::Encryption if !PEERS => Some(NO_PEERS.to_owned()),
            Self::Encryption => bot(contract.capabilities.encryption, "does not encrypt"),
            Self::TellsOperator => bot(contract.tells_operator(), "does not say that it needs its operator"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const LEAST: &str = r#"
name = "pong"
command = "pong"
ready = { log = "up" }
identities = [{ name = "pong", localpart = "pong" }]
"#;
    const MOST: &str = r#"
name = "pong"
command = "pong"
ready = { log = "up" }
operator_log = "HELP"
identities = [{ name = "pong", localpart = "pong", environment = { TOKEN = "{token}" } }]
state = { session = "a", crypto_store = "b", password_file = "c", recovery_key = "d" }
capabilities = { password_login = true, encryption = true }
"#;

    #[rstest]
    fn what_a_contract_does_not_say_is_lacking(
        #[values(
            Need::OneTokenPerDevice,
            Need::TokenInEnvironment,
            Need::PasswordLogin,
            Need::PasswordFile,
            Need::CryptoStore,
            Need::Session,
            Need::RecoveryKey,
            Need::Encryption,
            Need::TellsOperator
        )]
        need: Need,
    ) {
        let lacking = |text: &str, flavor| need.lacking(&Contract::from_toml(text).unwrap(), flavor);
        assert!(lacking(LEAST, Flavor::Synapse).is_some());
        assert_eq!(lacking(MOST, Flavor::Conduwuit), None);
    }
}
