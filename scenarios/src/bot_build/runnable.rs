//! Whether a command can be run at all.

use std::{
    env, fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use harness::bot::BotCommand;
use rustix::fs::{Access, access};

/// A script names its interpreter within so many bytes; the kernel reads no further.
const FIRST_LINE: usize = 256;

/// The bot's command cannot be run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRunnable {
    /// Nothing of that name is in `PATH`.
    #[error("there is no program {} in PATH; name the bot's command in KNOCKPROOF_BOT", .0.display())]
    NotInPath(PathBuf),
    /// There is no such file.
    #[error("there is no file {}; name the bot's command in KNOCKPROOF_BOT", .0.display())]
    Absent(PathBuf),
    /// It is there and may not be run, or is no file.
    #[error("{} cannot be executed; make it a program (chmod +x), or name its interpreter before it in KNOCKPROOF_BOT", .0.display())]
    NoProgram(PathBuf),
    /// It is a script for a program that is not there.
    #[error("{} is a script for {}, which is not there", .script.display(), .interpreter.display())]
    NoInterpreter {
        /// The script.
        script: PathBuf,
        /// What its first line names.
        interpreter: PathBuf,
    },
}

/// Whether the bot's program is there and may be run, found without running it.
///
/// # Errors
/// [`NotRunnable`] says what is in the way.
pub fn runnable(bot: &BotCommand) -> Result<(), NotRunnable> {
    // An image is looked for where the engine is asked.
    let BotCommand::Program { program, .. } = bot else {
        return Ok(());
    };
    if program.components().count() > 1 {
        return executable(program);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| is_program(candidate));
    executable(&found.ok_or_else(|| NotRunnable::NotInPath(program.clone()))?)
}

fn executable(program: &Path) -> Result<(), NotRunnable> {
    if !program.exists() {
        return Err(NotRunnable::Absent(program.to_owned()));
    }
    if !is_program(program) {
        return Err(NotRunnable::NoProgram(program.to_owned()));
    }
    match interpreter(program) {
        Some(interpreter) if !is_program(&interpreter) => Err(NotRunnable::NoInterpreter {
            script: program.to_owned(),
            interpreter,
        }),
        _ => Ok(()),
    }
}

fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

/// What a script's first line names.
fn interpreter(program: &Path) -> Option<PathBuf> {
    let mut first = Vec::new();
    let file = fs::File::open(program).ok()?;
    file.take(FIRST_LINE as u64).read_to_end(&mut first).ok()?;
    let line = first.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    line.split_ascii_whitespace().next().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn asked(program: impl Into<PathBuf>) -> Result<(), NotRunnable> {
        runnable(&BotCommand::new(program, [""; 0]))
    }

    fn script(folder: &Path, text: &str, mode: u32) -> PathBuf {
        let path = folder.join("bot");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_program_that_is_there_can_be_run() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(asked("sh"), Ok(()));
        assert_eq!(asked("/bin/sh"), Ok(()));
        assert_eq!(asked(script(folder.path(), "#!/bin/sh\ntrue\n", 0o755)), Ok(()));
    }

    #[test]
    fn what_is_in_the_way_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let bot = folder.path().join("bot");
        assert_eq!(asked("no-such-bot"), Err(NotRunnable::NotInPath("no-such-bot".into())));
        assert_eq!(asked(&bot), Err(NotRunnable::Absent(bot.clone())));
        assert_eq!(
            asked(folder.path()),
            Err(NotRunnable::NoProgram(folder.path().to_owned()))
        );
        script(folder.path(), "#!/bin/sh\n", 0o644);
        assert_eq!(asked(&bot), Err(NotRunnable::NoProgram(bot.clone())));
        script(folder.path(), "#!/nowhere/python3 -u\n", 0o755);
        let interpreter = PathBuf::from("/nowhere/python3");
        assert_eq!(
            asked(&bot),
            Err(NotRunnable::NoInterpreter {
                script: bot,
                interpreter
            })
        );
    }
}
