//! The tasks that make up a running bot: none of them may end before the bot does.

use std::{collections::HashMap, time::Duration};

use tokio::{
    task::{Id, JoinError, JoinHandle, JoinSet},
    time::timeout,
};

/// Tasks with names.
#[derive(Debug, Default)]
pub(super) struct Crew {
    tasks: JoinSet<()>,
    names: HashMap<Id, &'static str>,
    /// What says that the bot cannot go on as it is configured.
    doubts: JoinSet<String>,
}

/// A task that is gone although the bot runs on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Loss {
    /// It should not have ended.
    #[error("the task \"{name}\" {how}: the bot ends, to be started anew by whatever runs it")]
    Task {
        /// Which.
        name: &'static str,
        /// How it went.
        how: &'static str,
    },
    /// The bot cannot go on as it is configured, for this reason.
    #[error("{0}")]
    Misconfigured(String),
}

impl Crew {
    /// Starts a task.
    pub(super) fn start(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Takes in a task that runs already.
    pub(super) fn adopt(&mut self, name: &'static str, task: JoinHandle<()>) {
        self.start(name, async move {
            if let Err(error) = task.await
                && let Ok(panic) = error.try_into_panic()
            {
                std::panic::resume_unwind(panic);
            }
        });
    }

    /// Looks whether the bot can go on as it is configured: `doubt` ends with the reason why it cannot, or never.
    pub(super) fn watch(&mut self, doubt: impl Future<Output = String> + Send + 'static) {
        self.doubts.spawn(doubt);
    }

    /// Waits until a task is gone. An empty crew loses none.
    pub(super) async fn loss(&mut self) -> Loss {
        let ended = tokio::select! {
            Some(ended) = self.tasks.join_next_with_id() => ended,
            Some(doubt) = self.doubts.join_next() => return match doubt {
                Ok(why) => Loss::Misconfigured(why),
                Err(_) => Loss::Task { name: "doubt", how: "panicked" },
            },
            else => return std::future::pending().await,
        };
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
        let name = self.names.get(&id).copied().unwrap_or("unknown");
        let how = match ended {
            Err(error) if error.is_panic() => "panicked",
            _ => "ended",
        };
        Loss::Task { name, how }
    }

    /// Waits until all tasks have ended, as they were told elsewhere; answers whether they did in time.
    pub(super) async fn ends(mut self, patience: Duration) -> bool {
        self.doubts.abort_all();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        timeout(patience, all).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_or_panics_is_named_and_the_others_are_not() {
        let mut crew = Crew::default();
        crew.start("steady", std::future::pending());
        crew.start("short", async {});
        assert!(crew.loss().await.to_string().starts_with("the task \"short\" ended: "));
        crew.start("clumsy", async { panic!("at the disco") });
        assert!(
            crew.loss()
                .await
                .to_string()
                .starts_with("the task \"clumsy\" panicked: ")
        );
        crew.watch(async { panic!("while in doubt") });
        assert!(
            crew.loss()
                .await
                .to_string()
                .starts_with("the task \"doubt\" panicked: ")
        );
        crew.adopt("adopted", tokio::spawn(async { panic!("again") }));
        assert!(
            crew.loss()
                .await
                .to_string()
                .starts_with("the task \"adopted\" panicked: ")
        );
    }

    #[tokio::test]
    async fn a_configuration_with_which_the_bot_cannot_go_on_is_a_loss_with_its_reason() {
        let mut crew = Crew::default();
        crew.start("steady", std::future::pending());
        crew.watch(async { "both are one".to_owned() });
        assert!(matches!(crew.loss().await, Loss::Misconfigured(why) if why == "both are one"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_end_is_not_waited_for_for_ever() {
        let mut crew = Crew::default();
        crew.start("stubborn", std::future::pending());
        assert!(!crew.ends(Duration::from_secs(5)).await);
        let mut crew = Crew::default();
        crew.start("obedient", async {});
        assert!(crew.ends(Duration::from_secs(5)).await);
    }
}
