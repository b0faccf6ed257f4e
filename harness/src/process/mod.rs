//! What the kernel says of processes (proc(5)): who they belong to, whether they live, their memory and processor time. Where there is no
//! `/proc`, it says nothing of any.

use std::{fs, io, num::NonZeroU32, path::PathBuf, time::Duration};

use rustix::param::clock_ticks_per_second;

/// A process of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process(u32);

/// What a process is, of the fields of `/proc/PID/stat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// A zombie has ended, but nobody has asked how.
    pub is_zombie: bool,
    /// The process that started it, or took it over.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// When it started, in clock ticks since boot: with the pid this is one process for as long as the machine runs.
    pub started: u64,
    /// Clock ticks in user and kernel, then the same of its children that have ended.
    ticks: [u64; 4],
}

impl Process {
    /// The process of that id.
    pub const fn new(pid: u32) -> Self {
        Self(pid)
    }

    /// This one.
    pub fn this() -> Self {
        Self(std::process::id())
    }

    /// Every process that there is.
    pub fn all() -> impl Iterator<Item = Self> {
        let listed = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = listed.filter_map(|entry| entry.file_name().to_str()?.parse::<NonZeroU32>().ok());
        pids.map(|pid| Self(pid.get()))
    }

    /// Its id.
    pub const fn pid(self) -> u32 {
        self.0
    }

    /// What it is; an error where it is gone.
    ///
    /// # Errors
    /// When it is gone.
    pub fn stat(self) -> io::Result<Stat> {
        Stat::parse(&self.read("stat")?).ok_or_else(|| self.shapeless("stat"))
    }

    /// How many threads of it live. A killed process keeps its sockets until the last of them has ended.
    pub fn threads(self) -> usize {
        fs::read_dir(self.path("task")).map_or(0, Iterator::count)
    }

    /// The command that it was started with; empty where it is gone or a zombie.
    pub fn words(self) -> Vec<String> {
        let bytes = fs::read(self.path("cmdline")).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    /// Its working directory; nothing where it is gone or somebody else's.
    pub fn directory(self) -> Option<PathBuf> {
        fs::read_link(self.path("cwd")).ok()
    }

    /// Whether it was started with this variable in its environment. That of another user's process cannot be read, and so has nothing.
    pub fn was_given(self, variable: &str, value: &str) -> bool {
        let entry = format!("{variable}={value}");
        let environment = fs::read(self.path("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|had| had == entry.as_bytes())
    }

    /// Its resident set in MiB: what it holds in memory, its program's own pages included.
    ///
    /// # Errors
    /// When it is gone.
    pub fn resident(self) -> io::Result<f64> {
        self.memory("VmRSS")
    }

    /// The most that its resident set has ever been, in MiB.
    ///
    /// # Errors
    /// When it is gone.
    pub fn most_resident(self) -> io::Result<f64> {
        self.memory("VmHWM")
    }

    /// What of it is this process's alone, in MiB: without the pages of its program, of which an unoptimised one has many times as many.
    ///
    /// # Errors
    /// When it is gone.
    pub fn private(self) -> io::Result<f64> {
        self.memory("RssAnon")
    }

    /// The processor time it has used so far, in user and kernel, by all of its threads.
    ///
    /// # Errors
    /// When it is gone.
    pub fn cpu(self) -> io::Result<Duration> {
        Ok(duration(&self.stat()?.ticks[..2]))
    }

    /// The same, with what its children had used when they ended.
    ///
    /// # Errors
    /// When it is gone.
    pub fn cpu_of_all(self) -> io::Result<Duration> {
        Ok(duration(&self.stat()?.ticks))
    }

    /// The resident set of this process and all its descendants, in MiB.
    ///
    /// # Errors
    /// When this process is gone; a descendant that ended meanwhile holds nothing.
    pub fn family_resident(self) -> io::Result<f64> {
        let own = self.resident()?;
        let children = self.descendants();
        Ok(own + children.iter().filter_map(|child| child.resident().ok()).sum::<f64>())
    }

    /// Its children, their children and so on.
    pub fn descendants(self) -> Vec<Self> {
        let parents: Vec<(Self, u32)> = Self::all()
            .filter_map(|process| Some((process, process.stat().ok()?.parent)))
            .collect();
        let mut found = vec![self];
        let mut next = 0;
        while let Some(parent) = found.get(next).copied() {
            found.extend(
                parents
                    .iter()
                    .filter(|(_, of)| *of == parent.0)
                    .map(|(process, _)| *process),
            );
            next += 1;
        }
        found.split_off(1)
    }

    fn memory(self, name: &str) -> io::Result<f64> {
        let kib = kib(&self.read("status")?, name).ok_or_else(|| self.shapeless("status"))?;
        Ok(kib as f64 / 1024.0)
    }

    fn path(self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.0))
    }

    fn read(self, name: &str) -> io::Result<String> {
        let path = self.path(name);
        fs::read_to_string(&path)
            .map_err(|error| io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display())))
    }

    fn shapeless(self, name: &str) -> io::Error {
        io::Error::other(format!("{} is not as proc(5) says", self.path(name).display()))
    }
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The name in parentheses may hold anything, also blanks and parentheses: fields are counted from behind it, where the third is.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3);
        let number = |at: usize| field(at)?.parse::<u64>().ok();
        Some(Self {
            is_zombie: *field(3)? == "Z",
            parent: number(4)?.try_into().ok()?,
            group: number(5)?.try_into().ok()?,
            started: number(22)?,
            ticks: [number(14)?, number(15)?, number(16)?, number(17)?],
        })
    }
}

