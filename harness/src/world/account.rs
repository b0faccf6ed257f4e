use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::filling::write_private;
use crate::{
    client::User,
    contract::{Contract, DataPath, Identity, State, Template, Variable},
    secrets::Secrets,
};

/// An account of the bot's: what the operator knows of it.
#[derive(Debug)]
pub struct BotAccount {
    /// Which identity of the contract's.
    pub identity: Identity,
    /// The first session, made by the operator; a bot that was given its token works on its device.
    pub first: User,
    state: State,
    /// What the contract fills for it, with the variables and files of the bot as a whole where it is the first.
    variables: Vec<(String, Template)>,
    password: String,
    data_dir: PathBuf,
    secrets: Secrets,
}

impl BotAccount {
    pub(super) fn new(
        contract: &Contract,
        identity: &Identity,
        first: User,
        data_dir: &Path,
        secrets: Secrets,
    ) -> Self {
        let shared = contract.environment.iter().filter(|_| contract.is_first(identity));
        let variables = shared.chain(&identity.environment);
        Self {
            state: contract.state_of(identity),
            variables: variables
                .map(|(name, template)| (name.clone(), template.clone()))
                .collect(),
            identity: identity.clone(),
            password: first.password().to_owned(),
            first,
            data_dir: data_dir.to_owned(),
            secrets,
        }
    }

    /// What the bot and its people call it.
    pub fn name(&self) -> &str {
        &self.identity.name
    }

    /// The user id.
    pub fn user_id(&self) -> &str {
        self.first.user_id()
    }

    /// The localpart.
    pub fn localpart(&self) -> &str {
        self.first.localpart()
    }

    /// The password that works now.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Notes the password that works now. What the bot is given is another matter: see [`write_password`](Self::write_password).
    pub fn set_password(&mut self, password: &str) {
        self.secrets
            .add_given(format!("password of {}", self.user_id()), password);
        self.password = password.to_owned();
    }

    /// The variables of the bot's environment that ask for this, each with its template.
    pub fn variables_with(&self, variable: Variable) -> impl Iterator<Item = &(String, Template)> {
        self.variables
            .iter()
            .filter(move |(_, template)| template.uses(variable))
    }

    /// Where it keeps what.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The path of something that it keeps, where the contract says where that is.
    pub fn kept(&self, place: Option<&DataPath>) -> Option<PathBuf> {
        Some(place?.below(&self.data_dir))
    }

    /// The file that the operator writes the password into, where there is one.
    pub fn password_file(&self) -> Option<PathBuf> {
        self.kept(self.state.password_file.as_ref())
    }

    /// Writes a password into the file, as an operator does: at once, in place. A bot without such a file gets it with its environment.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_password(&self, password: &str) -> io::Result<()> {
        self.secrets
            .add_given(format!("password of {}", self.user_id()), password);
        let Some(file) = self.password_file() else {
            return Ok(());
        };
        write_private(&file, &format!("{password}\n"))
    }

    /// The recovery key of the account, as the bot keeps it.
    ///
    /// # Errors
    ///
    /// When there is none, or the contract names no place for it.
    pub fn recovery_key(&self) -> io::Result<String> {
        let file = self.kept(self.state.recovery_key.as_ref());
        let file = file.ok_or_else(|| io::Error::other("the contract names no file for the recovery key"))?;
        let key = fs::read_to_string(file)?.trim().to_owned();
        self.secrets
            .add(format!("recovery key of {}", self.user_id()), key.as_str());
        Ok(key)
    }

    /// Removes the file with the password.
    ///
    /// # Errors
    ///
    /// When there is none, or it cannot be removed.
    pub fn remove_password(&self) -> io::Result<()> {
        let file = self.password_file();
        fs::remove_file(file.ok_or_else(|| io::Error::other("the contract names no file for the password"))?)
    }
}
