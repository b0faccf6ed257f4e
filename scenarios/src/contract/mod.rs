//! The contract of knock-approver.

use harness::contract::{Contract, Error};

const TEXT: &str = include_str!("../../contracts/knock-approver.toml");

/// What the harness has to know of knock-approver.
///
/// # Errors
///
/// When `contracts/knock-approver.toml` is no contract, which a test sees to.
pub fn knock_approver() -> Result<Contract, Error> {
    Contract::from_toml(TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_is_one_and_names_both_identities() {
        let contract = knock_approver().unwrap();
        let names: Vec<&str> = contract
            .identities
            .iter()
            .map(|identity| identity.name.as_str())
            .collect();
        assert_eq!(names, ["approver", "onboarding"]);
        assert!(contract.tells_operator());
    }
}
