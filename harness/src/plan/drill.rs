//! One drill and the command line that repeats it.

use std::{env, fmt, path::PathBuf};

use super::{Injection, Moment};
use crate::{homeserver::Choice, replay::quoted};

/// One drill: a scenario, what is broken and when, and on which homeserver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drill {
    /// The scenario's name.
    pub scenario: String,
    /// What is broken before that and when, one after another: each heals before the next. Empty but for a schedule of several faults.
    pub earlier: Vec<Injection>,
    /// What is broken and when; `None` for the plain scenario.
    pub injection: Option<Injection>,
    /// The wish for a homeserver, as in `KNOCKPROOF_HOMESERVER`.
    pub homeserver: String,
    /// The seed of the run.
    pub seed: u64,
    /// The file with the contract of the bot that is drilled, where it is not the one that is drilled unless another is named.
    pub contract: Option<PathBuf>,
}

impl Drill {
    /// A scenario in which nothing is broken, on the homeserver that `KNOCKPROOF_HOMESERVER` names, from the seed `KNOCKPROOF_SEED` or a random
    /// one.
    pub fn plain(scenario: &str) -> Self {
        let seed = env::var("KNOCKPROOF_SEED");
        let seed = seed.ok().and_then(|seed| seed.trim().parse().ok());
        Self {
            scenario: scenario.to_owned(),
            earlier: Vec::new(),
            injection: None,
            homeserver: Choice::Auto.to_string(),
            // Short enough to be typed again.
            seed: seed.unwrap_or_else(|| rand::random_range(0..1_000_000)),
            contract: None,
        }
    }

    /// The same with a fault.
    #[must_use]
    pub fn broken(mut self, fault: &str, moment: Moment) -> Self {
        self.injection = Some(Injection::new(fault, moment));
        self
    }

    /// The same with its fault hitting these identities of the bot, all at once.
    #[must_use]
    pub fn hitting(mut self, identities: &[String]) -> Self {
        self.injection = self.injection.map(|injection| injection.hitting(identities));
        self
    }

    /// The same on another homeserver, named as in `KNOCKPROOF_HOMESERVER`.
    #[must_use]
    pub fn on(mut self, homeserver: &str) -> Self {
        self.homeserver = homeserver.to_owned();
        self
    }

    /// Everything that it breaks, in the order in which that happens.
    pub fn schedule(&self) -> impl DoubleEndedIterator<Item = &Injection> + Clone {
        self.earlier.iter().chain(&self.injection)
    }

    /// The drill's name, without homeserver and seed: `smoke/env-token-clobbered/at-boot`, or `smoke/plain`; where the fault hits others than
    /// the first identity, with their names: `smoke/password-reset/at-boot/first+second`; where several faults come one after another, with
    /// all of them: `smoke/device-deleted/at-boot,bot-killed/while-running`.
    pub fn name(&self) -> String {
        let scenario = &self.scenario;
        let Some(injection) = &self.injection else {
            return format!("{scenario}/plain");
        };
        let schedule = words(self.schedule());
        match injection.identities.is_empty() {
            true => format!("{scenario}/{schedule}"),
            false => format!("{scenario}/{schedule}/{}", injection.identities.join("+")),
        }
    }

    /// The moment of its fault, if it has one.
    pub fn moment(&self) -> Option<Moment> {
        self.injection.as_ref().map(|injection| injection.moment)
    }

    /// The identities that its fault hits, where that is not the first alone.
    pub fn identities(&self) -> &[String] {
        self.injection.as_ref().map_or(&[], |injection| &injection.identities)
    }

    /// The seed of this drill's world. It depends on the run's seed and on the drill's name alone, not on what else is planned, so that
    /// a replay of one drill meets the same names and codes as the run it is taken from.
    pub fn world_seed(&self) -> u64 {
        seed_for(self.seed, &self.name())
    }

    /// The command line of a program that repeats this drill, as far as its plan tells; see [`replay`](crate::replay) for one that has been run.
    pub fn replay(&self, program: &str) -> String {
        format!("{program}{}", self.arguments())
    }

    /// The words behind the program's name that repeat it, with a blank before them.
    fn arguments(&self) -> String {
        let fault = match &self.injection {
            Some(injection) => {
                let identities = match injection.identities.is_empty() {
                    true => String::new(),
                    false => {
                        let names: Vec<_> = injection.identities.iter().map(|name| quoted(name)).collect();
                        format!(" --identity {}", names.join(","))
                    }
                };
                match self.earlier.is_empty() {
                    true => format!("--fault {} --moment {}{identities}", injection.fault, injection.moment),
                    false => format!("--schedule {}{identities}", words(self.schedule())),
                }
            }
            None => "--fault none".to_owned(),
        };
        let contract = self.contract.as_ref().map_or_else(String::new, |contract| {
            format!(" --contract {}", quoted(&contract.display().to_string()))
        });
        format!(
            " drill{contract} --homeserver {} --scenario {} {fault} --seed {}",
            self.homeserver, self.scenario, self.seed
        )
    }
}

impl fmt::Display for Drill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// A schedule as it stands on the command line.
fn words<'a>(schedule: impl Iterator<Item = &'a Injection>) -> String {
    let words: Vec<String> = schedule.map(Injection::to_string).collect();
    words.join(",")
}

/// Mixes a seed with a name (FNV-1a over the name, then the finaliser of SplitMix64): stable over versions of Rust and of every crate,
/// which a replay line needs.
pub fn seed_for(seed: u64, name: &str) -> u64 {
    let hashed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64 ^ seed, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hashed ^ (hashed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drill(injection: Option<Injection>) -> Drill {
        Drill {
            scenario: "smoke".to_owned(),
            earlier: Vec::new(),
            injection,
            homeserver: "synapse".to_owned(),
            seed: 7,
            contract: None,
        }
    }

    #[test]
    fn a_replay_line_names_everything_the_drill_depends_on() {
        let injection = Injection::new("device-deleted", Moment::WhileRunning);
        let both = ["first", "second"].map(str::to_owned);
        let of_both = drill(Some(injection.clone().hitting(&both)));
        assert_eq!(of_both.name(), "smoke/device-deleted/while-running/first+second");
        assert!(
            of_both
                .replay("knockproof")
                .contains("--moment while-running --identity first,second --seed 7")
        );
        let broken = drill(Some(injection));
        assert_eq!(
            broken.replay("cargo knockproof"),
            "cargo knockproof drill --homeserver synapse --scenario smoke --fault device-deleted --moment while-running --seed 7"
        );
        let second = Drill {
            earlier: vec![Injection::new("bot-killed", Moment::AtBoot)],
            ..broken
        };
        assert_eq!(
            second.replay("knockproof"),
            "knockproof drill --homeserver synapse --scenario smoke --schedule bot-killed/at-boot,device-deleted/while-running --seed 7"
        );
        assert_eq!(
            drill(None).replay("knockproof"),
            "knockproof drill --homeserver synapse --scenario smoke --fault none --seed 7"
        );
    }

    #[test]
    fn drills_of_one_run_have_different_worlds_that_a_replay_meets_again() {
        let plain = drill(None);
        let broken = drill(Some(Injection::new("device-deleted", Moment::AtBoot)));
        assert_ne!(plain.world_seed(), broken.world_seed());
        assert_eq!(plain.world_seed(), drill(None).world_seed());
        assert_eq!(seed_for(7, "smoke/plain"), plain.world_seed());
    }
}
