use std::{fmt, sync::Arc};

use async_trait::async_trait;
use knockproof_homeserver::{Config, Fault, Faults, Homeserver, Scope};
use tokio::sync::{Mutex, MutexGuard};

use crate::{
    homeserver::{Error, Result, log::Log, runner::Runner},
    run::{Port, Scratch},
};

/// Runs the embedded homeserver in this process. Its data is a folder, as a real one's is, so that every start finds it again.
#[derive(Clone)]
pub(in crate::homeserver) struct Embedded(Arc<Inner>);

struct Inner {
    config: Config,
    faults: Faults,
    log: Log,
    running: Mutex<Option<Homeserver>>,
    _scratch: Scratch,
    _port: Port,
}

impl Embedded {
    pub(in crate::homeserver) fn new(config: Config, log: Log, scratch: Scratch, port: Port) -> Self {
        Self(Arc::new(Inner {
            config,
            faults: Faults::default(),
            log,
            running: Mutex::new(None),
            _scratch: scratch,
            _port: port,
        }))
    }

    /// The running server, held while the guard lives.
    pub(super) async fn running(&self) -> MutexGuard<'_, Option<Homeserver>> {
        self.0.running.lock().await
    }

    fn builder(&self) -> knockproof_homeserver::Builder {
        Homeserver::builder()
            .config(self.0.config.clone())
            .faults(self.0.faults.clone())
    }

    /// The server has no output of its own: what happens to it is noted where a real one would print.
    fn note(&self, line: &str) {
        self.0.log.print(format!("embedded homeserver: {line}\n").as_bytes());
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded")
            .field("address", &self.0.config.address)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Runner for Embedded {
    async fn launch(&self) -> Result<()> {
        let started = self
            .builder()
            .start()
            .await
            .map_err(|error| refused("start the embedded homeserver", &error))?;
        self.note(&format!(
            "listening on {} as {}",
            started.address(),
            started.dialect().name
        ));
        *self.running().await = Some(started);
        Ok(())
    }

    async fn ended(&self) -> Result<Option<String>> {
        Ok(self.running().await.is_none().then(|| "it was stopped".to_owned()))
    }

    async fn stop(&self) -> Result<()> {
        if let Some(server) = self.running().await.take() {
            server.stop().await;
            self.note("stopped");
        }
        Ok(())
    }

    async fn kill(&self) -> Result<()> {
        if let Some(server) = self.running().await.take() {
            self.0.faults.thaw();
            server.kill().await;
            self.note("killed");
        }
        Ok(())
    }

    async fn freeze(&self) -> Result<()> {
        self.0.faults.arm(Fault::Freeze, Scope::ALWAYS);
        self.note("frozen");
        Ok(())
    }

    async fn thaw(&self) -> Result<()> {
        self.0.faults.thaw();
        self.note("thawed");
        Ok(())
    }

    async fn run_with(&self, arguments: &[String]) -> Result<()> {
        let action = "run a command on the data of the embedded homeserver";
        let offline = self
            .builder()
            .maintenance()
            .start()
            .await
            .map_err(|error| refused(action, &error))?;
        let commands = arguments.iter().filter(|argument| *argument != "--execute");
        let failed: Vec<String> = commands
            .map(|command| offline.execute(command))
            .filter(|output| !output.success)
            .map(|output| output.text)
            .collect();
        offline.stop().await;
        if failed.is_empty() {
            Ok(())
        } else {
            Err(refused(action, &failed.join("; ")))
        }
    }
}

fn refused(action: &str, reason: &dyn fmt::Display) -> Error {
    Error::Operator {
        action: action.to_owned(),
        reason: reason.to_string(),
    }
}
