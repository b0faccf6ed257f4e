//! The order in which drills are begun.

use std::collections::VecDeque;

use super::Drill;

/// Into how many piles a scenario's drills are dealt: more than a fault has moments, so that those are apart.
const PILES: usize = 7;

/// What a drill spends its time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// A processor.
    Works,
    /// Waiting, for a homeserver that is away or for the operator.
    Waits,
}

/// Drills that are yet to be begun, in an order that keeps a machine busy to the end.
///
/// The first scenario of a plan has by far the most drills, and the shortest: the others are begun first, so that no long one is left to
/// run alone. Neighbours in the plan wait for the same things: so what comes next to each other in it is dealt to different piles, and
/// one pile is run after the other.
#[derive(Debug)]
pub struct Queue {
    working: VecDeque<(usize, Drill)>,
    waiting: VecDeque<(usize, Drill)>,
}

impl Queue {
    /// Drills in the order of the plan.
    pub fn new(drills: Vec<Drill>, pace: impl Fn(&Drill) -> Pace) -> Self {
        let most = drills.first().map(|drill| drill.scenario.clone());
        let (mut many, mut order): (Vec<_>, Vec<_>) = drills
            .into_iter()
            .enumerate()
            .partition(|(_, drill)| most.as_ref() == Some(&drill.scenario));
        order.reverse();
        many.sort_by_key(|(place, _)| place % PILES);
        order.extend(many);
        let (waiting, working) = order.into_iter().partition(|(_, drill)| pace(drill) == Pace::Waits);
        Self { working, waiting }
    }

    /// The next one of this pace with its place in the plan.
    pub fn next(&mut self, pace: Pace) -> Option<(Pace, usize, Drill)> {
        let drills = match pace {
            Pace::Works => &mut self.working,
            Pace::Waits => &mut self.waiting,
        };
        drills.pop_front().map(|(place, drill)| (pace, place, drill))
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    fn drills(scenarios: &[(&str, usize)]) -> Vec<Drill> {
        let named = scenarios
            .iter()
            .flat_map(|(name, count)| std::iter::repeat_n(*name, *count));
        named
            .zip(0..)
            .map(|(scenario, seed)| Drill {
                scenario: scenario.to_owned(),
                earlier: Vec::new(),
                injection: None,
                homeserver: "embedded".to_owned(),
                seed,
                contract: None,
            })
            .collect()
    }

    /// The places of those that work and of those that wait, in the order in which they are begun.
    fn places(scenarios: &[(&str, usize)], waiting: &[u64]) -> [Vec<usize>; 2] {
        let mut queue = Queue::new(drills(scenarios), |drill| match waiting.contains(&drill.seed) {
            true => Pace::Waits,
            false => Pace::Works,
        });
        [Pace::Works, Pace::Waits].map(|pace| {
            let begun = iter::from_fn(|| queue.next(pace));
            begun.map(|(_, place, _)| place).collect()
        })
    }

    #[test]
    fn every_drill_is_begun_once() {
        let mut places = places(&[("smoke", 40), ("errands", 2), ("history", 3)], &[3, 5, 41]).concat();
        places.sort_unstable();
        assert_eq!(places, (0..45).collect::<Vec<_>>());
        assert!(Queue::new(Vec::new(), |_| Pace::Works).next(Pace::Works).is_none());
    }

    #[test]
    fn the_scenario_with_the_most_drills_comes_last_and_its_neighbours_apart() {
        let [places, _] = places(&[("smoke", 15), ("errands", 2), ("history", 1)], &[]);
        assert_eq!(places[..3], [17, 16, 15]);
        assert_eq!(places[3..], [0, 7, 14, 1, 8, 2, 9, 3, 10, 4, 11, 5, 12, 6, 13]);
    }

    #[test]
    fn those_that_wait_have_an_order_of_their_own() {
        let places = places(&[("smoke", 10), ("errands", 1), ("restarts", 1)], &[1, 7, 8, 11]);
        assert_eq!(places, [vec![10, 0, 2, 9, 3, 4, 5, 6], vec![11, 7, 1, 8]]);
    }
}
