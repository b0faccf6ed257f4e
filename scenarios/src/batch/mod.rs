//! Many drills side by side.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::Arc,
    thread,
};

use futures_util::FutureExt;
use harness::homeserver::{Driver, Selection};
use tokio::task::{JoinError, JoinSet};

use crate::{
    drill,
    plan::{Drill, Pace, Queue},
    progress::{DrillProgress, Progress},
    report::{Record, Verdict},
};

/// Drills for each core on the embedded homeserver that keep it busy, waiting for one another but little. More of them take more of it:
/// each finds the caches full of what another left there.
const WORKING: usize = 2;
/// Those for each core that mostly wait.
const WAITING: usize = 6;
/// Drills side by side elsewhere: a real homeserver takes so much of a machine that two make each other late enough.
const HEAVY: usize = 2;

/// How many drills run side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jobs {
    /// In all.
    pub all: usize,
    /// Of those, at most so many that work more than they wait.
    pub working: usize,
}

impl Jobs {
    /// So many, whatever they do.
    pub fn of_any_kind(all: usize) -> Self {
        Self { all, working: all }
    }

    /// As many as these homeservers bear.
    pub fn borne_by(drivers: impl IntoIterator<Item = Driver>) -> Self {
        if drivers.into_iter().any(|driver| driver != Driver::Embedded) {
            return Self::of_any_kind(HEAVY);
        }
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            all: (WORKING + WAITING) * cores,
            working: WORKING * cores,
        }
    }

    /// The next drill of a queue that may begin beside those that run.
    fn next(self, queue: &mut Queue, running: usize, waiting: usize) -> Option<(Pace, usize, Drill)> {
        if running == self.all {
            return None;
        }
        // Half of them at least may wait, as long as there are others that keep the cores busy meanwhile.
        let waits_first = waiting < (self.all - self.working).max(self.all / 2);
        let order = match waits_first {
            true => [Pace::Waits, Pace::Works],
            false => [Pace::Works, Pace::Waits],
        };
        let full = |pace| pace == Pace::Works && running - waiting == self.working;
        order
            .into_iter()
            .filter(|pace| !full(*pace))
            .find_map(|pace| queue.next(pace))
    }
}

/// Runs drills side by side, each on what was taken for its wish, and answers their records in the order of the plan. Dropping the run ends them; one that panics has failed and
/// takes no other with it.
pub async fn run(
    drills: Vec<Drill>,
    taken: impl Fn(&Drill) -> Selection,
    jobs: Jobs,
    progress: &dyn Progress,
) -> Vec<Record> {
    let mut queue = Queue::new(drills, drill::pace);
    let mut running = JoinSet::new();
    let mut waiting = 0;
    let mut records = BTreeMap::new();
    loop {
        while let Some((pace, place, drill)) = jobs.next(&mut queue, running.len(), waiting) {
            waiting += usize::from(pace == Pace::Waits);
            let watcher = progress.began(&drill.name());
            let selection = taken(&drill);
            running.spawn(async move {
                let record = survive(&drill, &selection, watcher.clone()).await;
                watcher.done(&record);
                (pace, place, record)
            });
        }
        let Some(ended) = running.join_next().await else {
            return records.into_values().collect();
        };
        match ended.map_err(JoinError::try_into_panic) {
            Ok((pace, place, record)) => {
                waiting -= usize::from(pace == Pace::Waits);
                records.insert(place, record);
            }
            // A drill's own panic is in its record: this is the display's.
            Err(Ok(panic)) => resume_unwind(panic),
            Err(Err(cancelled)) => unreachable!("nobody ends a single drill: {cancelled}"),
        }
    }
}

async fn survive(drill: &Drill, selection: &Selection, watcher: Arc<dyn DrillProgress>) -> Record {
    let ran = AssertUnwindSafe(drill::run(drill, selection, watcher))
        .catch_unwind()
        .await;
    ran.unwrap_or_else(|panic| {
        let what = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Record::of(
            drill,
            Verdict::Failed {
                why: format!("the drill itself panicked: {}", what.unwrap_or("no message")),
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The drills of a queue, of which these wait, that begin side by side: whether they wait.
    fn begun(jobs: Jobs, drills: u64, waits: impl Fn(u64) -> bool) -> Vec<bool> {
        let drill = |seed| Drill {
            scenario: "smoke".to_owned(),
            subject: None,
            homeserver: "embedded".to_owned(),
            seed,
        };
        let mut queue = Queue::new((0..drills).map(drill).collect(), |drill| match waits(drill.seed) {
            true => Pace::Waits,
            false => Pace::Works,
        });
        let (mut begun, mut waiting) = (Vec::new(), 0);
        while let Some((pace, ..)) = jobs.next(&mut queue, begun.len(), waiting) {
            waiting += usize::from(pace == Pace::Waits);
            begun.push(pace == Pace::Waits);
        }
        begun
    }

    #[test]
    fn one_real_homeserver_makes_a_run_a_heavy_one() {
        let cores = thread::available_parallelism().unwrap().get();
        let light = Jobs {
            all: 8 * cores,
            working: 2 * cores,
        };
        assert_eq!(Jobs::borne_by([Driver::Embedded, Driver::Embedded]), light);
        assert_eq!(
            Jobs::borne_by([Driver::Embedded, Driver::Container]),
            Jobs { all: 2, working: 2 }
        );
    }

    #[test]
    fn few_work_and_more_wait_side_by_side() {
        let jobs = Jobs { all: 8, working: 2 };
        let mixed = begun(jobs, 40, |seed| seed % 2 == 0);
        assert_eq!(mixed.iter().filter(|waits| **waits).count(), 6);
        assert_eq!(mixed.len(), 8);
        assert_eq!(begun(jobs, 40, |_| false), [false; 2]);
        assert_eq!(begun(jobs, 40, |_| true), [true; 8]);
        assert_eq!(begun(jobs, 3, |seed| seed > 0), [true, true, false]);
    }

    #[test]
    fn as_many_as_are_wished_for_run_whatever_they_do() {
        for waits in [false, true] {
            assert_eq!(begun(Jobs::of_any_kind(3), 40, |_| waits), [waits; 3]);
        }
        assert_eq!(begun(Jobs::of_any_kind(2), 40, |seed| seed % 2 == 0), [true, false]);
    }
}
