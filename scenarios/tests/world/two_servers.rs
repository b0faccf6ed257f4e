//! Two real homeservers in one run: neither overwrites what the other's drills leave, and neither spoils them.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use futures_util::FutureExt as _;
use harness::{
    homeserver::{Choice, look},
    report::{Record, Report, Verdict},
    step::{Failure, ensure},
};
use libtest_mimic::Trial;

use crate::outside::{self, Outcome, say};

/// Of one flavor, so that their drills differ in nothing but the driver.
const WISHES: [&str; 2] = ["synapse-process", "synapse-container"];
/// What every drill leaves.
const LEFT: [&str; 5] = ["history.jsonl", "homeserver.log", "record.json", "replay", "seed"];

/// The tests of suite `two_servers`.
pub(crate) fn trials() -> Vec<Trial> {
    let play = || run().boxed_local();
    outside::trials("two_servers", missing(), &[("of_one_run_leave_each_its_own", play)])
}

/// Why it cannot be run here.
fn missing() -> Option<String> {
    let chosen = env::var("KNOCKPROOF_HOMESERVER").unwrap_or_default();
    if !["", "auto", "embedded"].contains(&chosen.as_str()) {
        return Some(format!(
            "it brings its own homeservers, whatever is chosen, which is {chosen}"
        ));
    }
    WISHES.iter().find_map(|wish| {
        let choice: Choice = wish.parse().ok()?;
        outside::runtime()
            .block_on(look(&choice))
            .err()
            .map(|error| error.to_string())
    })
}

async fn run() -> Outcome {
    let place = tempfile::tempdir()?;
    let artifacts = place.path().join("artifacts");
    let report = place.path().join("report.json");
    let output = Command::new(env!("CARGO_BIN_EXE_knockproof"))
        .args(["drill", "--scenario", "smoke", "--fault", "none", "--seed", "7"])
        .args(WISHES.iter().flat_map(|wish| ["--homeserver", wish]))
        .arg("--json")
        .arg(&report)
        .env_remove("KNOCKPROOF_HOMESERVER")
        .env_remove("KNOCKPROOF_IMAGE")
        .env("KNOCKPROOF_ARTIFACTS", &artifacts)
        .env("KNOCKPROOF_KEEP", "1")
        // Not the one of the runner, which several tests share.
        .env("KNOCKPROOF_RUN_ID", format!("two-{}", std::process::id()))
        .output()?;
    ensure(output.status.success(), || {
        let said = [output.stdout.as_slice(), &output.stderr].concat();
        format!("{}: {}", output.status, String::from_utf8_lossy(&said))
    })?;
    let report: Report = serde_json::from_str(&fs::read_to_string(report)?)?;
    ensure(report.drills.len() == WISHES.len(), || {
        format!("{} drills", report.drills.len())
    })?;
    let folders = report.drills.iter().map(left).collect::<Result<BTreeSet<_>, _>>()?;
    ensure(folders.len() == WISHES.len(), || format!("they left only {folders:?}"))?;
    say(&format!("{folders:?}"));
    Ok(())
}

/// The folder of a drill that passed, with all that is to be there, and of its own homeserver.
fn left(drill: &Record) -> Result<PathBuf, Failure> {
    ensure(drill.verdict == Verdict::Passed, || {
        format!("{}: {}", drill.homeserver, drill.verdict)
    })?;
    let folder = drill.artifacts.as_deref().map(Path::new);
    let folder = folder.ok_or_else(|| Failure::new(format!("{} left nothing", drill.homeserver)))?;
    for name in LEFT {
        let file = folder.join(name);
        ensure(fs::metadata(&file).is_ok_and(|file| file.len() > 0), || {
            format!("{} is empty or not there", file.display())
        })?;
    }
    let mut record: Record = serde_json::from_str(&fs::read_to_string(folder.join("record.json"))?)?;
    // The JSON for programs has none.
    record.timeline = None;
    ensure(record == *drill, || {
        format!("{} has the record of {}", folder.display(), record.homeserver)
    })?;
    let history = fs::read_to_string(folder.join("history.jsonl"))?;
    let ups = history.lines().filter(|line| line.contains("homeserver up: "));
    let ups: Vec<&str> = ups.collect();
    let driver = drill.homeserver.split(['(', ')']).nth(1).unwrap_or_default();
    ensure(ups.len() == 1 && ups[0].contains(driver), || {
        format!("{} says {ups:?}", folder.display())
    })?;
    Ok(folder.to_owned())
}
