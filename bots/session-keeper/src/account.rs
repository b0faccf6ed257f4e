//! Which account.

use std::fmt;

/// Tells the accounts of one process apart: in log lines, and in the names of their files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Account {
    name: &'static str,
    file_stem: &'static str,
}

impl Account {
    /// An account whose files begin with its name. The name goes into file names: letters, digits, `_` and `-`.
    pub const fn new(name: &'static str) -> Self {
        Self { name, file_stem: name }
    }

    /// The same account, with files that begin otherwise.
    pub const fn with_file_stem(self, file_stem: &'static str) -> Self {
        Self { file_stem, ..self }
    }

    /// The name in logs.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// How its files begin: `<stem>_session.json` and so on.
    pub const fn file_stem(self) -> &'static str {
        self.file_stem
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::Account;

    #[test]
    fn an_account_is_called_by_its_name_and_its_files_by_its_stem() {
        let plain = Account::new("clerk");
        assert_eq!((plain.name(), plain.file_stem()), ("clerk", "clerk"));
        let renamed = plain.with_file_stem("old_clerk");
        assert_eq!((renamed.name(), renamed.file_stem()), ("clerk", "old_clerk"));
        assert_eq!(renamed.to_string(), "clerk");
    }
}
