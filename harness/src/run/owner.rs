use std::{fmt, fs};

use crate::process::Process;

/// The process that made something and will remove it, recognisable after its death even when its pid is used again.
///
/// Written as `boot id/pid namespace/pid/start time`, all from `/proc`. A container shares the kernel of its engine, so what an
/// owner of another boot made is dead for certain; what an owner of another pid namespace made cannot be judged from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    boot: String,
    namespace: String,
    pid: u32,
    started: u64,
}

impl Owner {
    /// This process.
    pub fn current() -> Self {
        Self::of(std::process::id()).unwrap_or_else(|| Self {
            boot: boot_id(),
            namespace: pid_namespace(),
            pid: std::process::id(),
            started: 0,
        })
    }

    /// A process of this machine, if it lives.
    pub fn of(pid: u32) -> Option<Self> {
        Some(Self {
            boot: boot_id(),
            namespace: pid_namespace(),
            pid,
            started: start_time(pid)?,
        })
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let owner = Self {
            boot: parts.next()?.to_owned(),
            namespace: parts.next()?.to_owned(),
            pid: parts.next()?.parse().ok()?,
            started: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(owner)
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the process is certainly over. In doubt it is not: nobody else's things are ever removed.
    pub fn is_dead(&self) -> bool {
        if self.boot != boot_id() {
            return true;
        }
        self.namespace == pid_namespace() && start_time(self.pid) != Some(self.started)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.boot, self.namespace, self.pid, self.started)
    }
}

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

fn pid_namespace() -> String {
    fs::read_link("/proc/self/ns/pid")
        .map(|link| link.to_string_lossy().replace(['[', ']', ':'], ""))
        .unwrap_or_default()
}

/// When a living process started, in clock ticks since boot; a zombie is not living, unless other threads of it are.
fn start_time(pid: u32) -> Option<u64> {
    let process = Process::new(pid);
    let stat = process.stat().ok()?;
    (!stat.is_zombie || process.threads() > 1).then_some(stat.started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_survives_being_written_and_read() {
        let owner = Owner::current();
        assert_eq!(Owner::parse(&owner.to_string()), Some(owner));
    }

    #[test]
    fn this_process_is_not_dead() {
        assert!(!Owner::current().is_dead());
    }

    #[test]
    fn a_pid_used_again_does_not_bring_its_first_owner_back() {
        let mut owner = Owner::current();
        owner.started += 1;
        assert!(owner.is_dead());
    }

    #[test]
    fn an_owner_of_an_earlier_boot_is_dead() {
        let mut owner = Owner::current();
        owner.boot = "0b0e6e9c".to_owned();
        assert!(owner.is_dead());
    }

    #[test]
    fn an_owner_of_another_pid_namespace_is_left_alone() {
        let mut owner = Owner::current();
        owner.namespace = "pid1".to_owned();
        owner.started += 1;
        assert!(!owner.is_dead());
    }

    #[test]
    fn a_child_that_ended_is_dead() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let owner = Owner::of(child.id());
        child.wait().unwrap();
        assert!(owner.is_none_or(|owner| owner.is_dead()));
    }
}
