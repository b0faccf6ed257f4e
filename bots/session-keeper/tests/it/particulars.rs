//! The library knows no program that stands on it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking, in helpers too"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What would name one program, its rooms, its files or what it does there.
const PARTICULAR: [&str; 11] = [
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
];

/// Words of Matrix itself that are spelled alike.
const OF_MATRIX: [&str; 1] = ["rooms.knocked"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    files.collect()
}

/// The lines of a text that name something particular.
fn particulars(text: &str) -> Vec<String> {
    let of_matrix = |line: &str| {
        OF_MATRIX
            .iter()
            .fold(line.to_owned(), |line, word| line.replace(word, ""))
    };
    let named = |line: &&str| {
        let line = of_matrix(line).to_lowercase();
        PARTICULAR.iter().any(|word| line.contains(&word.to_lowercase()))
    };
    text.lines().filter(named).map(str::to_owned).collect()
}

#[test]
fn no_source_names_a_program_that_stands_on_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&folder);
    assert!(files.len() > 20, "these are not all the sources: {files:?}");
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
    ] {
        assert_eq!(particulars(line), [line]);
    }
    assert_eq!(particulars("rooms.knocked.is_empty()"), [] as [String; 0]);
}
