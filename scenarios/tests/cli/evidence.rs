//! What a drill that failed leaves, and what is said of it.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::Path,
    process::Command,
};

use crate::{
    place::{ENDS, Place, json},
    text,
};

const ONE: [&str; 6] = ["--scenario", "smoke", "--fault", "none", "--seed", "7"];

#[test]
fn it_has_a_folder_with_its_record_and_a_line_that_repeats_it() {
    let place = Place::new();
    let output = place.drill(ENDS, &ONE).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let [folder] = place.left().try_into().unwrap();
    assert!(folder.ends_with("smoke-plain-on-embedded"), "{}", folder.display());
    let record = json(&fs::read(folder.join("record.json")).unwrap());
    assert_eq!(record["homeserver"], "embedded (embedded)");
    assert_eq!(record["artifacts"], folder.to_str().unwrap());
    let said = text(&output.stdout);
    let replay = record["replay"].as_str().unwrap();
    assert!(said.contains(&format!("again: {replay}\n")), "{said}");
    assert!(said.contains(folder.to_str().unwrap()), "{said}");
    assert_eq!(fs::read_to_string(folder.join("replay")).unwrap().trim_end(), replay);

    let again = repeated(&place, replay);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    let folders = place.left();
    assert_eq!(folders.len(), 2, "{folders:?}");
    let of = |folder: &Path| json(&fs::read(folder.join("record.json")).unwrap());
    assert_eq!(of(&folders[0])["verdict"], of(&folders[1])["verdict"]);
}

/// Runs the line in a shell that knows nothing of how the drill was run, and whose `cargo knockproof` is the program that is tested.
fn repeated(place: &Place, line: &str) -> std::process::Output {
    let bin = place.path("bin");
    fs::create_dir(&bin).unwrap();
    let cargo = bin.join("cargo");
    let program = env!("CARGO_BIN_EXE_knockproof");
    fs::write(&cargo, format!("#!/bin/sh\nshift\nexec {program} \"$@\"\n")).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).env_clear().env("PATH", path);
    shell
        .env("TMPDIR", place.path("tmp"))
        .env("KNOCKPROOF_RUN_ID", place.run())
        .output()
        .unwrap()
}

#[test]
fn a_variable_that_is_no_text_ends_no_drill() {
    let place = Place::new();
    let odd = OsStr::from_bytes(b"\xff");
    let output = place.drill(ENDS, &ONE).env("ODD", odd).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = text(&output.stdout);
    assert!(!said.contains("panicked") && said.contains("exit status: 3"), "{said}");
    assert_eq!(place.left().len(), 1);
}

#[test]
fn two_runs_at_once_share_no_folder() {
    let place = Place::new();
    let runs: Vec<_> = (0..2).map(|_| place.drill(ENDS, &ONE).spawn().unwrap()).collect();
    for mut run in runs {
        assert_eq!(run.wait().unwrap().code(), Some(1));
    }
    let folders = place.left();
    assert_eq!(folders.len(), 2, "{folders:?}");
    for folder in folders {
        let record = json(&fs::read(folder.join("record.json")).unwrap());
        assert_eq!(record["artifacts"], folder.to_str().unwrap());
        let history = fs::read_to_string(folder.join("history.jsonl")).unwrap();
        assert_eq!(
            history.matches("\"subject\"").count(),
            1,
            "two runs wrote into one history"
        );
    }
}

#[test]
fn one_cause_in_many_drills_is_told_once() {
    let place = Place::new();
    let output = place
        .drill(ENDS, &["--scenario", "smoke", "--moment", "at-boot", "--fault", "all"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = text(&output.stdout);
    let drills = said.lines().filter(|line| line.ends_with(" ...")).count();
    assert!(drills > 20, "{said}");
    assert_eq!(said.matches("FAILED in ").count(), 1, "{said}");
    // For each drill a line when it begins, one when it ends and one in the table.
    assert!(
        said.lines().count() < 3 * drills + 20,
        "{} lines: {said}",
        said.lines().count()
    );
    let table = said
        .lines()
        .skip_while(|line| !line.starts_with("drill "))
        .take(drills + 1);
    assert_eq!(table.filter(|line| line.chars().count() > 80).count(), 0, "{said}");
    assert!(
        !text(&output.stderr).contains("last requests"),
        "a story was told unasked"
    );
}

#[test]
fn verbose_shows_the_requests() {
    let output = Place::new().drill(ENDS, &ONE).arg("-v").output().unwrap();
    assert!(text(&output.stdout).contains("── last requests ──"), "{output:?}");
}

#[test]
fn with_the_report_on_standard_output_nothing_else_is_there() {
    let place = Place::new();
    let output = place.drill(ENDS, &ONE).args(["--json", "-"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report = json(&output.stdout);
    assert_eq!(report["summary"]["failed"], 1);
    assert!(
        text(&output.stderr).contains("0 passed, 1 failed, 0 not run in "),
        "{output:?}"
    );
}

#[test]
fn after_the_first_failure_nothing_more_begins_if_so_wished() {
    let place = Place::new();
    let two = [
        "--scenario",
        "smoke,lobby",
        "--fault",
        "none",
        "--jobs",
        "1",
        "--fail-fast",
    ];
    let output = place.drill(ENDS, &two).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = text(&output.stdout);
    assert!(said.contains("0 passed, 1 failed, 1 not run"), "{said}");
    assert!(said.contains("not run, because another drill had failed"), "{said}");
}
