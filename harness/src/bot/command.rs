use std::{
    env,
    path::{Path, PathBuf},
};

use super::{BotImage, Error, Result};
use crate::contract::{Contract, Template, Variable};

/// Names the command that stands in for the contract's.
const VARIABLE: &str = "KNOCKPROOF_BOT";
/// Names the image that does.
const IMAGE_VARIABLE: &str = "KNOCKPROOF_BOT_IMAGE";

/// What is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BotCommand {
    /// A program of this machine.
    Program {
        /// The program.
        program: PathBuf,
        /// Its arguments, with places to be filled in.
        arguments: Vec<Template>,
    },
    /// A container.
    Image(BotImage),
}

impl BotCommand {
    /// A program with arguments that are as they are.
    pub fn new(program: impl Into<PathBuf>, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::Program {
            program: program.into(),
            arguments: arguments.into_iter().map(Template::literal).collect(),
        }
    }

    /// The words of `KNOCKPROOF_BOT` (quoted as in a shell), or the image of `KNOCKPROOF_BOT_IMAGE`; else what the contract says.
    ///
    /// # Errors
    ///
    /// When both are set, the words are not quoted properly, or there is no such program. Whether there is such an image,
    /// [`BotImage::ensure`] finds out.
    pub fn of(contract: &Contract) -> Result<Self> {
        let image_of = |name: String| Self::Image(BotImage::of(contract, name));
        match (named(VARIABLE), named(IMAGE_VARIABLE)) {
            (Some(_), Some(_)) => Err(Error::TwoBots),
            (Some(words), None) => Self::from_words(&words),
            (None, Some(image)) => Ok(image_of(image)),
            (None, None) => match &contract.image {
                Some(image) => Ok(image_of(image.clone())),
                None => Self::of_command(contract),
            },
        }
    }

    /// Whether another bot than the contract's is named by the environment.
    pub fn is_given() -> bool {
        named(VARIABLE).or_else(|| named(IMAGE_VARIABLE)).is_some()
    }

    /// The contract's command.
    fn of_command(contract: &Contract) -> Result<Self> {
        let words = contract.command.as_ref().map_or(&[][..], |words| &words.0);
        let (program, arguments) = words.split_first().ok_or(Error::BadCommand)?;
        let name = program.render(|variable| variable.to_string());
        let exe = env::current_exe().map_err(|source| Error::Io {
            action: "find this program".to_owned(),
            source,
        })?;
        Ok(Self::Program {
            program: found(&name, contract.folder(), &exe)?,
            arguments: arguments.to_vec(),
        })
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
        Ok(Self::new(program, words))
    }

    /// The arguments with every place filled.
    pub(super) fn filled(&self, value: &dyn Fn(Variable) -> String) -> Vec<String> {
        let arguments = match self {
            Self::Program { arguments, .. } => arguments,
            Self::Image(image) => &image.arguments,
        };
        arguments.iter().map(|argument| argument.render(value)).collect()
    }
}

impl std::fmt::Display for BotCommand {
    /// The program, or the image.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Program { program, .. } => program.display().fmt(f),
            Self::Image(image) => write!(f, "the image {}", image.name),
        }
    }
}

/// What a variable of ours says.
fn named(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.trim().is_empty())
}

/// A program with a slash in its name is relative to the contract. One without is looked for in the folder of this program, in the one above
/// it (cargo puts tests one deeper), and in `PATH`.
fn found(name: &str, folder: &Path, exe: &Path) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = match name.contains('/') {
        true => vec![folder.join(name)],
        false => exe
            .ancestors()
            .skip(1)
            .take(2)
            .map(Path::to_owned)
            .chain(env::split_paths(&path))
            .map(|folder| folder.join(name))
            .collect(),
    };
    let program = places.iter().find(|place| place.is_file());
    let program = program.ok_or_else(|| Error::NoProgram {
        name: name.to_owned(),
        looked: match name.contains('/') {
            true => folder.join(name).display().to_string(),
            false => format!("{} and PATH", exe.parent().unwrap_or(exe).display()),
        },
    })?;
    // The bot runs in another folder.
    std::path::absolute(program).map_err(|source| Error::Io {
        action: format!("find {name}"),
        source,
    })
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
        assert_eq!(command.to_string(), "python3");
        assert_eq!(command.filled(&|_| String::new()), ["-m", "my bot", "--x=a b"]);
        assert!(BotCommand::from_words("'open").is_err());
    }

    #[test]
    fn a_file_of_this_folder_is_found_from_elsewhere() {
        let command = BotCommand::from_words("src/lib.rs Cargo.toml --file=Cargo.toml nothing").unwrap();
        assert!(command.to_string().starts_with('/'), "{command:?}");
        let arguments = command.filled(&|_| String::new());
        assert!(Path::new(&arguments[0]).is_absolute(), "{command:?}");
        assert_eq!(arguments[1..], ["--file=Cargo.toml", "nothing"]);
        assert_eq!(BotCommand::from_words("sh").unwrap().to_string(), "sh");
    }

    #[test]
    fn the_program_is_found_beside_this_one_and_beside_a_test() {
        let target = tempfile::tempdir().unwrap();
        let binary = target.path().join("no-such-bot");
        std::fs::create_dir(target.path().join("deps")).unwrap();
        let exe = target.path().join("deps").join("test-1");
        let found = || found("no-such-bot", Path::new(""), &exe);
        assert!(matches!(found(), Err(Error::NoProgram { .. })));
        std::fs::write(&binary, "").unwrap();
        assert_eq!(found().unwrap(), binary);
    }

    #[test]
    fn a_program_with_a_slash_is_relative_to_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pong.py"), "").unwrap();
        let program = found("./pong.py", folder.path(), Path::new("/nowhere/test")).unwrap();
        assert!(program.is_absolute() && program.is_file(), "{program:?}");
    }
}
