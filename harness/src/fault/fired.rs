use std::{fmt, time::Duration};

use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;

use super::{Error, Result};
use crate::{
    front_door::Bend,
    wait::{self, Poll},
};

/// What goes on of a fault bounds itself; this is for what does not.
const UNBOUNDED: Duration = Duration::from_secs(120);

/// A fault that was injected: what shows that it fired, and what of it still goes on.
#[must_use = "a fault must be settled: else nobody knows whether it fired"]
pub struct Fired {
    evidence: Vec<String>,
    bends: Vec<Bend>,
    going_on: Vec<JoinHandle<Result<String>>>,
}

impl fmt::Debug for Fired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fired")
            .field("evidence", &self.evidence)
            .finish_non_exhaustive()
    }
}

impl Fired {
    /// Fired, as this shows.
    pub fn with(evidence: impl Into<String>) -> Self {
        Self {
            evidence: vec![evidence.into()],
            bends: Vec::new(),
            going_on: Vec::new(),
        }
    }

    /// With more evidence.
    pub fn and(mut self, evidence: impl Into<String>) -> Self {
        self.add(evidence.into());
        self
    }

    /// Adds evidence.
    pub(crate) fn add(&mut self, evidence: String) {
        self.evidence.push(evidence);
    }

    /// A bend that stays until the fault is settled, and must have fired by then.
    pub fn bending(mut self, bend: Bend) -> Self {
        self.bends.push(bend);
        self
    }

    /// Something that goes on in the background, and answers its evidence.
    pub fn going_on(mut self, work: BoxFuture<'static, Result<String>>) -> Self {
        self.going_on.push(tokio::spawn(work));
        self
    }

    /// The evidence so far.
    pub fn evidence(&self) -> String {
        self.evidence.join("; ")
    }

    /// Waits until nothing of the fault goes on and each bend has fired, ends the bends, and answers all evidence.
    ///
    /// # Errors
    ///
    /// When it did not fire, or its background work failed; [`Error::NeverHealed`] where it fired and the bot made nothing of it.
    pub async fn settle(mut self, patience: Duration) -> Result<String> {
        for work in std::mem::take(&mut self.going_on) {
            let abort = work.abort_handle();
            let patience = patience + UNBOUNDED;
            match tokio::time::timeout(patience, work).await {
                Ok(outcome) => self.evidence.push(outcome.map_err(Error::other)??),
                Err(_) => {
                    abort.abort();
                    return Err(format!("the fault still goes on after {patience:?}").into());
                }
            }
        }
        for bend in &self.bends {
            wait::until(bend.description(), patience, || async {
                match bend.fired() {
                    0 => Poll::Pending("it did not fire".to_owned()),
                    _ => Poll::Ready(()),
                }
            })
            .await?;
            self.evidence
                .push(format!("{} ({} times)", bend.description(), bend.fired()));
        }
        Ok(self.evidence.join("; "))
    }
}

impl Drop for Fired {
    fn drop(&mut self) {
        for work in &self.going_on {
            work.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        front_door::{Action, FrontDoor, Matcher},
        secrets::Secrets,
    };

    async fn settled(is_met: bool) -> Result<String> {
        let nowhere = url::Url::parse("http://127.0.0.1:9").unwrap();
        let door = FrontDoor::open(&nowhere, Secrets::default()).await.unwrap();
        let bend = door.bend(Matcher::any(), Action::error(418, "M_TEAPOT", ""));
        let fired = Fired::with("it was bent").bending(bend);
        if is_met {
            reqwest::get(door.url().as_str()).await.unwrap();
        }
        fired.settle(Duration::from_millis(200)).await
    }

    #[tokio::test]
    async fn a_fault_whose_bend_nothing_met_did_not_happen() {
        let why = settled(false).await.unwrap_err().to_string();
        assert!(why.contains("it did not fire"), "{why}");
        assert!(settled(true).await.unwrap().contains("1 times"));
    }

    #[tokio::test]
    async fn a_fault_whose_work_fails_did_not_happen() {
        let fired = Fired::with("began").going_on(Box::pin(async { Err("nothing was met".into()) }));
        let why = fired.settle(Duration::from_secs(1)).await.unwrap_err().to_string();
        assert_eq!(why, "nothing was met");
    }
}
