//! A place of its own for a run: folders for temporary files and for what it leaves, and a bot that is soon done.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use harness::process::Process;
use serde_json::Value;
use tempfile::TempDir;

/// A bot that ends at once: its drills fail within a second.
pub(crate) const ENDS: &str = "sh -c 'exit 3'";
/// A bot that never says anything: its drills wait.
pub(crate) const HANGS: &str = "sh -c 'sleep 600'";

pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["tmp", "artifacts"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Drills on the embedded homeserver, with this bot.
    pub(crate) fn drill(&self, bot: &str, arguments: &[&str]) -> Command {
        let mut command = crate::command(&["drill", "--homeserver", "embedded"]);
        command
            .args(arguments)
            .env("KNOCKPROOF_BOT", bot)
            .env("TMPDIR", self.path("tmp"))
            .env("KNOCKPROOF_ARTIFACTS", self.path("artifacts"))
            // Not the one of the runner, which several tests share.
            .env("KNOCKPROOF_RUN_ID", self.run());
        command
    }

    /// The id of its runs.
    pub(crate) fn run(&self) -> String {
        let name = self.folder.path().file_name().unwrap().to_str().unwrap();
        format!("cli{}", name.replace('.', "-"))
    }

    /// The scratch folders that are there, by a part of their name.
    pub(crate) fn scratch(&self, part: &str) -> Vec<PathBuf> {
        let bases = entries(&self.path("tmp"));
        let scratch = bases.iter().flat_map(|base| entries(&base.join("scratch")));
        scratch
            .filter(|path| path.file_name().unwrap().to_str().unwrap().contains(part))
            .collect()
    }

    /// The folders that drills left.
    pub(crate) fn left(&self) -> Vec<PathBuf> {
        entries(&self.path("artifacts").join(self.run()))
    }

    /// The processes of its runs.
    pub(crate) fn processes(&self) -> Vec<String> {
        let run = self.run();
        let marked = Process::all().filter(|process| process.was_given("KNOCKPROOF_RUN_ID", &run));
        marked
            .map(|process| format!("{} {}", process.pid(), process.words().join(" ")))
            .collect()
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).into_iter().flatten().flatten();
    listed.map(|entry| entry.path()).collect()
}

pub(crate) fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}
