//! Decisions with one mistake each. The search must find every one of them.

use super::decisions::{Age, Decisions, DeviceKeys};
use crate::healing::{
    Answer, Ask, Asked, Class, Contention, Course, Expected, Local, May, Password, Plan, Situation, Source, Step,
    Target, Token, Verdict, classify, course,
};

/// Logs in although the saved token lives.
pub(super) struct LogsInAnyway;

impl Decisions for LogsInAnyway {
    fn next(&self, plan: &Plan, situation: &Situation, heard: &[Ask]) -> Step {
        let login = Ask::Login(Target::Saved);
        match plan.next() {
            Step::Go(Source::SavedSession) if situation.password == Password::Ready && !heard.contains(&login) => {
                Step::Ask(login)
            }
            step => step,
        }
    }
}

/// Logs in on a new device although the saved one would do.
pub(super) struct StartsAfresh;

impl Decisions for StartsAfresh {
    fn next(&self, plan: &Plan, _: &Situation, _: &[Ask]) -> Step {
        match plan.next() {
            Step::Ask(Ask::Login(Target::Saved)) => Step::Ask(Ask::Login(Target::New)),
            step => step,
        }
    }
}

/// Takes a new device although the keys are the same on both sides.
pub(super) struct ReplacesTheHealthy;

impl Decisions for ReplacesTheHealthy {
    fn course(&self, verdict: Verdict, can_log_in: bool) -> Course {
        match verdict {
            Verdict::Same if can_log_in => Course::NewDevice,
            verdict => course(verdict, can_log_in),
        }
    }
}

/// Prefers the given token on another device to the password on the saved one.
pub(super) struct PrefersTheGivenToken;

impl Decisions for PrefersTheGivenToken {
    fn next(&self, plan: &Plan, _: &Situation, heard: &[Ask]) -> Step {
        let given = heard.last() == Some(&Ask::Whoami(Token::Given));
        match plan.next() {
            // Where the token is dead after all, no session was found, and nothing comes of it.
            Step::Ask(Ask::Login(Target::Saved)) if given => Step::Go(Source::GivenTokenOnOther),
            step => step,
        }
    }
}

/// Does not look whose a token is.
pub(super) struct TakesAnybodysToken;

impl Decisions for TakesAnybodysToken {
    fn classify(&self, asked: Asked, _: &Expected, answer: &Result<Answer, String>) -> Class {
        classify(asked, &Expected::Anyone, answer)
    }
}

/// Takes an error of the server for a dead token.
pub(super) struct TakesOutagesForDeath;

impl Decisions for TakesOutagesForDeath {
    fn classify(&self, asked: Asked, expected: &Expected, answer: &Result<Answer, String>) -> Class {
        match answer {
            Ok(Answer { status: 500.., .. }) if asked == Asked::Whoami => Class::Dead,
            answer => classify(asked, expected, answer),
        }
    }
}

/// Tries a refused password again and again.
pub(super) struct TriesAgain;

impl Decisions for TriesAgain {
    fn may(&self, _: Option<(u8, Age)>, _: u8) -> May {
        May::Try
    }
}

/// Tries a password that was refused on the saved device on a new one.
pub(super) struct TriesElsewhere;

impl Decisions for TriesElsewhere {
    fn next(&self, plan: &Plan, _: &Situation, heard: &[Ask]) -> Step {
        let new = Ask::Login(Target::New);
        match plan.next() {
            Step::Blocked(_) if heard.last() == Some(&Ask::Login(Target::Saved)) => Step::Ask(new),
            step => step,
        }
    }
}

/// Never tries a password again that was refused once, not even much later.
pub(super) struct GivesUp;

impl Decisions for GivesUp {
    fn may(&self, refused: Option<(u8, Age)>, password: u8) -> May {
        match refused {
            Some((refused, _)) if refused == password => May::Wait(std::time::Duration::MAX),
            _ => May::Try,
        }
    }
}

/// Believes that every device is healthy whose token lives.
pub(super) struct NeverCompares;

impl Decisions for NeverCompares {
    fn continuity(&self, _: &Local, _: Option<&DeviceKeys>) -> Verdict {
        Verdict::Same
    }
}

/// Looks for devices that nothing but the list of those made from here speaks of only while the store of the device in use is new. If the
/// process ends between that store's making and the look, they stay for ever.
pub(super) struct ForgetsDevices;

impl Decisions for ForgetsDevices {
    fn looks_for_forgotten_devices(&self, is_store_new: bool) -> bool {
        is_store_new
    }
}

/// Keeps the id of a new device, which is on the disk before the login, when the server refuses logins on it for a reason of its own: the same
/// id is tried for ever, though a login on any other would succeed.
pub(super) struct KeepsRefusedId;

impl Decisions for KeepsRefusedId {
    fn keeps_refused_id(&self) -> bool {
        true
    }
}

/// Answers each login of a rival with one of its own.
pub(super) struct NeverYields;

impl Decisions for NeverYields {
    fn is_contested(&self, _: &Contention) -> bool {
        false
    }
}
