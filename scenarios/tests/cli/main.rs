//! The command line, as it is used.
#![expect(clippy::unwrap_used, reason = "a test that cannot run its program has failed")]

mod contract;
mod ended;
mod evidence;
mod place;
mod refused;
mod report;
mod world;

use std::process::{Command, Output};

use rstest::rstest;

/// The program with these words, in an environment that wishes for nothing.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_knockproof"));
    command.args(arguments);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("KNOCKPROOF_")) {
        command.env_remove(name);
    }
    command
}

fn knockproof(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[rstest]
#[case::no_command(&[])]
#[case::an_unknown_command(&["dril"])]
#[case::an_unknown_option(&["drill", "--scenaro", "smoke"])]
#[case::a_seed_that_is_no_number(&["drill", "--seed", "many"])]
#[case::no_jobs(&["drill", "--jobs", "0"])]
#[case::an_unknown_scenario(&["drill", "--scenario", "smokey"])]
#[case::an_unknown_fault(&["drill", "--fault", "token-stolen"])]
#[case::an_unknown_moment(&["drill", "--moment", "at-noon"])]
#[case::an_unknown_homeserver(&["drill", "--homeserver", "dendrite"])]
#[case::a_page_that_nothing_is_written_for(&["drill", "--open"])]
#[case::a_comparison_that_nobody_sees(&["drill", "--compare", "old.json"])]
#[case::a_report_to_compare_with_that_is_not_there(&["drill", "--report", "target/tmp/no-report", "--compare", "nowhere.json"])]
#[case::an_unknown_library(&["init", "--library", "matrix-nia"])]
#[case::a_shell_that_is_none(&["completions", "dos"])]
#[case::an_unknown_bench(&["bench", "--only", "speed"])]
#[case::an_unknown_homeserver_to_measure(&["bench", "--homeserver", "dendrite"])]
#[case::an_unknown_homeserver_to_keep_up(&["up", "--homeserver", "dendrite"])]
fn what_cannot_be_run_ends_with_exit_code_2_and_says_why(#[case] arguments: &[&str]) {
    let output = knockproof(arguments);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(!output.stderr.is_empty());
}

#[rstest]
#[case(&["drill", "--scenario", "smok"], "did you mean smoke")]
#[case(&["drill", "--scenario", "veting"], "did you mean vetting")]
#[case(&["drill", "--homeserver", "synaps"], "did you mean synapse")]
#[case(&["drill", "--moment", "boot"], "did you mean ")]
#[case(&["bench", "--only", "vetings"], "did you mean vetting")]
#[case(&["up", "--homeserver", "conduit"], "did you mean conduwuit")]
fn an_unknown_name_is_answered_with_the_nearest_known_ones(#[case] arguments: &[&str], #[case] answer: &str) {
    let output = knockproof(arguments);
    let said = text(&output.stderr);
    assert!(said.contains(answer), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "not one line: {said}");
}

#[rstest]
#[case(&["--help"])]
#[case(&["drill", "--help"])]
#[case(&["--version"])]
fn help_is_no_failure(#[case] arguments: &[&str]) {
    let output = knockproof(arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(!output.stdout.is_empty());
}

#[test]
fn the_help_names_the_exit_codes() {
    assert!(text(&knockproof(&["drill", "--help"]).stdout).contains("Exit codes: 0"));
}

#[test]
fn a_homeserver_that_is_not_at_hand_ends_the_run_before_it_begins() {
    let output = command(&["drill", "--homeserver", "synapse-process", "--scenario", "smoke"])
        .env("KNOCKPROOF_SYNAPSE_VENV", "/nowhere")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = text(&output.stderr);
    assert!(
        said.contains("/nowhere") && said.trim_end().lines().count() == 1,
        "{said}"
    );
}

#[test]
fn the_list_names_scenarios_with_their_steps_moments_benches_and_homeservers() {
    let output = knockproof(&["list"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let list = text(&output.stdout);
    assert!(!list.contains("not in the main job"), "{list}");
    for expected in [
        "smoke:",
        "signup answers 200",
        "vetting:",
        "in-the-middle:",
        "    in-the-middle: smoke, vetting",
        "world-memory:",
        "synapse:",
        "conduwuit:",
    ] {
        assert!(list.contains(expected), "{expected} is not in\n{list}");
    }
}

#[test]
fn a_schedule_is_one_drill_and_drawn_ones_are_the_same_for_a_seed() {
    let planned = |more: &[&str]| {
        let words = [&["drill", "--dry-run", "--homeserver", "embedded", "--seed", "7"], more].concat();
        knockproof(&words)
    };
    let named = planned(&["--schedule", "device-deleted/at-boot,bot-killed/while-running"]);
    assert_eq!(named.status.code(), Some(0), "{named:?}");
    let said = text(&named.stdout);
    assert!(
        said.contains("  smoke/device-deleted/at-boot,bot-killed/while-running on embedded\n"),
        "{said}"
    );
    let drawn = planned(&["--random", "25"]);
    assert!(text(&drawn.stdout).starts_with("25 drills, seed 7: "), "{drawn:?}");
    assert_eq!(text(&drawn.stdout), text(&planned(&["--random", "25"]).stdout));
    for (words, wrong) in [
        ("bot-killed/at-boot", "bot-killed makes sense only while-running"),
        ("bot-killed", "is not FAULT/MOMENT"),
        ("bot-kiled/while-running", "bot-killed"),
    ] {
        let refused = planned(&["--schedule", words]);
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(text(&refused.stderr).contains(wrong), "{refused:?}");
    }
}

#[test]
fn a_dry_run_names_every_drill_and_runs_none() {
    let output = knockproof(&[
        "drill",
        "--dry-run",
        "--homeserver",
        "embedded",
        "--seed",
        "7",
        "--scenario",
        "smoke",
    ]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = text(&output.stdout);
    assert!(said.contains(" drills, seed 7: 1 scenario "), "{said}");
    assert!(
        said.contains("homeserver: embedded (embedded, in this process)"),
        "{said}"
    );
    assert!(said.contains("  smoke/device-deleted/at-boot on embedded\n"), "{said}");
    assert!(!said.contains("passed"), "{said}");
}
