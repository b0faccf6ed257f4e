//! What is waited for of the bot.

use std::time::Duration;

use super::{Bot, Condition, Error, IdentityState, Ready, Result, process::LAST_LINES};
use crate::wait::TimedOut;

impl Bot {
    /// What it says of itself now.
    ///
    /// # Errors
    ///
    /// When nothing answers.
    pub async fn ready(&self) -> Result<Ready> {
        Ok(self.said.ask().await?)
    }

    /// Whether it lives, healthy or not: the contract's path for that answers 200. A bot without one lives while its process does.
    pub async fn is_healthy(&mut self) -> bool {
        let Some(alive) = &self.contract.alive else {
            return self.is_running();
        };
        let reply = self.http.send(reqwest::Method::GET, alive.as_str(), None, None).await;
        reply.is_ok_and(|reply| reply.status == 200)
    }

    /// Waits until every identity serves.
    ///
    /// # Errors
    ///
    /// With what it last said and the end of the log; at once when the process ends.
    pub async fn wait_ready(&mut self, patience: Duration) -> Result<Ready> {
        self.wait_until("the bot to be ready", patience, Ready::is_ok).await
    }

    /// Waits until an identity says that it needs its operator.
    ///
    /// # Errors
    ///
    /// As [`wait_ready`](Self::wait_ready).
    pub async fn wait_cry(&mut self, name: &str, patience: Duration) -> Result<()> {
        let what = format!("the {name} to need its operator");
        let said = self.said.clone();
        let cries = |identity: &IdentityState| identity.condition == Condition::NeedsOperator;
        let waited = self.wait_until(&what, patience, |ready| {
            said.has_cried() || ready.identity(name).is_some_and(cries)
        });
        match waited.await {
            // One that has no other way may end with it.
            Err(Error::Ended { .. }) if said.has_cried() => Ok(()),
            waited => waited.map(drop),
        }
    }

    /// Waits until it says what is wanted.
    ///
    /// # Errors
    ///
    /// As [`wait_ready`](Self::wait_ready).
    pub async fn wait_until(
        &mut self,
        what: &str,
        patience: Duration,
        wanted: impl Fn(&Ready) -> bool,
    ) -> Result<Ready> {
        let said = self.said.clone();
        let outcome = self.while_running(what, said.wait(what, patience, wanted)).await?;
        outcome.map_err(|timed_out| self.not_in_time(timed_out))
    }

    /// Waits for something that only a running bot can bring about; `what` says in an error what that is.
    ///
    /// # Errors
    ///
    /// [`Error::State`] when it does not run, and [`Error::Ended`] at once when it ends.
    pub async fn while_running<T>(&mut self, what: &str, waiting: impl Future<Output = T>) -> Result<T> {
        let Some(running) = self.running.as_mut() else {
            return Err(Error::State {
                action: "wait",
                state: "stopped",
            });
        };
        tokio::select! {
            outcome = waiting => Ok(outcome),
            status = running.over() => {
                let status = status.map_err(|source| Error::Io { action: "wait for the bot".to_owned(), source })?;
                self.end().await;
                Err(Error::Ended { status, what: format!("waiting for {what}"), last_lines: self.last_lines() })
            }
        }
    }

    pub(super) fn not_in_time(&self, timed_out: TimedOut) -> Error {
        Error::NotInTime {
            timed_out,
            last_lines: self.last_lines(),
        }
    }

    pub(super) fn last_lines(&self) -> String {
        let text = self.log_text();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }
}
