use super::{Evidence, Finding, continuity, harm, once, operator};

/// One thing that must hold.
#[derive(Clone, Copy)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// What must hold, in one line.
    pub summary: &'static str,
    judge: fn(&Evidence) -> Finding,
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Check {
    /// Judges what was recorded.
    pub fn judge(&self, evidence: &Evidence) -> Finding {
        (self.judge)(evidence)
    }
}

/// Every check of recorded evidence, in the order in which they are listed to people.
pub fn all() -> Vec<Check> {
    let check = |name, summary, judge| Check { name, summary, judge };
    vec![
        check(
            continuity::IDENTITY,
            "the bot is the right user and says so",
            continuity::identity,
        ),
        check(
            continuity::DEVICES,
            "no new device unless the old one was lost, and none left behind",
            continuity::devices,
        ),
        check(
            continuity::TRUST,
            "the cross-signing identity that peers have verified is the same",
            continuity::trust,
        ),
        check(
            harm::NEEDLESS_LOGIN,
            "no login while a token lived",
            harm::needless_login,
        ),
        check(
            harm::LOGIN_STORM,
            "no more logins than the fault allows",
            harm::login_storm,
        ),
        check(
            once::EXACTLY_ONCE,
            "no message, invite or room twice",
            once::exactly_once,
        ),
        check(harm::OTHERS, "other people's tokens live", harm::others),
        check(
            harm::DOWNTIME,
            "the homeserver answered all the time, unless that was the fault",
            harm::downtime,
        ),
        check(harm::SECRETS, "no secret in any log", harm::secrets),
        check(operator::IN_TIME, "healed in time", operator::in_time),
        check(
            operator::TOLD,
            "where it cannot heal, the operator is told what to do",
            operator::told,
        ),
    ]
}
