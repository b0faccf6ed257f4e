//! What a test or drill leaves behind: one folder with its seed, the line that repeats it, history and logs.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;

use crate::{
    history::{Event, History},
    plan::seed_for,
    run::{self, RunId},
    secrets::Secrets,
};

/// The folder. Removed by [`finish`](Self::finish) after a success, unless `KNOCKPROOF_KEEP=1`; kept otherwise, also when it is dropped.
///
/// Cheap to clone; all clones are the same folder. Secrets are masked in everything that is written through it.
#[derive(Clone, Debug)]
pub struct Artifacts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    secrets: Secrets,
    /// Whether a story is also printed.
    tells: bool,
    history: History,
}

impl Artifacts {
    /// Makes the empty folder `ROOT/RUN/NAME`, where `ROOT` is `KNOCKPROOF_ARTIFACTS`, else `knockproof` in cargo's target folder, else in
    /// the user's folder for temporary files. Where another one of that name is, it is `NAME-2` and so on: no two ever share a folder.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub fn for_test(name: &str, secrets: Secrets) -> io::Result<Self> {
        Self::make(&of_run()?.join(file_name(name)), secrets, true)
    }

    /// The same for a drill on a homeserver, whose [story](Self::tell) is only written down.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub fn for_drill(name: &str, homeserver: &str, secrets: Secrets) -> io::Result<Self> {
        let name = file_name(&format!("{name}-on-{homeserver}"));
        Self::make(&of_run()?.join(name), secrets, false)
    }

    /// The same at a place of one's own.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub fn in_folder(folder: PathBuf, secrets: Secrets) -> io::Result<Self> {
        Self::make(&folder, secrets, true)
    }

    fn make(wished: &Path, secrets: Secrets, tells: bool) -> io::Result<Self> {
        let folder = new_folder(wished)?;
        let history = History::create(folder.join("history.jsonl"), secrets.clone())?;
        Ok(Self(Arc::new(Inner {
            folder,
            secrets,
            tells,
            history,
        })))
    }

    /// The secrets that are masked.
    pub fn secrets(&self) -> &Secrets {
        &self.0.secrets
    }

    /// Everything that happens, in `history.jsonl` at once.
    pub fn history(&self) -> &History {
        &self.0.history
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// A file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.folder.join(name)
    }

    /// Notes that something happened, in the history.
    pub fn note(&self, what: impl Into<String>) {
        self.note_with(what, Value::Null);
    }

    /// The same with more about it.
    pub fn note_with(&self, what: impl Into<String>, detail: Value) {
        let what = self.0.secrets.mask(&what.into());
        tracing::debug!("{what}");
        self.0.history.add(Event::Note { what, detail });
    }

    /// Writes a file, with secrets masked.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> io::Result<()> {
        fs::write(self.path(name), self.0.secrets.mask(text))
    }

    /// Writes the seed and the line that repeats the test or drill.
    ///
    /// # Errors
    ///
    /// When they cannot be written.
    pub fn replay(&self, seed: u64, line: &str) -> io::Result<()> {
        self.write("seed", &format!("{seed}\n"))?;
        self.write("replay", &format!("{line}\n"))
    }

    /// Writes what happened, for people, to `story.txt`; for a test also to standard error, which its runner shows when it fails.
    #[expect(
        clippy::print_stderr,
        reason = "a failed test shows its story in its captured output"
    )]
    pub fn tell(&self, story: &str) {
        if let Err(error) = self.write("story.txt", story) {
            tracing::warn!(%error, "the story could not be written");
        }
        if self.0.tells {
            eprintln!("{story}");
        }
    }

    /// Ends it: removes the folder after a success, else answers where it is.
    ///
    /// # Errors
    ///
    /// When it cannot be removed.
    pub fn finish(&self, passed: bool) -> io::Result<Option<PathBuf>> {
        if !passed || env::var("KNOCKPROOF_KEEP").is_ok_and(|keep| keep == "1") {
            return Ok(Some(self.0.folder.clone()));
        }
        fs::remove_dir_all(&self.0.folder)?;
        // The folder of the run goes with its last test; it is not empty while another one stands.
        if let Some(run) = self.0.folder.parent() {
            let _ = fs::remove_dir(run);
        }
        Ok(None)
    }
}

