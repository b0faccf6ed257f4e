//! What the bot runs as: a process of this machine, or a container.

use std::{
    io::{self, PipeReader},
    os::fd::OwnedFd,
    process::{ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::AsyncRead,
    net::unix::pipe,
    process::{Child, Command},
};

use super::contained::Contained;
use crate::run::{RunId, end_group};

/// What it prints.
pub(super) type Printed = Box<dyn AsyncRead + Send + Unpin>;

/// A run of the bot. Dropped, it is killed.
#[derive(Debug)]
pub(super) enum Life {
    /// As a process group of its own, by its leader.
    Process(Child),
    /// As a container.
    Container(Box<Contained>),
}

impl Life {
    /// Starts a command in a group of its own: a wrapper like `sh -c` or `cargo run` dies with everything it started.
    ///
    /// # Errors
    ///
    /// When there is no such program, or no pipe.
    pub(super) fn process(command: &mut Command) -> io::Result<(Self, Printed)> {
        // One pipe for both, so that their lines are read in the order in which they were written.
        let (output, input): (PipeReader, _) = io::pipe()?;
        let child = command
            .stdin(Stdio::null())
            .stdout(input.try_clone()?)
            .stderr(input)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let printed = pipe::Receiver::from_owned_fd(OwnedFd::from(output))?;
        Ok((Self::Process(child), Box::new(printed)))
    }

    /// The number of its first process.
    pub(super) fn pid(&self) -> u32 {
        match self {
            Self::Process(child) => child.id().unwrap_or_default(),
            Self::Container(container) => container.pid(),
        }
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        match self {
            Self::Process(child) => child.try_wait().ok().flatten(),
            Self::Container(container) => container.ended()?.ok(),
        }
    }

    /// Waits until it has ended. May be dropped and called again.
    pub(super) async fn over(&mut self) -> io::Result<ExitStatus> {
        match self {
            Self::Process(child) => child.wait().await,
            Self::Container(container) => container.over().await,
        }
    }

    /// Sends a signal: to the whole group, or to the first process of the container.
    ///
    /// # Errors
    ///
    /// When nobody is there who could get it.
    pub(super) async fn signal(&self, signal: Signal, pid: u32) -> io::Result<()> {
        match self {
            Self::Process(_) => to_group(pid, signal),
            Self::Container(container) => container.signal(name(signal)).await,
        }
    }

    /// Suspends it.
    ///
    /// # Errors
    ///
    /// When it cannot be.
    pub(super) async fn freeze(&self, pid: u32) -> io::Result<()> {
        match self {
            Self::Process(_) => to_group(pid, Signal::STOP),
            Self::Container(container) => container.freeze().await,
        }
    }

    /// Lets it go on.
    ///
    /// # Errors
    ///
    /// When it cannot be.
    pub(super) async fn thaw(&self, pid: u32) -> io::Result<()> {
        match self {
            Self::Process(_) => to_group(pid, Signal::CONT),
            Self::Container(container) => container.thaw().await,
        }
    }

    /// What it wrote where nobody else can look: into the file system of its container. It must have ended.
    pub(super) async fn written(&self) -> Vec<(String, String)> {
        match self {
            Self::Process(_) => Vec::new(),
            Self::Container(container) => container.written().await,
        }
    }

    /// Ends what it has started and what has outlived it; answers whether there was anything. Of a container nothing does.
    pub(super) fn end_rest(&self, pid: u32) -> bool {
        matches!(self, Self::Process(_)) && end_group(pid, &RunId::current())
    }

    /// Whether it goes on when this process is killed, unless somebody sees to it.
    pub(super) fn is_process(&self) -> bool {
        matches!(self, Self::Process(_))
    }
}

/// What people call a signal that is sent here.
pub(super) fn name(signal: Signal) -> &'static str {
    match signal {
        Signal::KILL => "SIGKILL",
        _ => "SIGTERM",
    }
}

/// Sends a signal to a process group.
///
/// # Errors
///
/// When there is none.
pub(super) fn to_group(leader: u32, signal: Signal) -> io::Result<()> {
    let group = i32::try_from(leader).ok().and_then(Pid::from_raw);
    let group = group.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    Ok(kill_process_group(group, signal)?)
}
