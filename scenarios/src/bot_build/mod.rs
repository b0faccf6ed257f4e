//! Keeps the bot's binary as new as its source when drills run from the source workspace.
//!
//! Cargo builds a binary for the tests of its own package only, so that `cargo run -p knockproof` and `cargo nextest run -p knockproof`
//! would meet no bot, or yesterday's. Cargo itself decides what is stale.

mod runnable;

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use harness::{bot::BotCommand, run};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::Command,
    time::{Instant, MissedTickBehavior, interval_at},
};

pub use runnable::{NotRunnable, runnable};

/// The bot's binary.
const BINARY: &str = "knock-approver";

/// A small test of this workspace.
const TEST: &str = "cli";

/// How long a build may be silent before it is said that it goes on: linking the bot takes longer than that, and cargo says nothing of it.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// What was found about the bot's binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// The environment names the bot; nothing is built.
    Given,
    /// This program does not run from its source workspace; nothing can be built.
    NoWorkspace,
    /// Cargo says that the binary is as new as its source.
    Fresh,
}

/// The bot's binary could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Cargo could not be started, or the lock file could not be used.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried.
        action: String,
        /// What came back.
        source: io::Error,
    },
    /// The bot does not compile.
    #[error(
        "`{command}` failed ({status}); its errors stand above. To drill another bot, set KNOCKPROOF_BOT to its command"
    )]
    Failed {
        /// The command.
        command: String,
        /// How it ended.
        status: ExitStatus,
    },
}

/// Makes sure that the bot's binary is built from the source as it is now. What cargo says is told to `say`, unless there was nothing
/// to do. Within one run of nextest only the first caller asks cargo; the others wait for it.
///
/// # Errors
/// [`BuildError`] when the bot does not compile or cargo cannot be asked.
pub async fn ensure(say: &mut dyn FnMut(&str)) -> Result<Freshness, BuildError> {
    if BotCommand::is_given() {
        return Ok(Freshness::Given);
    }
    match workspace()? {
        Some(workspace) => {
            let run = env::var("NEXTEST_RUN_ID").ok();
            workspace.build_once(run.as_deref(), say).await
        }
        None => Ok(Freshness::NoWorkspace),
    }
}

/// Makes sure of the bot's binary in a profile of cargo's, `None` for this program's own; answers the profile and the binary.
/// `Ok(None)` where the environment names the bot or nothing can be built here.
///
/// # Errors
/// As [`ensure`].
pub async fn ensure_in(
    profile: Option<&str>,
    say: &mut dyn FnMut(&str),
) -> Result<Option<(String, PathBuf)>, BuildError> {
    if BotCommand::is_given() {
        return Ok(None);
    }
    let Some(mut workspace) = workspace()? else {
        return Ok(None);
    };
    if let Some(profile) = profile {
        profile.clone_into(&mut workspace.profile);
    }
    workspace.build(say).await?;
    let binary = workspace.binary();
    Ok(Some((workspace.profile, binary)))
}

/// The cargo profile that this program was built with, as far as its place tells.
pub fn own_profile() -> Option<String> {
    workspace().ok().flatten().map(|workspace| workspace.profile)
}

/// The workspace that this program runs from.
fn workspace() -> Result<Option<Workspace>, BuildError> {
    let exe = env::current_exe().map_err(|source| BuildError::Io {
        action: "find this program".to_owned(),
        source,
    })?;
    let here = env::current_dir().unwrap_or_default();
    Ok(Workspace::around(&exe, &here))
}

/// The source workspace this program was built in, and where cargo puts what it builds.
#[derive(Debug, PartialEq, Eq)]
struct Workspace {
    root: PathBuf,
    target: PathBuf,
    profile: String,
}

impl Workspace {
    /// The workspace of a program in a target folder of cargo's: around that folder, or, where cargo was told to build elsewhere, around the
    /// folder that one is in.
    fn around(exe: &Path, here: &Path) -> Option<Self> {
        let target = run::target_folder(exe)?;
        let has_bot = |folder: &&Path| folder.join("bots/knock-approver/Cargo.toml").is_file();
        let root = target.ancestors().chain(here.ancestors()).find(has_bot)?;
        let folder = exe
            .strip_prefix(target)
            .ok()?
            .components()
            .next()?
            .as_os_str()
            .to_str()?;
        let profile = if folder == "debug" { "dev" } else { folder };
        Some(Self {
            root: root.to_owned(),
            target: target.to_owned(),
            profile: profile.to_owned(),
        })
    }

