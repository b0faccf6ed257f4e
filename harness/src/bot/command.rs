use std::{
    env,
    path::{Path, PathBuf},
};

use super::{Error, Result};

/// The bot's binary.
const BINARY: &str = "knock-approver";
/// Names the command that stands in for it.
const VARIABLE: &str = "KNOCKPROOF_BOT";

/// What is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl BotCommand {
    /// The words of `KNOCKPROOF_BOT` (quoted as in a shell), else the bot's binary in the folder of this program or the one above it,
    /// where cargo puts it.
    ///
    /// # Errors
    ///
    /// When the words are not quoted properly, or there is no such binary.
    pub fn from_env() -> Result<Self> {
        if let Some(words) = env::var(VARIABLE).ok().filter(|words| !words.trim().is_empty()) {
            return Self::from_words(&words);
        }
        let exe = env::current_exe().map_err(|source| Error::Io {
            action: "find this program".to_owned(),
            source,
        })?;
        Self::beside(&exe)
    }

    /// From words quoted as in a shell. A word that names a file from here becomes its absolute path: the bot runs elsewhere.
    ///
    /// # Errors
    ///
    /// When they are not quoted properly.
    pub fn from_words(words: &str) -> Result<Self> {
        let words = shlex::split(words).unwrap_or_default();
        let mut words = words.into_iter().enumerate().map(|(place, word)| absolute(place, word));
        let program = words.next().ok_or(Error::BadCommand)?;
        Ok(Self {
            program: program.into(),
            arguments: words.collect(),
        })
    }

    fn beside(exe: &Path) -> Result<Self> {
        let places: Vec<PathBuf> = exe
            .ancestors()
            .skip(1)
            .take(2)
            .map(|folder| folder.join(BINARY))
            .collect();
        let found = places.iter().find(|place| place.is_file());
        match found {
            Some(program) => Ok(Self {
                program: program.clone(),
                arguments: Vec::new(),
            }),
            None => Err(Error::NoBinary {
                looked: places
                    .iter()
                    .map(|place| place.display().to_string())
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        }
    }
}

/// The program is looked for in `PATH` where its name has no slash; an argument may be a file of this folder.
fn absolute(place: usize, word: String) -> String {
    let path = Path::new(&word);
    let is_meant = path.is_relative() && (place > 0 || word.contains('/')) && path.is_file();
    match path.canonicalize() {
        Ok(path) if is_meant => path.display().to_string(),
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_as_in_a_shell() {
        let command = BotCommand::from_words("python3 -m 'my bot' --x=\"a b\"").unwrap();
        assert_eq!(command.program, PathBuf::from("python3"));
        assert_eq!(command.arguments, ["-m", "my bot", "--x=a b"]);
        assert!(BotCommand::from_words("'open").is_err());
    }

    #[test]
    fn a_file_of_this_folder_is_found_from_elsewhere() {
        let command = BotCommand::from_words("src/lib.rs Cargo.toml --file=Cargo.toml nothing").unwrap();
        assert!(command.program.is_absolute(), "{command:?}");
        assert!(Path::new(&command.arguments[0]).is_absolute(), "{command:?}");
        assert_eq!(command.arguments[1..], ["--file=Cargo.toml", "nothing"]);
        assert_eq!(BotCommand::from_words("sh").unwrap().program, PathBuf::from("sh"));
    }

    #[test]
    fn the_binary_is_found_beside_a_program_and_beside_a_test() {
        let target = tempfile::tempdir().unwrap();
        let binary = target.path().join(BINARY);
        std::fs::create_dir(target.path().join("deps")).unwrap();
        let exe = target.path().join("deps").join("test-1");
        assert!(matches!(BotCommand::beside(&exe), Err(Error::NoBinary { .. })));
        std::fs::write(&binary, "").unwrap();
        assert_eq!(BotCommand::beside(&exe).unwrap().program, binary);
    }
}
