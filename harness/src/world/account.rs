use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::{client::User, secrets::Secrets};

/// Which of the bot's identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The approver.
    Approver,
    /// The onboarding bot.
    Onboarding,
}

impl Role {
    /// The name in `/ready`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approver => "approver",
            Self::Onboarding => "onboarding",
        }
    }

    /// The default localpart.
    pub const fn localpart(self) -> &'static str {
        match self {
            Self::Approver => "shape-rotator-2",
            Self::Onboarding => "onboarding-bot",
        }
    }

    /// The variable with its token.
    pub const fn token_variable(self) -> &'static str {
        match self {
            Self::Approver => "MATRIX_TOKEN",
            Self::Onboarding => "ONBOARDING_BOT_TOKEN",
        }
    }

    /// What its files in the data directory begin with.
    pub const fn file_stem(self) -> &'static str {
        match self {
            Self::Approver => "shape_rotator_2",
            Self::Onboarding => "onboarding_bot",
        }
    }
}

/// An account of the bot's: what the operator knows of it.
#[derive(Debug)]
pub struct BotAccount {
    /// Which identity.
    pub role: Role,
    /// The first session, made by the operator; the bot takes its device over.
    pub first: User,
    password: String,
    password_file: PathBuf,
    secrets: Secrets,
}

impl BotAccount {
    pub(super) fn new(role: Role, first: User, data_dir: &Path, secrets: Secrets) -> Self {
        Self {
            role,
            password: first.password().to_owned(),
            first,
            password_file: data_dir.join(format!("{}_password", role.file_stem())),
            secrets,
        }
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

    /// Notes the password that works now. The file is another matter: see [`write_password`](Self::write_password).
    pub fn set_password(&mut self, password: &str) {
        self.secrets.add(format!("password of {}", self.user_id()), password);
        self.password = password.to_owned();
    }

    /// The file that the operator writes the password into.
    pub fn password_file(&self) -> &Path {
        &self.password_file
    }

    /// Writes a password into the file, as an operator does: at once, in place.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_password(&self, password: &str) -> io::Result<()> {
        self.secrets.add(format!("password of {}", self.user_id()), password);
        let private = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&self.password_file);
        private?.write_all(format!("{password}\n").as_bytes())
    }

    /// The recovery key of the account, as the bot keeps it in its vault.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn recovery_key(&self) -> io::Result<String> {
        let name = format!("{}_recovery_key", self.role.file_stem());
        let key = fs::read_to_string(self.password_file.with_file_name(name))?
            .trim()
            .to_owned();
        self.secrets
            .add(format!("recovery key of {}", self.user_id()), key.as_str());
        Ok(key)
    }

    /// Removes the file.
    ///
    /// # Errors
    ///
    /// When it cannot be removed.
    pub fn remove_password(&self) -> io::Result<()> {
        fs::remove_file(&self.password_file)
    }
}
