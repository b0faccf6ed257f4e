//! SIGTERM and SIGINT: the wish that the bot ends.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::CliError;

/// Both signals. They are heard from when this is made; as process 1 of a container a program that does not hear them never gets them.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, CliError> {
        let failed = |error| CliError::Io("listen to signals".to_owned(), error);
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
        })
    }

    /// Waits for one of them.
    pub(super) async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
