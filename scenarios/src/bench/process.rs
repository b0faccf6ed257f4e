//! What the kernel says of processes: memory, processor time, descendants (proc(5)).

use std::{fs, time::Duration};

use rustix::param::clock_ticks_per_second;

use harness::step::Failure;

/// A process of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process(u32);

impl Process {
    /// The process of that id.
    pub const fn new(pid: u32) -> Self {
        Self(pid)
    }

    /// This one.
    pub fn this() -> Self {
        Self(std::process::id())
    }

    /// Its resident set in MiB: what it holds in memory, its program's own pages included.
    ///
    /// # Errors
    /// When it is gone.
    pub fn resident(self) -> Result<f64, Failure> {
        self.memory("VmRSS")
    }

    /// The most that its resident set has ever been, in MiB.
    ///
    /// # Errors
    /// When it is gone.
    pub fn most_resident(self) -> Result<f64, Failure> {
        self.memory("VmHWM")
    }

    /// What of it is this process's alone, in MiB: without the pages of its program, of which an unoptimised one has many times as many.
    ///
    /// # Errors
    /// When it is gone.
    pub fn private(self) -> Result<f64, Failure> {
        self.memory("RssAnon")
    }

    fn memory(self, name: &str) -> Result<f64, Failure> {
        let status = self.read("status")?;
        let kib = field(&status, name).ok_or_else(|| self.shapeless("status"))?;
        Ok(kib / 1024.0)
    }

    /// The processor time it has used so far, in user and kernel, by all of its threads.
    ///
    /// # Errors
    /// When it is gone.
    pub fn cpu(self) -> Result<Duration, Failure> {
        self.used(2)
    }

    fn used(self, fields: usize) -> Result<Duration, Failure> {
        let stat = self.read("stat")?;
        let ticks = ticks(&stat, fields).ok_or_else(|| self.shapeless("stat"))?;
        Ok(Duration::from_secs_f64(ticks / clock_ticks_per_second() as f64))
    }

    /// The same, with what its children had used when they ended.
    ///
    /// # Errors
    /// When it is gone.
    pub fn cpu_of_all(self) -> Result<Duration, Failure> {
        self.used(4)
    }

    /// The resident set of this process and all its descendants, in MiB.
    ///
    /// # Errors
    /// When this process is gone; a descendant that ended meanwhile holds nothing.
    pub fn family_resident(self) -> Result<f64, Failure> {
        let own = self.resident()?;
        let children = self.descendants();
        Ok(own + children.iter().filter_map(|child| child.resident().ok()).sum::<f64>())
    }

    /// Its children, their children and so on.
    pub fn descendants(self) -> Vec<Self> {
        let parents = parents();
        let mut found = vec![self];
        let mut next = 0;
        while let Some(parent) = found.get(next).copied() {
            found.extend(
                parents
                    .iter()
                    .filter(|(_, of)| *of == parent.0)
                    .map(|(pid, _)| Self(*pid)),
            );
            next += 1;
        }
        found.split_off(1)
    }

    fn read(self, name: &str) -> Result<String, Failure> {
        let path = format!("/proc/{}/{name}", self.0);
        fs::read_to_string(&path).map_err(|error| Failure::new(format!("cannot read {path}: {error}")))
    }

    fn shapeless(self, name: &str) -> Failure {
        Failure::new(format!("/proc/{}/{name} is not as proc(5) says", self.0))
    }
}

/// Every process and its parent.
fn parents() -> Vec<(u32, u32)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        let stat = Process(pid).read("stat").ok()?;
        Some((pid, after_name(&stat)?.nth(1)?.parse().ok()?))
    })
    .collect()
}

/// A field of `status` in KiB.
fn field(status: &str, name: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// User and kernel time: fields 14 and 15 of `stat`, and for ended children 16 and 17.
fn ticks(stat: &str, fields: usize) -> Option<f64> {
    let times: Vec<f64> = after_name(stat)?
        .skip(11)
        .take(fields)
        .filter_map(|field| field.parse().ok())
        .collect();
    (times.len() == fields).then(|| times.iter().sum())
}

/// The fields of `stat` behind the name, which may hold anything, also blanks and parentheses. The first is field 3.
fn after_name(stat: &str) -> Option<impl Iterator<Item = &str>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_behind_a_name_that_holds_anything() {
        let stat = "42 (a) b (c) S 7 42 42 0 -1 4194304 100 0 0 0 150 25 30 4 20 0 4 0 1 2 3";
        assert_eq!(ticks(stat, 2), Some(175.0));
        assert_eq!(ticks(stat, 4), Some(209.0));
        assert_eq!(after_name(stat).unwrap().nth(1), Some("7"));
        assert_eq!(ticks("42 (a) S 7", 2), None);
    }

    #[test]
    fn memory_is_read_in_kib() {
        let status = "Name:\tbot\nVmHWM:\t   9000 kB\nVmRSS:\t   2048 kB\n";
        assert_eq!(field(status, "VmRSS"), Some(2048.0));
        assert_eq!(field(status, "VmSwap"), None);
    }

    #[test]
    fn this_process_has_memory_and_descendants_count() {
        let this = Process::this();
        assert!(this.resident().unwrap() > 0.1);
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let found = this.descendants();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found.contains(&Process::new(child.id())), "{found:?}");
    }
}
