use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use super::RunId;
use crate::process::Process;

/// How long killed processes may take to be gone.
const DYING: Duration = Duration::from_secs(5);

/// Kills a process group, whether its leader lives or not, if one of its processes is proven to be of this run: if its environment
/// names the run. The number of a group may be somebody else's by now, and then nothing happens.
///
/// Answers whether there was anything to kill, when it is gone.
pub fn end_group(group: u32, run: &RunId) -> bool {
    let Some(pid) = i32::try_from(group).ok().and_then(Pid::from_raw) else {
        return false;
    };
    // Nearly always there is no such group, and nothing to look through.
    if test_kill_process_group(pid).is_err()
        || !members(group).any(|member| member.was_given(RunId::VARIABLE, run.as_str()))
    {
        return false;
    }
    let killed = kill_process_group(pid, Signal::KILL).is_ok();
    let since = Instant::now();
    // They are somebody else's children, which cannot be waited for; what was killed is gone within milliseconds.
    while killed && members(group).next().is_some() && since.elapsed() < DYING {
        std::thread::sleep(Duration::from_millis(5));
    }
    killed
}

/// The living processes of a group.
fn members(group: u32) -> impl Iterator<Item = Process> {
    Process::all().filter(move |process| group_of(*process) == Some(group))
}

/// Its group, unless it is dead.
fn group_of(process: Process) -> Option<u32> {
    let stat = process.stat().ok()?;
    (!stat.is_zombie).then_some(stat.group)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader},
        os::unix::process::CommandExt as _,
        process::{Child, Command, Stdio},
    };

    use super::*;

    fn run(name: &str) -> RunId {
        RunId::from_text(&format!("{name}-{}", std::process::id())).unwrap()
    }

    /// A shell in a group of its own that starts a child and says its pid.
    fn shell(script: &str, run: &RunId) -> (Child, u32) {
        let mut shell = Command::new("sh")
            .args(["-c", script])
            .env(RunId::VARIABLE, run.as_str())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(shell.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        (shell, line.trim().parse().unwrap())
    }

    #[test]
    fn a_child_that_outlives_its_leader_is_ended() {
        let run = run("outlives");
        let (mut leader, child) = shell("sleep 600 >/dev/null & echo $!", &run);
        assert!(leader.wait().unwrap().success());
        assert_eq!(group_of(Process::new(child)), Some(leader.id()));
        assert!(end_group(leader.id(), &run));
        assert_eq!(group_of(Process::new(child)), None);
        assert!(!end_group(leader.id(), &run));
    }

    #[test]
    fn a_group_of_another_run_is_left_alone() {
        let (mut leader, child) = shell("sleep 600 >/dev/null & echo $!; wait", &run("theirs"));
        assert!(!end_group(leader.id(), &run("ours")));
        assert_eq!(group_of(Process::new(child)), Some(leader.id()));
        assert!(end_group(leader.id(), &run("theirs")));
        leader.wait().unwrap();
    }
}