/// Where everything of this run that is kept is.
///
/// # Errors
///
/// When the user has no folder for it.
pub fn of_run() -> io::Result<PathBuf> {
    Ok(root()?.join(RunId::current().as_str()))
}

fn root() -> io::Result<PathBuf> {
    if let Some(root) = env::var_os("KNOCKPROOF_ARTIFACTS").filter(|root| !root.is_empty()) {
        return Ok(root.into());
    }
    let exe = env::current_exe().ok();
    let target = exe.as_deref().and_then(run::target_folder);
    match target {
        Some(target) => Ok(target.join("knockproof")),
        None => Ok(run::base()?.join("artifacts")),
    }
}

/// Makes a folder that was not there: the wished one, else the first free one of its name and a number.
fn new_folder(wished: &Path) -> io::Result<PathBuf> {
    let mut number = 1;
    loop {
        let folder = match number {
            1 => wished.to_owned(),
            _ => {
                let mut name = wished.as_os_str().to_owned();
                name.push(format!("-{number}"));
                name.into()
            }
        };
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent).map_err(run::at(parent))?;
        }
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            // The last drill that ended has taken the folder of the run with it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(run::at(&folder)(error)),
        }
    }
}

/// As long as the name of a folder may be, with room for what makes it a new one: file systems take 255 bytes.
const LONGEST_NAME: usize = 200;

/// A name as one file name, cut where it is too long for one: everything else than letters, digits, `-`, `_` and `.` becomes `-`.
fn file_name(name: &str) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let whole: String = name.chars().map(|c| if kept(c) { c } else { '-' }).collect();
    let name = whole.trim_start_matches('.');
    match name.len() {
        ..=LONGEST_NAME => name.to_owned(),
        // What tells it from others that begin alike.
        _ => format!("{}-{:08x}", &name[..LONGEST_NAME - 9], seed_for(0, name) & 0xffff_ffff),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifacts(secrets: Secrets) -> (tempfile::TempDir, Artifacts) {
        let root = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::in_folder(root.path().join("run").join("test"), secrets).unwrap();
        (root, artifacts)
    }

    #[test]
    fn the_folder_is_removed_after_a_success_and_kept_after_a_failure() {
        let (_root, artifacts) = artifacts(Secrets::default());
        artifacts.note("began");
        assert_eq!(artifacts.finish(false).unwrap().as_deref(), Some(artifacts.folder()));
        assert!(artifacts.path("history.jsonl").is_file());
        assert_eq!(artifacts.finish(true).unwrap(), None);
        assert!(!artifacts.folder().exists());
    }

    #[test]
    fn secrets_are_masked_in_everything_written() {
        let secrets = Secrets::default();
        secrets.add("password", "correct horse");
        let (_root, artifacts) = artifacts(secrets);
        artifacts.note_with(
            "changed to correct horse",
            serde_json::json!({"password": "correct horse"}),
        );
        artifacts.write("bot.log", "correct horse").unwrap();
        let read = |name: &str| fs::read_to_string(artifacts.path(name)).unwrap();
        let text = ["history.jsonl", "bot.log"].map(read).concat();
        assert!(!text.contains("horse"), "{text}");
    }

    #[test]
    fn no_two_ever_share_a_folder() {
        let root = tempfile::tempdir().unwrap();
        let wished = root.path().join("run").join("test");
        let both = [1, 2].map(|_| Artifacts::in_folder(wished.clone(), Secrets::default()).unwrap());
        assert_eq!(both[0].folder(), wished);
        assert_eq!(both[1].folder(), root.path().join("run").join("test-2"));
        both[1].finish(true).unwrap();
        assert!(both[0].path("history.jsonl").is_file());
    }

    #[test]
    fn the_folder_of_the_run_may_go_while_another_is_made() {
        let root = tempfile::tempdir().unwrap();
        let run = root.path().join("run");
        let make = |name: &str| Artifacts::in_folder(run.join(name), Secrets::default()).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || {
                    (0..50).for_each(|turn| drop(make(&format!("{thread}-{turn}")).finish(true).unwrap()))
                });
            }
        });
    }

    #[test]
    fn a_name_becomes_one_file_name() {
        assert_eq!(
            file_name("smoke/device-deleted at boot"),
            "smoke-device-deleted-at-boot"
        );
        assert_eq!(file_name("../x"), "-x");
    }
}
