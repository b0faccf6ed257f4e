//! The steps that are made from the specification's list of endpoints.
//!
//! `conformance::real::<flavor>::endpoints::<endpoint>` asks a real homeserver and compares with its recording, where `KNOCKPROOF_ASK_ENDPOINTS`
//! is set.
//! `conformance::embedded::endpoints` asks the embedded homeserver in each dialect of which there are such recordings, and holds the outcome to the
//! table in the guide: what differs stands there, so whatever gets better or worse makes the table stale. `INSTA_UPDATE=always` writes it anew.

use std::{collections::BTreeMap, env, fs, path::PathBuf, thread};

use harness::homeserver::Flavor;
use libtest_mimic::{Failed, Trial};
use scenarios::conformance::endpoints::{
    Finding, Replies, Reply, between_marks, endpoints, findings, kept, page, put_between_marks,
};

use super::arm::Arm;

/// Of whom there are recordings of these steps.
const RECORDED: [Flavor; 2] = [Flavor::Conduwuit, Flavor::Synapse];
/// Asks real servers for every endpoint.
const ASK_REAL: &str = "KNOCKPROOF_ASK_ENDPOINTS";
const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/src/homeservers.md");

/// The tests of the arms.
pub(crate) fn trials(arms: &[Arm]) -> Vec<Trial> {
    let real = arms
        .iter()
        .copied()
        .filter(|arm| matches!(arm, Arm::Real { flavor, .. } if RECORDED.contains(flavor)));
    let mut trials: Vec<Trial> = real.flat_map(of_real).collect();
    if arms.iter().any(|arm| matches!(arm, Arm::Embedded { .. })) {
        trials.push(Trial::test("conformance::embedded::endpoints", embedded));
    }
    trials
}

/// A real server is asked for minutes: not with every run, but when it is to be recorded.
fn of_real(arm: Arm) -> impl Iterator<Item = Trial> {
    let asked = env::var_os(ASK_REAL).is_some();
    endpoints().into_iter().map(move |endpoint| {
        let name = endpoint.name();
        let trial = Trial::test(format!("conformance::{arm}::endpoints::{name}"), move || {
            real(arm, name)
        });
        if asked {
            trial
        } else {
            let why = format!("not run: takes minutes; {ASK_REAL}=1 asks");
            trial.with_kind(why).with_ignored_flag(true)
        }
    })
}

/// A real server is held to its snapshot, as `insta` does it.
fn real(arm: Arm, endpoint: &str) -> Result<(), Failed> {
    let replies = arm.replies().map_err(|error| error.to_string())?;
    let asked = replies.get(endpoint).ok_or("not asked")?;
    let given: BTreeMap<&String, Reply> = asked
        .iter()
        .map(|(case, reply)| (case, kept(arm.flavor(), endpoint, case, reply)))
        .collect();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder(arm.flavor()));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_json_snapshot!(endpoint, given));
    Ok(())
}

/// The embedded homeserver is held to the table.
fn embedded() -> Result<(), Failed> {
    // All dialects at once: each asks a server of its own.
    let asked = thread::scope(|scope| {
        let threads = RECORDED.map(|flavor| scope.spawn(move || side(flavor)));
        threads.map(|thread| thread.join().unwrap_or_else(|_| Err("asking it panicked".into())))
    });
    let sides = asked.into_iter().collect::<Result<Vec<_>, _>>()?;
    let made = page(&sides);
    let text = fs::read_to_string(GUIDE)?;
    if env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(GUIDE, put_between_marks(&text, &made))?;
        return Ok(());
    }
    let old = between_marks(&text).unwrap_or_default();
    if old == made {
        return Ok(());
    }
    let news: Vec<String> = made
        .lines()
        .filter(|line| !old.contains(line))
        .map(|line| format!("{line}{}", told(&sides, line)))
        .collect();
    Err(format!(
        "the table in docs/src/homeservers.md is stale (INSTA_UPDATE=always writes it anew); what is new in it:\n{}",
        news.join("\n")
    )
    .into())
}

/// What the embedded homeserver answers in a dialect, judged.
fn side(flavor: Flavor) -> Result<(Flavor, Vec<Finding>), Failed> {
    let given = Arm::Embedded { dialect: flavor }
        .replies()
        .map_err(|error| error.to_string())?;
    Ok((flavor, findings(flavor, &recorded(flavor)?, &given)))
}

/// Both answers to the case that a line of the page is about.
fn told(sides: &[(Flavor, Vec<Finding>)], line: &str) -> String {
    let all = sides.iter().flat_map(|(_, findings)| findings);
    let about = all.filter(|finding| line.starts_with(&format!("- `{}/{}`", finding.endpoint, finding.case)));
    about.map(|finding| format!("\n{finding}")).collect()
}

/// The recordings of a flavor.
fn recorded(flavor: Flavor) -> Result<Replies, Failed> {
    let mut all = Replies::new();
    for endpoint in endpoints() {
        let path = folder(flavor).join(format!("{}.snap", endpoint.name()));
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let body = text
            .splitn(3, "---")
            .nth(2)
            .ok_or_else(|| format!("{} is no snapshot", path.display()))?;
        let replies = serde_json::from_str(body).map_err(|error| format!("{}: {error}", path.display()))?;
        all.insert(endpoint.name().to_owned(), replies);
    }
    Ok(all)
}

fn folder(flavor: Flavor) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("recordings")
        .join(flavor.name())
        .join("endpoints")
}
