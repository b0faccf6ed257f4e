//! Where the operator's password comes from.

use std::{
    fmt,
    fs::{self, File},
    io::{ErrorKind, Read},
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::PathBuf,
    sync::Arc,
};

use sha2::{Digest, Sha256};

use super::text::decode;
use crate::secret::Secret;

/// No password is nearly as long, in bytes.
const LONGEST: u64 = 64 * 1024;

/// What tells one state of the source from another: a rewrite of a file with the same content is a change too, for the
/// operator may have given the account this very password meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PasswordState {
    modified: (i64, i64),
    inode: u64,
    content: [u8; 32],
}

impl std::fmt::Debug for PasswordState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the digest: it would let a guess be checked.
        f.debug_struct("PasswordState")
            .field("modified", &self.modified)
            .finish_non_exhaustive()
    }
}

/// What a program gives for a password: `None` where there is none (yet), an error where it cannot tell.
type Ask = Arc<dyn Fn() -> Result<Option<Secret>, String> + Send + Sync>;

/// A file, which may not exist (yet), or a function of the program.
#[derive(Clone)]
pub struct PasswordSource {
    /// What the operator is told to write the password into.
    place: String,
    from: From,
}

#[derive(Clone)]
enum From {
    File(PathBuf),
    Function(Ask),
}

impl fmt::Debug for PasswordSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordSource")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl PasswordSource {
    /// The file at this path.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self {
            place: path.display().to_string(),
            from: From::File(path),
        }
    }

    /// A function of the program, which is asked several times a second while the operator is waited for, so it has to be
    /// quick. `place` is what the operator is told to write the password into, as in "the secret `bot-password`".
    pub fn function<F>(place: impl Into<String>, ask: F) -> Self
    where
        F: Fn() -> Result<Option<Secret>, String> + Send + Sync + 'static,
    {
        Self {
            place: place.into(),
            from: From::Function(Arc::new(ask)),
        }
    }

    /// What the operator writes the password into.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The password and the state of the source. `None` where there is nothing. A source that cannot be read is as good as
    /// none, but is said by the caller through [`PasswordSource::problem`].
    pub fn read(&self) -> Option<(Secret, PasswordState)> {
        let metadata = match &self.from {
            From::File(path) => Some(fs::metadata(path).ok()?),
            From::Function(_) => None,
        };
        let password = self.password().ok().flatten()?;
        let state = PasswordState {
            modified: metadata
                .as_ref()
                .map_or((0, 0), |file| (file.mtime(), file.mtime_nsec())),
            inode: metadata.as_ref().map_or(0, MetadataExt::ino),
            content: Sha256::digest(password.expose().as_bytes()).into(),
        };
        Some((password, state))
    }

    /// The state of the source alone.
    pub fn state(&self) -> Option<PasswordState> {
        self.read().map(|(_, state)| state)
    }

    /// What is wrong with the source, where there is one that cannot be used.
    pub fn problem(&self) -> Option<String> {
        match self.password() {
            Ok(None) if matches!(&self.from, From::File(path) if path.exists()) => Some("it is empty".to_owned()),
            Ok(_) => None,
            Err(problem) => Some(problem),
        }
    }

    /// The password; `None` where there is none; else what is wrong with it. What surrounds it does not count: editors add
    /// line breaks and byte order marks.
    fn password(&self) -> Result<Option<Secret>, String> {
        let path = match &self.from {
            From::File(path) => path,
            From::Function(ask) => return Ok(ask()?.and_then(|password| trimmed(password.expose()))),
        };
        // Opening a pipe would wait for whoever writes into it.
        match fs::metadata(path).map(|found| found.file_type()) {
            Ok(kind) if kind.is_fifo() || kind.is_socket() => {
                return Err("it is a pipe where a file belongs".to_owned());
            }
            _ => {}
        }
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("it cannot be read: {error}")),
        };
        let mut bytes = Vec::new();
        let read = file.take(LONGEST + 1).read_to_end(&mut bytes);
        match read.map_err(|error| error.kind()) {
            Err(ErrorKind::IsADirectory) => return Err("it is a directory where a file belongs".to_owned()),
            Err(kind) => return Err(format!("it cannot be read: {kind}")),
            Ok(read) if read as u64 > LONGEST => return Err(format!("it has more than {LONGEST} bytes")),
            Ok(_) => {}
        }
        let text = decode(&bytes).map_err(|error| error.to_string())?;
        Ok(trimmed(&text))
    }
}