    async fn build_once(&self, run: Option<&str>, say: &mut dyn FnMut(&str)) -> Result<Freshness, BuildError> {
        let Some(run) = run else { return self.build(say).await };
        let io = |action: &str| {
            let action = format!("{action} {}", self.target.display());
            move |source| BuildError::Io { action, source }
        };
        let folder = self.target.join("knockproof");
        fs::create_dir_all(&folder).map_err(io("make a folder in"))?;
        let path = folder.join("bot-build.lock");
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(io("open a lock in"))?;
        lock.lock().map_err(io("take a lock in"))?;
        let mut built_for = String::new();
        lock.read_to_string(&mut built_for).map_err(io("read a lock in"))?;
        if built_for == run {
            return Ok(Freshness::Fresh);
        }
        self.build(say).await?;
        lock.set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| lock.write_all(run.as_bytes()))
            .map_err(io("write a lock in"))?;
        Ok(Freshness::Fresh)
    }

    /// Where cargo puts the bot's binary.
    fn binary(&self) -> PathBuf {
        let folder = if self.profile == "dev" { "debug" } else { &self.profile };
        self.target.join(folder).join(BINARY)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .current_dir(&self.root)
            .args(["build", "--bin", BINARY, "--profile", &self.profile, "--target-dir"])
            .arg(&self.target);
        // Where tests are built, their dependencies ask for more of some crates. A test beside the bot makes it one build with theirs;
        // without, all that the bot stands on would be built a second time.
        if env::var_os("NEXTEST").is_some() {
            command.args(["--test", TEST]);
        }
        // What cargo and nextest tell a program about its own package is nothing that the bot is made of; but some build scripts ask
        // for these variables, and cargo would build them, and all that stands on them, anew.
        for (name, _) in env::vars_os().filter(|(name, _)| is_about_the_caller(name)) {
            command.env_remove(name);
        }
        command
    }

    /// Dropped on the way, it ends cargo.
    async fn build(&self, say: &mut dyn FnMut(&str)) -> Result<Freshness, BuildError> {
        let shown = format!("cargo build --bin {BINARY}");
        if !self.binary().is_file() {
            say(&format!("the bot is not built yet: {shown}"));
        }
        let io = |action: &str| {
            let action = format!("{action} `{shown}`");
            move |source| BuildError::Io { action, source }
        };
        let mut cargo = self
            .command()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(io("run"))?;
        if let Some(stderr) = cargo.stderr.take() {
            pass_on(stderr, HEARTBEAT, say).await;
        }
        let status = cargo.wait().await.map_err(io("wait for"))?;
        if status.success() {
            Ok(Freshness::Fresh)
        } else {
            Err(BuildError::Failed { command: shown, status })
        }
    }
}

/// Says what cargo says, and where it is silent for long, that it is still at it.
async fn pass_on(stderr: impl AsyncRead + Unpin, heartbeat: Duration, say: &mut dyn FnMut(&str)) {
    let began = Instant::now();
    let mut lines = BufReader::new(stderr).lines();
    let mut doing = "asking cargo what is stale".to_owned();
    let mut beat = interval_at(began + heartbeat, heartbeat);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            line = lines.next_line() => match line {
                Ok(Some(line)) if line.trim_start().starts_with("Finished ") => {}
                Ok(Some(line)) => {
                    say(&line);
                    line.trim().clone_into(&mut doing);
                    beat.reset();
                }
                Ok(None) | Err(_) => return,
            },
            _ = beat.tick() => say(&format!("… the bot is being built for {} s: {doing}", began.elapsed().as_secs())),
        }
    }
}

/// Whether a variable describes the package or target that cargo runs now.
fn is_about_the_caller(name: &OsStr) -> bool {
    const PREFIXES: [&str; 5] = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_CRATE_",
        "CARGO_BIN_",
        "CARGO_PRIMARY_",
    ];
    let name = name.to_string_lossy();
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn a_program_in_a_target_folder_knows_its_workspace_and_profile() {
        let folder = folder_with(&["bots/knock-approver/Cargo.toml", "target/CACHEDIR.TAG"]);
        let at = |exe: &str| Workspace::around(&folder.path().join(exe), Path::new("/")).unwrap();
        assert_eq!(at("target/debug/knockproof").profile, "dev");
        assert_eq!(at("target/debug/deps/smoke-0123").profile, "dev");
        assert_eq!(at("target/release/knockproof").profile, "release");
        assert_eq!(at("target/release/knockproof").target, folder.path().join("target"));
        assert_eq!(at("target/release/knockproof").root, folder.path());
    }

    #[test]
    fn where_cargo_builds_elsewhere_the_workspace_is_looked_for_around_the_current_folder() {
        let source = folder_with(&["bots/knock-approver/Cargo.toml", "scenarios/Cargo.toml"]);
        let built = folder_with(&["CACHEDIR.TAG"]);
        let exe = built.path().join("debug/knockproof");
        let found = Workspace::around(&exe, &source.path().join("scenarios")).unwrap();
        assert_eq!(
            (found.root.as_path(), found.target.as_path()),
            (source.path(), built.path())
        );
        assert_eq!(Workspace::around(&exe, Path::new("/")), None);
    }

    #[test]
    fn what_cargo_says_of_its_caller_is_told_from_what_it_is_set_up_with() {
        for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO_BIN_EXE_knockproof"] {
            assert!(is_about_the_caller(OsStr::new(name)), "{name}");
        }
        for name in ["CARGO", "CARGO_HOME", "CARGO_NET_OFFLINE", "PATH"] {
            assert!(!is_about_the_caller(OsStr::new(name)), "{name}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_build_that_says_nothing_is_not_silent() {
        use tokio::io::AsyncWriteExt as _;
        let (mut cargo, stderr) = tokio::io::duplex(1024);
        let building = async {
            cargo.write_all(b"   Compiling bot v0.1.0\n").await.unwrap();
            tokio::time::sleep(Duration::from_secs(12)).await;
            cargo.write_all(b"    Finished `dev`\n").await.unwrap();
            drop(cargo);
        };
        let mut said = Vec::new();
        let mut say = |line: &str| said.push(line.to_owned());
        tokio::join!(building, pass_on(stderr, HEARTBEAT, &mut say));
        assert_eq!(
            said,
            [
                "   Compiling bot v0.1.0",
                "… the bot is being built for 5 s: Compiling bot v0.1.0",
                "… the bot is being built for 10 s: Compiling bot v0.1.0",
            ]
        );
    }

    #[test]
    fn an_installed_program_builds_nothing() {
        let folder = folder_with(&["bots/knock-approver/Cargo.toml", "target/CACHEDIR.TAG"]);
        let installed = folder.path().join("bin/knockproof");
        assert_eq!(Workspace::around(&installed, folder.path()), None);
    }
}
