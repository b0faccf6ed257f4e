//! The decisions that a run of the model goes by: the real ones, or those of a test that spoils one of them.

use std::time::Duration;

use crate::healing::{
    Answer, Ask, Asked, Class, Contention, Course, Expected, Local, May, Pace, PasswordThrottle, Plan, Situation, Step,
    Verdict, classify, continuity, course,
};

/// The identity keys of a device.
pub(super) type DeviceKeys = (String, String);

/// Each method is the real decision, unless somebody spoils it.
pub(super) trait Decisions: Send + Sync {
    fn classify(&self, asked: Asked, expected: &Expected, answer: &Result<Answer, String>) -> Class {
        classify(asked, expected, answer)
    }

    /// `heard` is what has been asked so far.
    fn next(&self, plan: &Plan, _situation: &Situation, _heard: &[Ask]) -> Step {
        plan.next()
    }

    fn continuity(&self, local: &Local, server: Option<&DeviceKeys>) -> Verdict {
        continuity(local, server)
    }

    fn course(&self, verdict: Verdict, can_log_in: bool) -> Course {
        course(verdict, can_log_in)
    }

    /// Whether a password may be tried of which one was refused, and whether long ago.
    fn may(&self, refused: Option<(u8, Age)>, password: u8) -> May {
        let mut throttle = PasswordThrottle::default();
        let mut now = Duration::ZERO;
        if let Some((refused, age)) = refused {
            throttle.refused(refused, Pace::PASSWORD, now);
            if age == Age::Old {
                now += Pace::PASSWORD.first();
            }
        }
        throttle.may(&password, now)
    }

    /// Whether devices are looked for that were made from here and that nothing else speaks of. Not one of the pure
    /// decisions: the check of a device has it.
    fn looks_for_forgotten_devices(&self, _is_store_new: bool) -> bool {
        true
    }

    /// Whether an id for a new device is kept on which the server has refused a login, whatever the reason. Neither is this
    /// one of the pure decisions: the healer has it.
    fn keeps_refused_id(&self) -> bool {
        false
    }

    fn is_contested(&self, contention: &Contention) -> bool {
        contention.contested()
    }
}

/// Whether the wait after a refusal is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Age {
    New,
    Old,
}

/// All of them as they are.
pub(super) struct Real;

impl Decisions for Real {}