fn trimmed(text: &str) -> Option<Secret> {
    let password = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    (!password.is_empty()).then(|| Secret::new(password))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use tempfile::TempDir;

    use super::*;

    #[rstest]
    #[case::plain(b"pass word", Ok("pass word"))]
    #[case::surrounded(b" \n pass word\r\n\t", Ok("pass word"))]
    #[case::marked(b"\xEF\xBB\xBFpass word\r\n", Ok("pass word"))]
    #[case::marked_after_a_space(b" \xEF\xBB\xBFpass word", Ok("pass word"))]
    #[case::utf_16(b"\xFF\xFEp\0w\0\r\0\n\0", Ok("pw"))]
    #[case::utf_16_the_other_way(b"\xFE\xFF\0p\0w\0\n", Ok("pw"))]
    #[case::beyond_ascii("w\u{f6}rd\n".as_bytes(), Ok("w\u{f6}rd"))]
    #[case::empty(b"", Err("it is empty"))]
    #[case::blank(b" \r\n", Err("it is empty"))]
    #[case::only_a_mark(b"\xEF\xBB\xBF\n", Err("it is empty"))]
    #[case::latin(b"w\xF6rd", Err("it is not UTF-8"))]
    #[case::nul(b"pass\0word", Err("NUL bytes"))]
    #[case::unmarked_utf_16(b"p\0w\0", Err("NUL bytes"))]
    fn a_file_gives_its_password_or_says_what_is_wrong(#[case] bytes: &[u8], #[case] outcome: Result<&str, &str>) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("password");
        fs::write(&path, bytes).unwrap();
        let file = PasswordSource::file(path);
        let password = file.read().map(|(password, _)| password);
        assert_eq!(password.as_ref().map(Secret::expose), outcome.ok());
        let problem = file.problem();
        assert_eq!(problem.is_some(), outcome.is_err(), "{problem:?}");
        if let (Some(problem), Err(wanted)) = (problem, outcome) {
            assert!(problem.contains(wanted), "{problem}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_no_problem_and_one_that_is_a_directory_or_endless_is() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("password");
        let file = PasswordSource::file(&path);
        assert_eq!((file.state(), file.problem()), (None, None));
        fs::create_dir(path).unwrap();
        assert_eq!(file.state(), None);
        assert!(file.problem().unwrap().contains("directory"));
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let pipe = PasswordSource::file(pipe);
        assert_eq!(pipe.state(), None);
        assert!(pipe.problem().unwrap().contains("pipe"));
        let endless = PasswordSource::file("/dev/zero");
        assert_eq!(endless.state(), None);
        assert!(endless.problem().unwrap().contains("more than"));
    }

    #[test]
    fn a_function_gives_a_password_until_it_gives_another() {
        let given = Arc::new(std::sync::Mutex::new(Ok(None)));
        let asked = given.clone();
        let source = PasswordSource::function("the secret `bot`", move || asked.lock().unwrap().clone());
        assert_eq!((source.state(), source.problem()), (None, None));
        let mut states = Vec::new();
        for password in ["one", " one\n", "two"] {
            *given.lock().unwrap() = Ok(Some(Secret::new(password)));
            let (found, state) = source.read().unwrap();
            assert_eq!(found.expose(), password.trim());
            states.push(state);
        }
        assert!(states[0] == states[1] && states[1] != states[2]);
        *given.lock().unwrap() = Err("no network".to_owned());
        assert_eq!(
            (source.state(), source.problem().as_deref()),
            (None, Some("no network"))
        );
        assert!(!format!("{source:?} {states:?}").contains("two"));
    }
}
