//! The areas of the probe. One file an area, or two where they belong together.

use harness::homeserver::Flavor;

use super::Step;

mod account_data;
mod accounts;
mod admin;
mod aliases;
mod backup;
mod cross_signing;
mod devices;
mod invites;
mod keys;
mod knocks;
mod passwords;
mod pick;
mod presence;
mod restricted;
mod rooms;
mod sync;
mod to_device;
mod tokens;
mod transactions;

/// Steps that build on each other, over one fresh homeserver.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// The name, in test names and as the folder of the recordings.
    pub name: &'static str,
    flavors: &'static [Flavor],
    steps: fn() -> Vec<Step>,
}

impl Area {
    /// The steps, in order.
    pub fn steps(&self) -> Vec<Step> {
        (self.steps)()
    }

    /// Whether homeservers of this flavor have what the area is about.
    pub fn concerns(&self, flavor: Flavor) -> bool {
        self.flavors.is_empty() || self.flavors.contains(&flavor)
    }
}

const FAMILY: &[Flavor] = &[Flavor::Conduwuit, Flavor::Continuwuity, Flavor::Tuwunel];

/// All areas.
pub fn areas() -> Vec<Area> {
    let all = |name, steps| Area {
        name,
        flavors: &[],
        steps,
    };
    vec![
        all("accounts", accounts::steps),
        all("passwords", passwords::steps),
        all("tokens", tokens::steps),
        all("devices", devices::steps),
        all("keys", keys::steps),
        all("cross_signing", cross_signing::steps),
        all("to_device", to_device::steps),
        all("backup", backup::steps),
        all("account_data", account_data::steps),
        all("rooms", rooms::steps),
        all("invites", invites::steps),
        all("knocks", knocks::steps),
        all("restricted", restricted::steps),
        all("aliases", aliases::steps),
        all("transactions", transactions::steps),
        all("sync", sync::steps),
        Area {
            name: "presence",
            flavors: &[Flavor::Conduwuit, Flavor::Synapse],
            steps: presence::steps,
        },
        Area {
            name: "admin",
            flavors: FAMILY,
            steps: admin::steps,
        },
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_at_least_120_steps_and_no_name_stands_twice_in_an_area() {
        let mut count = 0;
        for area in areas() {
            let steps = area.steps();
            let names: BTreeSet<_> = steps.iter().map(Step::name).collect();
            assert_eq!(names.len(), steps.len(), "a name stands twice in {}", area.name);
            count += steps.len();
        }
        assert!(count >= 120, "only {count} steps");
    }

    #[test]
    fn names_are_fit_for_tests_and_files() {
        for area in areas() {
            for step in area.steps() {
                assert!(
                    step.name()
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
                    "{}",
                    step.name()
                );
            }
        }
    }

    #[test]
    fn every_switch_that_a_step_names_is_one_of_the_dialects() {
        // The names of all fields, as `Debug` writes them.
        let switches = format!("{:?}", knockproof_homeserver::Dialect::conduwuit());
        for area in areas() {
            for switch in area.steps().iter().filter_map(Step::switch) {
                assert!(
                    switches.contains(&format!(" {switch}: ")),
                    "no switch of the dialects is called {switch}"
                );
            }
        }
    }
}
