//! The operator's password file.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read},
    os::unix::fs::MetadataExt,
    path::PathBuf,
};

use sha2::{Digest, Sha256};

use super::text::decode;
use crate::secret::Secret;

/// No password is nearly as long, in bytes.
const LONGEST: u64 = 64 * 1024;

/// What tells one state of the file from another: a rewrite with the same content is a change too, for the operator
/// may have given the account this very password meanwhile.
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

/// The file; it may not exist (yet).
#[derive(Clone, Debug)]
pub struct PasswordFile {
    path: PathBuf,
}

impl PasswordFile {
    /// The file at this path.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// The password and the state of the file. `None` where there is no file, or nothing in it. A file that cannot be
    /// read is as good as none, but is said by the caller through [`PasswordFile::problem`].
    pub fn read(&self) -> Option<(Secret, PasswordState)> {
        let metadata = fs::metadata(&self.path).ok()?;
        let password = self.password().ok().flatten()?;
        let state = PasswordState {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            inode: metadata.ino(),
            content: Sha256::digest(password.expose().as_bytes()).into(),
        };
        Some((password, state))
    }

    /// The state of the file alone.
    pub fn state(&self) -> Option<PasswordState> {
        self.read().map(|(_, state)| state)
    }

    /// What is wrong with the file, where there is one that cannot be used.
    pub fn problem(&self) -> Option<String> {
        match self.password() {
            Ok(None) if self.path.exists() => Some("it is empty".to_owned()),
            Ok(_) => None,
            Err(problem) => Some(problem),
        }
    }

    /// The password; `None` where there is no file or nothing in it; else what is wrong with it. What surrounds it does
    /// not count: editors add line breaks and byte order marks.
    fn password(&self) -> Result<Option<Secret>, String> {
        let file = match File::open(&self.path) {
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
        let password = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        Ok((!password.is_empty()).then(|| Secret::new(password)))
    }
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
        let file = PasswordFile::new(folder.path().join("password"));
        fs::write(file.path(), bytes).unwrap();
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
        let file = PasswordFile::new(folder.path().join("password"));
        assert_eq!((file.state(), file.problem()), (None, None));
        fs::create_dir(file.path()).unwrap();
        assert_eq!(file.state(), None);
        assert!(file.problem().unwrap().contains("directory"));
        let endless = PasswordFile::new("/dev/zero".into());
        assert_eq!(endless.state(), None);
        assert!(endless.problem().unwrap().contains("more than"));
    }
}