/// The memory of this machine that can be had without swapping, in KiB.
pub fn available_kib() -> Option<u64> {
    kib(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable")
}

/// A field in KiB of `/proc/PID/status` or `/proc/meminfo`.
fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

fn duration(ticks: &[u64]) -> Duration {
    Duration::from_secs_f64(ticks.iter().sum::<u64>() as f64 / clock_ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    fn child() -> (Child, Process) {
        let child = Command::new("sleep").arg("60").env("MARK", "a b").spawn().unwrap();
        let process = Process::new(child.id());
        (child, process)
    }

    #[test]
    fn fields_are_counted_behind_a_name_that_holds_anything() {
        let stat = "42 (a) b (c) S 7 41 42 0 -1 4194304 100 0 0 0 150 25 30 4 20 0 4 0 99 2 3";
        let expected = Stat {
            is_zombie: false,
            parent: 7,
            group: 41,
            started: 99,
            ticks: [150, 25, 30, 4],
        };
        assert_eq!(Stat::parse(stat), Some(expected));
        assert_eq!(Stat::parse("42 (a) S 7"), None);
    }

    #[test]
    fn memory_is_read_in_kib() {
        let status = "Name:\tbot\nVmHWM:\t   9000 kB\nVmRSS:\t   2048 kB\n";
        assert_eq!(kib(status, "VmRSS"), Some(2048));
        assert_eq!(kib(status, "VmSwap"), None);
        assert!(available_kib().unwrap() > 0);
    }

    #[test]
    fn a_child_is_known_by_its_words_its_parent_and_what_it_was_given() {
        let (mut child, process) = child();
        // A child has the program of its parent until it has become its own.
        while process.words().first().is_none_or(|word| word != "sleep") {
            std::thread::yield_now();
        }
        assert!(Process::this().descendants().contains(&process));
        assert_eq!(process.words(), ["sleep", "60"]);
        assert_eq!(process.directory(), std::env::current_dir().ok());
        assert!(process.was_given("MARK", "a b") && !process.was_given("MARK", "a"));
        assert!(!process.stat().unwrap().is_zombie);
        child.kill().unwrap();
        child.wait().unwrap();
        let gone = process.stat().unwrap_err().to_string();
        assert!(gone.contains(&format!("/proc/{}/stat", process.pid())), "{gone}");
    }

    #[test]
    fn this_process_has_memory_and_time() {
        let this = Process::this();
        assert!(this.resident().unwrap() > 0.1 && this.resident().unwrap() <= this.family_resident().unwrap());
        assert!(this.cpu().unwrap() <= this.cpu_of_all().unwrap());
    }
}
