//! The line that repeats a drill, or another test, as it was: the same homeserver, however it was wished for, the same image, the same environment.

use std::{
    borrow::Cow,
    env,
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt as _,
};

use crate::{
    homeserver::{Choice, Driver, Flavor, Selection},
    plan::Drill,
};

/// What every variable of ours begins with.
const PREFIX: &str = "KNOCKPROOF_";

/// Variables that say nothing about what is run: the wish for a homeserver and the seed, which are arguments, the mark of the run, and what
/// only the gate reads.
const LEFT_OUT: [&str; 8] = [
    "KNOCKPROOF_HOMESERVER",
    "KNOCKPROOF_SEED",
    "KNOCKPROOF_RUN_ID",
    "KNOCKPROOF_BUDGET",
    "KNOCKPROOF_CLIENTS_VENV",
    "KNOCKPROOF_DOCKER",
    "KNOCKPROOF_STRICT",
    IMAGE,
];

const IMAGE: &str = "KNOCKPROOF_IMAGE";
const BINARY: &str = "KNOCKPROOF_HOMESERVER_BIN";
const SYNAPSE_VENV: &str = "KNOCKPROOF_SYNAPSE_VENV";

/// The line for a shell with which a program repeats a drill on what was taken for its wish, in the environment of this process.
pub fn line(drill: &Drill, selection: &Selection, program: &str) -> String {
    line_in(drill, selection, env::vars_os(), program)
}

fn line_in(
    drill: &Drill,
    selection: &Selection,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    program: &str,
) -> String {
    let exactly = Drill {
        homeserver: Choice::Exactly(selection.flavor, selection.driver).to_string(),
        ..drill.clone()
    };
    format!(
        "{}{}",
        assigned(in_use(selection, environment)),
        exactly.replay(program)
    )
}

/// The line for a shell that repeats a test which is no drill, on what was taken for its wish: as nextest names it, where that runs it, else with
/// the words that this program was started with.
pub fn of_test(seed: u64, selection: &Selection) -> String {
    let named = env::var("NEXTEST_BINARY_ID")
        .ok()
        .zip(env::var("NEXTEST_TEST_NAME").ok());
    let command = match named {
        Some((binary, test)) => {
            let filter = format!("binary_id(={binary}) & test(={test})");
            format!("cargo nextest run --workspace -E {}", quoted(&filter))
        }
        None => {
            let words: Vec<String> = env::args_os().map(|word| quoted_value(&word).into_owned()).collect();
            words.join(" ")
        }
    };
    of_test_in(seed, selection, env::vars_os(), &command)
}

fn of_test_in(
    seed: u64,
    selection: &Selection,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    command: &str,
) -> String {
    let mut variables = in_use(selection, environment);
    let homeserver = Choice::Exactly(selection.flavor, selection.driver).to_string();
    variables.push(("KNOCKPROOF_HOMESERVER".to_owned(), homeserver.into()));
    variables.push(("KNOCKPROOF_SEED".to_owned(), seed.to_string().into()));
    format!("{}{command}", assigned(variables))
}

/// Variables as a shell sets them for one command, with a blank behind each.
fn assigned(mut variables: Vec<(String, OsString)>) -> String {
    variables.sort();
    let assigned = variables
        .iter()
        .map(|(name, value)| format!("{name}={} ", quoted_value(value)));
    assigned.collect()
}

/// The variables that the drill depends on, with what they came to.
fn in_use(
    selection: &Selection,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Vec<(String, OsString)> {
    let is_container = selection.driver == Driver::Container;
    let is_kept = |name: &str| match name {
        "DOCKER_HOST" => is_container,
        name => name.starts_with(PREFIX) && !LEFT_OUT.contains(&name) && ![BINARY, SYNAPSE_VENV].contains(&name),
    };
    // A name that is no text is none of ours.
    let named = environment
        .into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let mut variables: Vec<(String, OsString)> = named
        .filter(|(name, value)| is_kept(name) && !value.is_empty())
        .collect();
    let taken = match (selection.driver, selection.flavor) {
        (Driver::Container, _) => Some((IMAGE, selection.exact.as_ref().unwrap_or(&selection.source))),
        (Driver::Process, Flavor::Synapse) => Some((SYNAPSE_VENV, &selection.source)),
        (Driver::Process, _) => Some((BINARY, &selection.source)),
        (Driver::Embedded, _) => None,
    };
    variables.extend(taken.map(|(name, value)| (name.to_owned(), value.into())));
    variables
}

/// A value as a shell has to be given it.
pub(crate) fn quoted(value: &str) -> Cow<'_, str> {
    // No variable of an environment holds a zero byte, which alone cannot be quoted.
    shlex::try_quote(value).unwrap_or_default()
}

