//! What a contract's places are filled with.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
};

use super::{BotAccount, Error, Result, World};
use crate::{bot, contract::Variable};

impl World {
    /// What fills a place for an account.
    pub fn value(&self, account: &BotAccount, variable: Variable) -> String {
        let first = &account.first;
        match variable {
            Variable::Homeserver => self.front_door.bot_url().as_str().trim_end_matches('/').to_owned(),
            Variable::PublicHomeserver => self.front_door.url().as_str().trim_end_matches('/').to_owned(),
            Variable::ServerName => self.homeserver.server_name().to_owned(),
            Variable::RegistrationToken => self.homeserver.registration_token().to_owned(),
            Variable::UserId => first.user_id().to_owned(),
            Variable::Localpart => first.localpart().to_owned(),
            Variable::Token => first.token().to_owned(),
            Variable::DeviceId => first.device_id().to_owned(),
            Variable::Password => account.password().to_owned(),
            Variable::PasswordFile => account
                .password_file()
                .map_or_else(String::new, |file| self.bot.seen(&file).display().to_string()),
            Variable::Data => self.bot.seen(self.bot.data_dir()).display().to_string(),
            Variable::Port => self.bot.port().to_string(),
            Variable::Room => self.rooms().plain.clone().unwrap_or_default(),
            Variable::EncryptedRoom => self.rooms().encrypted.clone().unwrap_or_default(),
            Variable::Owner => self.owner().user_id().to_owned(),
        }
    }

    /// Writes everything that the contract wants filled: arguments, environment, files, and the files with passwords.
    pub(super) fn fill(&mut self, env: &[(String, String)]) -> Result<()> {
        let contract = self.bot.contract().clone();
        let mut filled = Vec::new();
        for account in &self.accounts {
            let value = |variable| self.value(account, variable);
            let shared = contract
                .environment
                .iter()
                .filter(|_| contract.is_first(&account.identity));
            let variables = shared.chain(&account.identity.environment);
            filled.extend(variables.map(|(name, template)| (name.clone(), template.render(value))));
            let shared = contract.files.iter().filter(|_| contract.is_first(&account.identity));
            for (place, template) in shared.chain(&account.identity.files) {
                let file = place.below(self.bot.data_dir());
                write_private(&file, &template.render(value))
                    .map_err(Error::io(format!("write {}", file.display())))?;
            }
            account
                .write_password(account.password())
                .map_err(Error::io("write a password file"))?;
        }
        let first = &self.accounts[0];
        let values: Vec<(Variable, String)> = Variable::ALL
            .into_iter()
            .map(|variable| (variable, self.value(first, variable)))
            .collect();
        let value = |variable| {
            let found = values.iter().find(|(known, _)| *known == variable);
            found.map_or_else(String::new, |(_, value)| value.clone())
        };
        self.bot.fill(&value);
        self.bot.env_mut().extend(filled);
        self.bot.env_mut().extend(env.iter().cloned());
        Ok(())
    }

    /// Sets every variable of an account's environment that asks for this to what `value` says, for the next start; answers their names.
    pub fn give(&mut self, account: usize, variable: Variable, value: &str) -> Vec<String> {
        let account = &self.accounts[account];
        let filled: Vec<(String, String)> = account
            .variables_with(variable)
            .map(|(name, template)| {
                let of = |other| match other == variable {
                    true => value.to_owned(),
                    false => self.value(account, other),
                };
                (name.clone(), template.render(of))
            })
            .collect();
        for (name, value) in &filled {
            self.bot.set(name, value);
        }
        filled.into_iter().map(|(name, _)| name).collect()
    }
}

/// Writes a file that the bot alone may read.
pub(super) fn write_private(file: &std::path::Path, text: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let private = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file);
    private?.write_all(text.as_bytes())?;
    bot::follow_folder(file)
}
