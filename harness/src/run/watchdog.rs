use std::{
    ffi::OsStr,
    io::{self, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdin, Command, Stdio},
};

/// Cleans up when this process dies, however it dies: panic, Ctrl-C, `SIGKILL`.
///
/// A shell in a process group of its own waits at the end of a pipe. The kernel closes our end when we die, the shell reads the end
/// of the file, kills the process group it was last told of and runs the clean-up command. No signal handler is needed, nothing is
/// inherited, and the same happens on an orderly drop, so this way is not one that is only taken in emergencies.
#[derive(Debug)]
pub struct Watchdog {
    shell: Child,
    pipe: Option<ChildStdin>,
}

/// The last line is the group to kill; an empty one means none, and `dismiss` that there is nothing left to do.
const SCRIPT: &str = r#"
group=
while read -r line; do
  if [ "$line" = dismiss ]; then exit 0; fi
  group=$line
done
if [ -n "$group" ]; then kill -s KILL -- "-$group"; fi
if [ "$#" -gt 0 ]; then exec "$@"; fi
"#;

impl Watchdog {
    /// Starts to watch. `clean_up` is a command and its arguments; it may be empty.
    ///
    /// # Errors
    ///
    /// When there is no `sh`.
    pub fn new<S: AsRef<OsStr>>(clean_up: impl IntoIterator<Item = S>) -> io::Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "knockproof-watchdog"])
            .args(clean_up)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Whoever ends our whole group, as Ctrl-C and nextest do, must not end the watchdog too.
            .process_group(0)
            .spawn()?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    /// From now on this process group is killed when we die.
    ///
    /// # Errors
    ///
    /// When the watchdog is gone.
    pub fn guard(&mut self, group: u32) -> io::Result<()> {
        self.say(&group.to_string())
    }

    /// From now on no process group is killed.
    ///
    /// # Errors
    ///
    /// When the watchdog is gone.
    pub fn release(&mut self) -> io::Result<()> {
        self.say("")
    }

    /// Ends the watch without killing or cleaning: that has been done already.
    ///
    /// # Errors
    ///
    /// When the watchdog is gone.
    pub fn dismiss(&mut self) -> io::Result<()> {
        self.say("dismiss")
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        match &mut self.pipe {
            Some(pipe) => writeln!(pipe, "{line}"),
            None => Ok(()),
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.pipe.take());
        if let Err(error) = self.shell.wait() {
            tracing::warn!(%error, "watchdog could not be waited for");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropping_it_kills_the_group_and_cleans_up() {
        let folder = tempfile::tempdir().unwrap();
        let precious = folder.path().join("data");
        std::fs::create_dir(&precious).unwrap();
        let mut child = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();

        let mut watchdog = Watchdog::new([OsStr::new("rm"), OsStr::new("-rf"), precious.as_os_str()]).unwrap();
        watchdog.guard(child.id()).unwrap();
        drop(watchdog);

        assert!(!precious.exists());
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn a_dismissed_watchdog_does_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut watchdog = Watchdog::new([OsStr::new("rm"), OsStr::new("-rf"), folder.path().as_os_str()]).unwrap();
        watchdog.dismiss().unwrap();
        drop(watchdog);
        assert!(folder.path().exists());
    }

    #[test]
    fn a_released_group_lives_on() {
        let mut child = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        let mut watchdog = Watchdog::new::<&str>([]).unwrap();
        watchdog.guard(child.id()).unwrap();
        watchdog.release().unwrap();
        drop(watchdog);
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
