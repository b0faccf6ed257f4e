//! Reports that one looks at.

use std::fs;

use crate::{
    knockproof,
    place::{ENDS, Place, json},
    text,
};

const PLAIN: [&str; 4] = ["--fault", "none", "--seed", "7"];

#[test]
fn a_run_leaves_a_page_and_what_programs_read_and_is_compared() {
    let place = Place::new();
    let (first, second) = (place.path("first"), place.path("second"));
    let run = |scenario: &str, more: &[&str]| {
        let output = place
            .drill(ENDS, &PLAIN)
            .args(["--scenario", scenario])
            .args(more)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        text(&output.stdout)
    };
    let said = run("smoke", &["--report", first.to_str().unwrap()]);
    assert!(said.contains("index.html"), "{said}");
    let report = json(&fs::read(first.join("report.json")).unwrap());
    assert_eq!(
        report["drills"][0]["timeline"]["points"][0]["what"],
        "the bot was started"
    );
    assert!(report["at"].as_str().unwrap().ends_with(" UTC"));
    let junit = fs::read_to_string(first.join("junit.xml")).unwrap();
    assert!(junit.contains("failures=\"1\""), "{junit}");

    // The same drill failed before and fails now; another one is new.
    let old = first.join("report.json");
    let compared = ["--report", second.to_str().unwrap(), "--compare", old.to_str().unwrap()];
    run("smoke,lobby", &compared);
    let page = fs::read_to_string(second.join("index.html")).unwrap();
    assert!(
        page.contains("Nothing got worse, nothing better") && page.contains("New: 1 drill"),
        "{page}"
    );
}

#[test]
fn without_a_report_the_json_holds_no_timelines() {
    let place = Place::new();
    let file = place.path("report.json");
    let mut run = place.drill(ENDS, &PLAIN);
    run.args(["--scenario", "smoke", "--json", file.to_str().unwrap()]);
    assert_eq!(run.output().unwrap().status.code(), Some(1));
    let report = json(&fs::read(file).unwrap());
    assert!(report["drills"][0].get("timeline").is_none());
}

/// What GitHub's runner sets, and what it reads.
#[test]
fn a_job_on_github_gets_a_summary_and_annotations() {
    let place = Place::new();
    let summary = place.path("summary.md");
    let mut run = place.drill(ENDS, &PLAIN);
    run.args(["--scenario", "smoke"]);
    let output = run
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", &summary)
        .output()
        .unwrap();
    assert!(text(&output.stdout).contains("\n::error title="), "{output:?}");
    let summary = fs::read_to_string(summary).unwrap();
    assert!(
        summary.starts_with("## Knockproof: 0 passed, 1 failed, 0 not run"),
        "{summary}"
    );
}

#[test]
fn parts_of_a_run_are_merged_and_what_is_none_is_refused_by_name() {
    let place = Place::new();
    let part = |name: &str, seed: u64, scenario: &str| {
        let file = place.path(name);
        let report = serde_json::json!({
            "schema": "knockproof.drills", "version": 1, "seed": seed, "homeservers": [],
            "summary": { "passed": 1, "failed": 0, "not_run": 0, "took_ms": 900 }, "marks": { "missed": [] },
            "drills": [{
                "name": format!("{scenario}/plain"), "scenario": scenario, "fault": null, "moment": null, "homeserver": "embedded",
                "verdict": { "is": "passed" }, "healed_in_ms": null, "logins": null, "devices": 1, "took_ms": 900, "steps": [],
                "findings": [], "marks": [], "replay": "knockproof drill", "artifacts": null,
            }],
        });
        fs::write(&file, report.to_string()).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let (a, b, other) = (
        part("a.json", 7, "smoke"),
        part("b.json", 7, "lobby"),
        part("c.json", 8, "history"),
    );
    let whole = place.path("whole");
    let output = knockproof(&["report", "merge", &a, &b, "--report", whole.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        json(&fs::read(whole.join("report.json")).unwrap())["summary"]["passed"],
        2
    );
    assert!(
        fs::read_to_string(whole.join("index.html"))
            .unwrap()
            .contains("All 2 drills passed")
    );

    let refused = |files: &[&str], why: &str| {
        let output = knockproof(&[&["report", "merge"], files].concat());
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = text(&output.stderr);
        assert!(said.contains(why) && said.trim_end().lines().count() == 1, "{said}");
    };
    refused(&[&a, &other], "their seeds are 7 and 8");
    refused(&[&a, &a], "smoke/plain on embedded ran in two of them");
    refused(&[&a, "/nowhere.json"], "/nowhere.json: ");
    let foreign = place.path("package.json");
    fs::write(&foreign, "{}").unwrap();
    refused(&[foreign.to_str().unwrap()], "it is no report of drills");
}