/// The same of one that may be no text: then it is written byte by byte, as shells read it (`$'…'`).
fn quoted_value(value: &OsStr) -> Cow<'_, str> {
    match value.to_str() {
        Some(text) => quoted(text),
        None => {
            let bytes = value.as_bytes().iter();
            let bytes: String = bytes.map(|byte| format!("\\x{byte:02x}")).collect();
            Cow::Owned(format!("$'{bytes}'"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Injection, Moment};

    fn drill() -> Drill {
        Drill {
            scenario: "smoke".to_owned(),
            earlier: Vec::new(),
            injection: Some(Injection::new("device-deleted", Moment::AtBoot)),
            homeserver: "auto".to_owned(),
            seed: 7,
            contract: None,
        }
    }

    fn taken(flavor: Flavor, driver: Driver, source: &str, exact: Option<&str>) -> Selection {
        Selection {
            flavor,
            driver,
            source: source.to_owned(),
            exact: exact.map(str::to_owned),
            why: String::new(),
        }
    }

    fn line_with(selection: &Selection, environment: &[(&str, &str)]) -> String {
        let environment = environment
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        line_in(&drill(), selection, environment, "knockproof")
    }

    #[test]
    fn it_names_what_was_taken_and_not_the_wish() {
        let embedded = taken(Flavor::Embedded, Driver::Embedded, "in this process", None);
        let ignored = [
            ("KNOCKPROOF_HOMESERVER", "auto"),
            ("KNOCKPROOF_HOMESERVER_BIN", "/bin/conduwuit"),
            ("KNOCKPROOF_RUN_ID", "gate-7"),
            ("HOME", "/home"),
        ];
        assert_eq!(
            line_with(&embedded, &ignored),
            "knockproof drill --homeserver embedded --scenario smoke --fault device-deleted --moment at-boot --seed 7"
        );
    }

    #[test]
    fn it_names_the_very_image_and_the_engine() {
        let image = taken(
            Flavor::Conduwuit,
            Driver::Container,
            "girlbossceo/conduwuit:latest",
            Some("girlbossceo/conduwuit@sha256:0a1b"),
        );
        let line = line_with(
            &image,
            &[
                ("KNOCKPROOF_IMAGE", "girlbossceo/conduwuit"),
                ("DOCKER_HOST", "unix:///run/d.sock"),
            ],
        );
        assert!(
            line.starts_with(
                "DOCKER_HOST=unix:///run/d.sock KNOCKPROOF_IMAGE=girlbossceo/conduwuit@sha256:0a1b knockproof drill --homeserver conduwuit-container "
            ),
            "{line}"
        );
    }

    #[test]
    fn a_test_is_repeated_on_the_very_homeserver_with_all_that_was_set() {
        let synapse = taken(Flavor::Synapse, Driver::Process, "/a venv", None);
        let environment = [
            ("KNOCKPROOF_BOT", "my bot"),
            ("KNOCKPROOF_SEED", "1"),
            ("HOME", "/home"),
        ];
        let environment = environment.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        assert_eq!(
            of_test_in(7, &synapse, environment, "a-test --exact name"),
            "KNOCKPROOF_BOT='my bot' KNOCKPROOF_HOMESERVER=synapse-process KNOCKPROOF_SEED=7 KNOCKPROOF_SYNAPSE_VENV='/a venv' \
             a-test --exact name"
        );
    }

    #[test]
    fn a_value_that_is_no_text_is_written_byte_by_byte() {
        let embedded = taken(Flavor::Embedded, Driver::Embedded, "in this process", None);
        let odd = |name: &[u8], value: &[u8]| (OsStr::from_bytes(name).to_owned(), OsStr::from_bytes(value).to_owned());
        let environment = [odd(b"KNOCKPROOF_BOT", b"/\xff/b"), odd(b"KNOCKPROOF_\xff", b"x")];
        let line = line_in(&drill(), &embedded, environment, "knockproof");
        assert!(
            line.starts_with(r"KNOCKPROOF_BOT=$'\x2f\xff\x2f\x62' knockproof drill "),
            "{line}"
        );
    }

    #[test]
    fn values_are_quoted_for_a_shell() {
        let synapse = taken(Flavor::Synapse, Driver::Process, "/a venv", None);
        let bot = ("KNOCKPROOF_BOT", "python3 -m 'my bot'");
        let line = line_with(&synapse, &[bot, ("KNOCKPROOF_KEEP", "")]);
        let words = shlex::split(&line).unwrap();
        assert_eq!(words[0], "KNOCKPROOF_BOT=python3 -m 'my bot'");
        assert_eq!(words[1], "KNOCKPROOF_SYNAPSE_VENV=/a venv");
        assert_eq!(words[2], "knockproof");
    }
}
