use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard};
use url::Url;

use super::{Driver, Error, Flavor, Result, log::Log, runner::Runner};
use crate::{
    cause::chain,
    client::plain_client,
    wait::{self, Poll},
};

/// What all homeservers have in common: a runner, a state, and the wait until it answers.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) flavor: Flavor,
    pub(super) driver: Driver,
    pub(super) base_url: Url,
    pub(super) log: Log,
    runner: Box<dyn Runner>,
    deadline: Duration,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Stopped,
    Running,
    Frozen,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Running => "running",
            Self::Frozen => "frozen",
        }
    }
}

impl Core {
    pub(super) fn new(
        flavor: Flavor,
        driver: Driver,
        base_url: Url,
        log: Log,
        runner: Box<dyn Runner>,
        deadline: Duration,
    ) -> Self {
        Self {
            flavor,
            driver,
            base_url,
            log,
            runner,
            deadline,
            state: Mutex::new(State::Stopped),
        }
    }

    /// Starts the server and waits until it answers; a server that does not come up is ended again.
    pub(super) async fn start(&self) -> Result<()> {
        let mut state = self.expect("start it", &[State::Stopped]).await?;
        let mark = self.log.mark();
        self.runner.launch().await?;
        let since = Instant::now();
        if let Err(saw) = self.ready().await? {
            let waited = since.elapsed();
            // First the end, then the log: the last lines are all there only when the server is gone.
            if self.runner.ended().await?.is_none() {
                self.runner.kill().await?;
            }
            self.log.drain();
            return Err(Error::NotReady {
                what: format!("{} ({})", self.flavor, self.driver),
                waited,
                saw,
                log: self.log.path().display().to_string(),
                last_lines: self.log.last_lines(mark),
            });
        }
        *state = State::Running;
        Ok(())
    }

    pub(super) async fn stop(&self) -> Result<()> {
        let mut state = self.expect("stop it", &[State::Running, State::Frozen]).await?;
        if *state == State::Frozen {
            self.runner.thaw().await?;
            *state = State::Running;
        }
        self.runner.stop().await?;
        *state = State::Stopped;
        Ok(())
    }

    pub(super) async fn kill(&self) -> Result<()> {
        let mut state = self.expect("kill it", &[State::Running, State::Frozen]).await?;
        self.runner.kill().await?;
        *state = State::Stopped;
        Ok(())
    }

    pub(super) async fn freeze(&self) -> Result<()> {
        let mut state = self.expect("freeze it", &[State::Running]).await?;
        self.runner.freeze().await?;
        *state = State::Frozen;
        Ok(())
    }

    pub(super) async fn thaw(&self) -> Result<()> {
        let mut state = self.expect("thaw it", &[State::Frozen]).await?;
        self.runner.thaw().await?;
        *state = State::Running;
        Ok(())
    }

    /// Stops the server, runs its program with further arguments on the data, starts it again; answers how long clients could not
    /// reach it.
    pub(super) async fn down_for(&self, arguments: &[String]) -> Result<Duration> {
        let since = Instant::now();
        self.stop().await?;
        let done = {
            let _state = self.expect("run a command on its data", &[State::Stopped]).await?;
            self.runner.run_with(arguments).await
        };
        self.start().await?;
        done.map(|()| since.elapsed())
    }

    /// The state, held until the guard is dropped, if it is one of `wanted`. A server that ended by itself counts as stopped.
    async fn expect(&self, action: &'static str, wanted: &[State]) -> Result<MutexGuard<'_, State>> {
        let mut state = self.state.lock().await;
        if *state == State::Running && self.runner.ended().await?.is_some() {
            *state = State::Stopped;
        }
        if wanted.contains(&state) {
            return Ok(state);
        }
        Err(Error::State {
            action,
            state: state.name(),
        })
    }

    /// Asks for `/_matrix/client/versions` until it is answered with 200; the inner error is what was seen instead.
    async fn ready(&self) -> Result<Result<(), String>> {
        let url = self.base_url.as_str().trim_end_matches('/').to_owned() + "/_matrix/client/versions";
        let client = match plain_client().timeout(Duration::from_secs(5)).build() {
            Ok(client) => client,
            Err(error) => return Ok(Err(chain(&error))),
        };
        let look = || async {
            let saw = match client.get(&url).send().await {
                Ok(answer) if answer.status().is_success() => return Poll::Ready(Ok(Ok(()))),
                Ok(answer) => format!("it answered {}", answer.status()),
                Err(error) => chain(&error.without_url()),
            };
            match self.runner.ended().await {
                Ok(None) => Poll::Pending(saw),
                Ok(Some(ending)) => Poll::Ready(Ok(Err(format!("it ended: {ending}")))),
                Err(error) => Poll::Ready(Err(error)),
            }
        };
        match wait::until("an answer", self.deadline, look).await {
            Ok(found) => found,
            Err(timed_out) => Ok(Err(timed_out.last_seen)),
        }
    }
}
