//! Harm that a heal could do.

use super::{Check, Evidence, Finding, Need, judge::check};
use crate::{
    front_door::{Entrance, Exchange, Upstream},
    history::{Account, Event},
};

const NEEDLESS_LOGIN: &str = "no-needless-login";
const LOGIN_STORM: &str = "no-login-storm";
const OTHERS: &str = "others-unharmed";
const DOWNTIME: &str = "no-downtime";

/// Why a check of what a fault leads to says nothing about a drill without one.
pub(super) const UNBROKEN: &str = "nothing was broken";

pub(super) fn checks() -> [Check; 4] {
    [
        check(
            NEEDLESS_LOGIN,
            "no login while a token lived",
            &[Need::Passwords],
            needless_login,
        ),
        check(
            LOGIN_STORM,
            "no more logins than the fault allows",
            &[Need::Passwords],
            login_storm,
        ),
        check(OTHERS, "other people's tokens live", &[], others),
        check(
            DOWNTIME,
            "the homeserver answered all the time, unless that was the fault",
            &[],
            downtime,
        ),
    ]
}

fn needless_login(evidence: &Evidence) -> Finding {
    let Some(breakage) = &evidence.breakage else {
        return Finding::not_applicable(NEEDLESS_LOGIN, UNBROKEN);
    };
    let lived = |exchange: &&Exchange| {
        let is_other = |account: &Account| !account.hit && exchange.is_by(&account.user_id);
        breakage.allowed.logins.tried == 0 || evidence.subject.accounts.iter().any(is_other)
    };
    let needless: Vec<String> = evidence.logins().filter(lived).map(Exchange::line).collect();
    let logins = evidence.logins().count();
    Finding::of(
        NEEDLESS_LOGIN,
        &needless,
        format!("{logins} logins, none while its token lived"),
    )
}

fn login_storm(evidence: &Evidence) -> Finding {
    let Some(breakage) = &evidence.breakage else {
        return Finding::not_applicable(LOGIN_STORM, UNBROKEN);
    };
    let allowed = breakage.allowed.logins;
    if allowed.tried == 0 {
        // Another check says so; a storm is more than the fault allows where it allows some.
        return Finding::not_applicable(LOGIN_STORM, "a token lived, and no login at all is right");
    }
    let tried = evidence.logins().count();
    let made = |status: Option<u16>| status == Some(200);
    let succeeded = evidence
        .logins()
        .filter(|exchange| made(exchange.status) || made(exchange.upstream_status))
        .count();
    let counts = format!(
        "{succeeded} of {tried} logins made a session; allowed are {} of {}",
        allowed.succeeded, allowed.tried
    );
    if tried > allowed.tried || succeeded > allowed.succeeded {
        let lines: Vec<String> = evidence.logins().map(|exchange| exchange.line()).collect();
        return Finding::broken(LOGIN_STORM, format!("{counts}: {}", lines.join("; ")));
    }
    Finding::holds(LOGIN_STORM, counts)
}

fn others(evidence: &Evidence) -> Finding {
    let Some(breakage) = &evidence.breakage else {
        return Finding::not_applicable(OTHERS, UNBROKEN);
    };
    let lived: Vec<&String> = breakage
        .before
        .people
        .iter()
        .filter(|(_, lives)| **lives)
        .map(|(user, _)| user)
        .collect();
    let after = evidence.after.as_ref();
    let lives = |user: &str| after.is_some_and(|after| after.people.get(user) == Some(&true));
    let broken: Vec<String> = lived
        .iter()
        .filter(|user| !lives(user))
        .map(|user| format!("the token of {user} died"))
        .collect();
    if lived.is_empty() {
        return Finding::broken(OTHERS, "there was nobody else to be harmed");
    }
    Finding::of(OTHERS, &broken, format!("{} tokens of others live", lived.len()))
}

fn downtime(evidence: &Evidence) -> Finding {
    match &evidence.breakage {
        Some(breakage) if breakage.allowed.downtime => {
            return Finding::not_applicable(DOWNTIME, "the fault was a downtime");
        }
        None if evidence.record.events().any(|event| matches!(event, Event::OwnLosses)) => {
            return Finding::not_applicable(DOWNTIME, "the scenario breaks things itself");
        }
        _ => {}
    }
    let people = || {
        evidence
            .traffic()
            .filter(|exchange| exchange.entrance == Entrance::Public && exchange.upstream == Upstream::Homeserver)
    };
    let broken: Vec<String> = people()
        .filter(|exchange| exchange.bent.is_none())
        .filter(|exchange| exchange.status.is_some_and(|status| status >= 500))
        .map(|exchange| exchange.line())
        .collect();
    let answered = people().filter(|exchange| exchange.status.is_some()).count();
    // A scenario may be played on the bot's pages alone; then what the bot itself was answered shows that the homeserver was there.
    let any = || {
        evidence
            .traffic()
            .filter(|exchange| exchange.upstream == Upstream::Homeserver)
    };
    if !any().any(|exchange| exchange.status.is_some_and(|status| status < 500)) && broken.is_empty() {
        return Finding::broken(
            DOWNTIME,
            "nobody asked the homeserver for anything, so nothing shows that it answered",
        );
    }
    Finding::of(
        DOWNTIME,
        &broken,
        format!("{answered} requests of people, none met a server error"),
    )
}
