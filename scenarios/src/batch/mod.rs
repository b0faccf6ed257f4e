//! Many drills side by side.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::Arc,
    thread,
};

use futures_util::FutureExt;
use harness::homeserver::Driver;
use tokio::task::{JoinError, JoinSet};

use crate::{
    drill,
    plan::{Drill, Pace, Queue},
    progress::{DrillProgress, Progress},
    report::{Record, Verdict},
};

/// Drills for each core on the embedded homeserver.
const EACH_CORE: usize = 8;
/// Drills side by side elsewhere.
const HEAVY: usize = 2;

/// How many drills these homeservers bear side by side. A drill mostly waits, so on the embedded homeserver it takes several to keep a core
/// busy; a real one takes so much of a machine that two make each other late enough.
pub fn jobs(drivers: impl IntoIterator<Item = Driver>) -> usize {
    match drivers.into_iter().all(|driver| driver == Driver::Embedded) {
        true => EACH_CORE * thread::available_parallelism().map_or(1, NonZeroUsize::get),
        false => HEAVY,
    }
}

/// Runs drills, `jobs` at a time, and answers their records in the order of the plan. Dropping the run ends them; one that panics has
/// failed and takes no other with it.
pub async fn run(drills: Vec<Drill>, jobs: usize, progress: &dyn Progress) -> Vec<Record> {
    let mut queue = Queue::new(drills, drill::pace);
    let mut running = JoinSet::new();
    let mut waiting = 0;
    let mut records = BTreeMap::new();
    loop {
        while running.len() < jobs
            && let Some((pace, place, drill)) = queue.next(wished(waiting, jobs))
        {
            waiting += usize::from(pace == Pace::Waits);
            let watcher = progress.began(&drill.name());
            running.spawn(async move {
                let record = survive(&drill, watcher.clone()).await;
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

/// Three of four wait at most, as long as there are others: those have to keep the cores busy meanwhile.
fn wished(waiting: usize, jobs: usize) -> Pace {
    match 4 * waiting < 3 * jobs {
        true => Pace::Waits,
        false => Pace::Works,
    }
}

async fn survive(drill: &Drill, watcher: Arc<dyn DrillProgress>) -> Record {
    let ran = AssertUnwindSafe(drill::run(drill, watcher)).catch_unwind().await;
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

    #[test]
    fn one_real_homeserver_makes_a_run_a_heavy_one() {
        let cores = thread::available_parallelism().unwrap().get();
        assert_eq!(jobs([Driver::Embedded, Driver::Embedded]), EACH_CORE * cores);
        assert_eq!(jobs([Driver::Embedded, Driver::Container]), HEAVY);
    }

    #[test]
    fn a_quarter_of_what_runs_side_by_side_is_kept_for_drills_that_work() {
        let waiting = |jobs| {
            (0..jobs)
                .filter(|waiting| wished(*waiting, jobs) == Pace::Waits)
                .count()
        };
        assert_eq!([1, 4, 16].map(waiting), [1, 3, 12]);
    }
}
