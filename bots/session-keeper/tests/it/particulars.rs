//! The library knows no program that stands on it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking, in helpers too"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What would name one program, its rooms, its files, its commands or what it does there.
const PARTICULAR: [&str; 16] = [
    "approver",
    "knock",
    "onboarding",
    "lobby",
    "vetting",
    "haiku",
    "shape_rotator",
    "shape-rotator",
    "inbound_sessions",
    "the space",
    "MSC4268",
    "/ready",
    "!health",
    "!mint",
    "signup",
    "doctor",
];

/// What is spelled alike: a field of the SDK, the homeserver of the tests, and negations.
const ALIKE: [&str; 4] = ["rooms.knocked", "knockproof", "!health.", "!healthy"];

/// What is read, of this package.
const READ: [&str; 5] = ["README.md", "examples", "src", "tests", "worlds"];

/// The files at a path; this one names what it looks for.
fn files(path: PathBuf) -> Vec<PathBuf> {
    if path.is_dir() {
        let entries = fs::read_dir(&path).unwrap();
        return entries.flat_map(|entry| files(entry.unwrap().path())).collect();
    }
    let is_this = path.ends_with("it/particulars.rs");
    if is_this { Vec::new() } else { vec![path] }
}

/// The lines of a text that name something particular.
fn particulars(text: &str) -> Vec<String> {
    let without = |line: &str| ALIKE.iter().fold(line.to_owned(), |line, word| line.replace(word, ""));
    let named = |line: &&str| {
        let line = without(line).to_lowercase();
        PARTICULAR.iter().any(|word| line.contains(&word.to_lowercase()))
    };
    text.lines().filter(named).map(str::to_owned).collect()
}

#[test]
fn nothing_names_a_program_that_stands_on_it() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = READ
        .iter()
        .flat_map(|name| files(package.join(name)))
        .collect::<Vec<_>>();
    assert!(files.len() > 60, "these are not all the files: {files:?}");
    let found = files.iter().flat_map(|file| {
        let lines = particulars(&fs::read_to_string(file).unwrap());
        lines.into_iter().map(|line| format!("{}: {line}", file.display()))
    });
    assert_eq!(found.collect::<Vec<_>>(), [] as [String; 0]);
}

#[test]
fn what_is_particular_is_found() {
    for line in [
        "/// The approver's token.",
        "let stem = \"Shape_Rotator_2\";",
        "knocks among the members",
        "└──▶ Board (/ready, !health)",
    ] {
        assert_eq!(particulars(line), [line]);
    }
    for line in [
        "rooms.knocked.is_empty()",
        "use knockproof_homeserver::Fault;",
        "!health.degraded.is_empty()",
    ] {
        assert_eq!(particulars(line), [] as [String; 0]);
    }
}
