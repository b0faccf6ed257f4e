//! Harm that a heal could do.

use super::{Evidence, Finding, Log};
use crate::{
    fault::Logins,
    front_door::{Entrance, Upstream},
};

pub(super) const NEEDLESS_LOGIN: &str = "no-needless-login";
pub(super) const LOGIN_STORM: &str = "no-login-storm";
pub(super) const OTHERS: &str = "others-unharmed";
pub(super) const DOWNTIME: &str = "no-downtime";
pub(super) const SECRETS: &str = "no-secrets-in-logs";

pub(super) fn needless_login(evidence: &Evidence) -> Finding {
    let logins: Vec<String> = evidence.logins().map(|exchange| exchange.line()).collect();
    match evidence.expectation.logins {
        Logins::None => Finding::of(NEEDLESS_LOGIN, &logins, "no login"),
        Logins::AtMost { .. } => Finding::holds(NEEDLESS_LOGIN, format!("no token lived; {} logins", logins.len())),
    }
}

pub(super) fn login_storm(evidence: &Evidence) -> Finding {
    let (may_succeed, may_try) = match evidence.expectation.logins {
        Logins::None => (0, 0),
        Logins::AtMost { succeeded, tried } => (succeeded, tried),
    };
    let tried = evidence.logins().count();
    let made = |status: Option<u16>| status == Some(200);
    let succeeded = evidence
        .logins()
        .filter(|exchange| made(exchange.status) || made(exchange.upstream_status))
        .count();
    let counts = format!("{succeeded} of {tried} logins made a session; allowed are {may_succeed} of {may_try}");
    if tried > may_try || succeeded > may_succeed {
        let lines: Vec<String> = evidence.logins().map(|exchange| exchange.line()).collect();
        return Finding::broken(LOGIN_STORM, format!("{counts}: {}", lines.join("; ")));
    }
    Finding::holds(LOGIN_STORM, counts)
}

pub(super) fn others(evidence: &Evidence) -> Finding {
    let lived: Vec<&String> = evidence
        .before
        .people
        .iter()
        .filter(|(_, lives)| **lives)
        .map(|(user, _)| user)
        .collect();
    let broken: Vec<String> = lived
        .iter()
        .filter(|user| evidence.after.people.get(**user) != Some(&true))
        .map(|user| format!("the token of {user} died"))
        .collect();
    if lived.is_empty() {
        return Finding::broken(OTHERS, "there was nobody else to be harmed");
    }
    Finding::of(OTHERS, &broken, format!("{} tokens of others live", lived.len()))
}

pub(super) fn downtime(evidence: &Evidence) -> Finding {
    if evidence.expectation.downtime {
        return Finding::holds(DOWNTIME, "the fault was a downtime");
    }
    let people = evidence
        .traffic
        .iter()
        .filter(|exchange| exchange.entrance == Entrance::Public && exchange.upstream == Upstream::Homeserver);
    let broken: Vec<String> = people
        .clone()
        .filter(|exchange| exchange.status.is_some_and(|status| status >= 500) && exchange.bent.is_none())
        .map(|exchange| exchange.line())
        .collect();
    Finding::of(
        DOWNTIME,
        &broken,
        format!("{} requests of people, none met a server error", people.count()),
    )
}

pub(super) fn secrets(evidence: &Evidence) -> Finding {
    if evidence.secrets.is_empty() {
        return Finding::broken(SECRETS, "no secret is known that could be looked for");
    }
    let found = |log: &Log| {
        let labels = evidence.secrets.found_in(&log.text);
        (!labels.is_empty()).then(|| format!("{} holds the {}", log.name, labels.join(", the ")))
    };
    let broken: Vec<String> = evidence.logs.iter().filter_map(found).collect();
    let bytes: usize = evidence.logs.iter().map(|log| log.text.len()).sum();
    Finding::of(
        SECRETS,
        &broken,
        format!(
            "{} secrets, none in {bytes} bytes of {} logs",
            evidence.secrets.len(),
            evidence.logs.len()
        ),
    )
}
