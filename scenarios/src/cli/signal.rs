//! The signals with which people and supervisors end a program.

use std::{fmt, io};

use tokio::{
    signal::unix::{Signal as Listener, SignalKind, signal},
    sync::watch,
};

use super::Exit;

/// What ends this program in an orderly way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The terminal is gone.
    Hangup,
    /// Ctrl-C.
    Interrupt,
    /// A supervisor.
    Terminate,
}

impl Signal {
    /// Its number, the same on every Unix.
    pub const fn number(self) -> u8 {
        match self {
            Self::Hangup => 1,
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hangup => "SIGHUP",
            Self::Interrupt => "Ctrl-C",
            Self::Terminate => "SIGTERM",
        })
    }
}

/// Listens for signals. The first asks for an orderly end; the second ends this process at once.
#[derive(Clone, Debug)]
pub(super) struct Signals(watch::Receiver<Option<Signal>>);

impl Signals {
    /// Begins to listen; to be called within the runtime.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn listen() -> io::Result<Self> {
        let mut listeners = Listeners {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        };
        let (told, first) = watch::channel(None);
        tokio::spawn(async move {
            told.send_replace(Some(listeners.next().await));
            let second = listeners.next().await;
            // What is left now is removed by the watchdogs and by the sweep of the next run.
            std::process::exit(i32::from(Exit::Interrupted(second).code()));
        });
        Ok(Self(first))
    }

    /// Waits for the first one.
    pub(super) async fn first(&self) -> Signal {
        let mut first = self.0.clone();
        let told = first.wait_for(Option::is_some).await.map(|signal| *signal);
        match told {
            Ok(Some(signal)) => signal,
            // The listener is gone with the runtime, and we are about to be.
            _ => std::future::pending().await,
        }
    }

    /// The first one, if it has come.
    pub(super) fn so_far(&self) -> Option<Signal> {
        *self.0.borrow()
    }
}

struct Listeners {
    hangup: Listener,
    interrupt: Listener,
    terminate: Listener,
}

impl Listeners {
    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.hangup.recv() => Signal::Hangup,
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}
