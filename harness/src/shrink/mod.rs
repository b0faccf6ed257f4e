//! The shortest schedule that still fails: what is left of it is what the failure is about.

use crate::{
    plan::{Drill, simpler},
    report::{Record, Verdict},
};

/// Leaves faults out of the schedule of a drill that failed, one at a time, and lets none wait for a request that need not, as long as what
/// is left fails too; answers the last drill that failed with its record. Whether it fails is found out by running it.
///
/// What fails only now and then may be shortened less than it could be, never to a drill that was not seen to fail.
pub async fn shrink(failed: (Drill, Record), mut run: impl AsyncFnMut(&Drill) -> Record) -> (Drill, Record) {
    let mut shortest = failed;
    'shortened: loop {
        for candidate in simpler(&shortest.0) {
            let record = run(&candidate).await;
            if matches!(record.verdict, Verdict::Failed { .. }) {
                shortest = (candidate, record);
                continue 'shortened;
            }
        }
        return shortest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Injection, Moment};

    fn drill(faults: &[&str]) -> Drill {
        let mut earlier: Vec<Injection> = faults
            .iter()
            .map(|fault| Injection::new(*fault, Moment::AtBoot))
            .collect();
        let injection = earlier.pop();
        Drill {
            earlier,
            injection,
            ..Drill::plain("smoke")
        }
    }

    /// A bot that fails where these faults come together, in any order and whatever else comes.
    fn fails_after(culprits: &[&str], drill: &Drill) -> Record {
        let comes = |culprit: &&str| drill.schedule().any(|injection| injection.fault == *culprit);
        let why = "it did not heal".to_owned();
        match culprits.iter().all(comes) {
            true => Record::of(drill, Verdict::Failed { why }),
            false => Record::of(drill, Verdict::Passed),
        }
    }

    async fn shrunk(faults: &[&str], culprits: &[&str]) -> (String, usize) {
        let drill = drill(faults);
        let record = fails_after(culprits, &drill);
        let mut runs = 0;
        let run = async |drill: &Drill| {
            runs += 1;
            fails_after(culprits, drill)
        };
        let (shortest, record) = shrink((drill, record), run).await;
        assert!(matches!(record.verdict, Verdict::Failed { .. }));
        assert_eq!(record.name, shortest.name());
        (shortest.name(), runs)
    }

    #[tokio::test]
    async fn what_a_failure_is_not_about_is_left_out() {
        let (name, runs) = shrunk(&["a", "b", "c", "d", "e", "f"], &["b", "e"]).await;
        assert_eq!(name, "smoke/b/at-boot,e/at-boot");
        assert!(runs <= 6 * 6, "{runs}");
        assert_eq!(shrunk(&["a", "b"], &["a"]).await.0, "smoke/a/at-boot");
    }

    #[tokio::test]
    async fn what_is_short_already_stays() {
        assert_eq!(shrunk(&["a"], &["a"]).await, ("smoke/a/at-boot".to_owned(), 0));
        assert_eq!(
            shrunk(&["a", "b"], &["a", "b"]).await,
            ("smoke/a/at-boot,b/at-boot".to_owned(), 2)
        );
    }
}
