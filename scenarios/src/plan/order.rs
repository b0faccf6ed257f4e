//! The order in which drills are begun.

use super::Drill;

/// Into how many piles a scenario's drills are dealt: more than a fault has moments, so that those are apart.
const PILES: usize = 7;

/// The drills with their places in the plan, in an order that keeps a machine busy to the end.
///
/// The first scenario of a plan has by far the most drills, and the shortest: the others are begun first, so that no long one is left to
/// run alone. Neighbours in the plan wait for the same things (a homeserver that is down, a front door that refuses), which takes no
/// processor at all: so what comes next to each other in the plan is dealt to different piles, and one pile is run after the other.
pub fn begin(drills: Vec<Drill>) -> Vec<(usize, Drill)> {
    let most = drills.first().map(|drill| drill.scenario.clone());
    let (mut many, mut order): (Vec<_>, Vec<_>) = drills
        .into_iter()
        .enumerate()
        .partition(|(_, drill)| most.as_ref() == Some(&drill.scenario));
    order.reverse();
    many.sort_by_key(|(place, _)| place % PILES);
    order.extend(many);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drills(scenarios: &[(&str, usize)]) -> Vec<Drill> {
        let named = scenarios
            .iter()
            .flat_map(|(name, count)| std::iter::repeat_n(*name, *count));
        named
            .map(|scenario| Drill {
                scenario: scenario.to_owned(),
                subject: None,
                homeserver: "embedded".to_owned(),
                seed: 1,
            })
            .collect()
    }

    fn places(scenarios: &[(&str, usize)]) -> Vec<usize> {
        begin(drills(scenarios)).into_iter().map(|(place, _)| place).collect()
    }

    #[test]
    fn every_drill_is_begun_once() {
        let mut places = places(&[("smoke", 40), ("vetting", 2), ("history", 3)]);
        places.sort_unstable();
        assert_eq!(places, (0..45).collect::<Vec<_>>());
        assert!(begin(Vec::new()).is_empty());
    }

    #[test]
    fn the_scenario_with_the_most_drills_comes_last_and_its_neighbours_apart() {
        let places = places(&[("smoke", 15), ("vetting", 2), ("history", 1)]);
        assert_eq!(places[..3], [17, 16, 15]);
        assert_eq!(places[3..], [0, 7, 14, 1, 8, 2, 9, 3, 10, 4, 11, 5, 12, 6, 13]);
    }
}
