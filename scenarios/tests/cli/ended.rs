//! A run that is ended says what it knows, and leaves nothing; what one leaves that is killed goes with the next.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use harness::process::Process;
use rstest::rstest;

use crate::place::{ENDS, HANGS, Place, json};

const TWO: [&str; 6] = ["--scenario", "smoke,lobby", "--fault", "none", "--jobs", "1"];

/// A run whose first drill waits for its bot.
struct Run {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Run {
    fn that_waits(place: &Place) -> Self {
        let report = place.path("report.json");
        let mut command = place.drill(HANGS, &TWO);
        command
            .arg("--json")
            .arg(report)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let run = Self { child, out };
        until(place, "the bot runs and is noted", || {
            let noted = place
                .scratch("-bot-")
                .iter()
                .any(|folder| folder.join(".child").is_file());
            noted && !bots(place).is_empty()
        });
        run
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Its exit code, and the rest of what it says.
    fn ending(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.out.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

/// The bots that run for a place.
fn bots(place: &Place) -> Vec<String> {
    let mut processes = place.processes();
    processes.retain(|process| process.contains("sleep 600"));
    processes
}

fn until(place: &Place, what: &str, holds: impl Fn() -> bool) {
    let since = Instant::now();
    while !holds() {
        let processes = place.processes();
        assert!(
            since.elapsed() < Duration::from_secs(30),
            "not in time: {what}; {processes:?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[rstest]
#[case("INT", 130, "Ctrl-C")]
#[case("TERM", 143, "SIGTERM")]
#[case("HUP", 129, "SIGHUP")]
fn a_signal_ends_it_with_table_counts_and_report(#[case] signal: &str, #[case] code: i32, #[case] name: &str) {
    let place = Place::new();
    let run = Run::that_waits(&place);
    run.signal(signal);
    let (exit, said) = run.ending();
    assert_eq!(exit, Some(code), "{said}");
    assert!(said.contains("smoke/plain") && said.contains("lobby/plain"), "{said}");
    assert!(said.contains("0 passed, 0 failed, 2 not run in "), "{said}");
    assert!(
        said.contains("not run, because interrupted: smoke/plain, lobby/plain"),
        "{said}"
    );
    let report = json(&fs::read(place.path("report.json")).unwrap());
    assert_eq!(report["interrupted"], name);
    assert_eq!(report["summary"]["not_run"], 2);
    assert_eq!(place.processes(), Vec::<String>::new());
    assert_eq!(place.scratch(""), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let place = Place::new();
    let mut run = Run::that_waits(&place);
    run.signal("TERM");
    // As soon as it has heard the first.
    let mut line = String::new();
    while !line.contains("SIGTERM: what runs is ended") {
        line.clear();
        assert_ne!(run.out.read_line(&mut line).unwrap(), 0, "it ended without a word");
    }
    run.signal("INT");
    let (exit, _) = run.ending();
    assert!(matches!(exit, Some(130 | 143)), "{exit:?}");
}

#[test]
fn what_a_killed_run_leaves_goes_with_the_next() {
    let place = Place::new();
    let run = Run::that_waits(&place);
    let [data] = place.scratch("-bot-").try_into().unwrap();
    assert!(data.join("data").is_dir());
    run.signal("KILL");
    assert_eq!(run.ending().0, None);
    until(&place, "the watchdog has ended the bot", || {
        place.processes().is_empty()
    });
    assert!(data.is_dir(), "nothing is left that a sweep could show itself with");

    place.drill(ENDS, &TWO).output().unwrap();
    assert_eq!(place.scratch(""), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_shells_child_does_not_outlive_its_bot() {
    let place = Place::new();
    // Known by its own words, whatever its environment.
    let nap = format!("sleep 600.{}", std::process::id());
    let output = place.drill(&format!("sh -c '{nap} & exit 3'"), &TWO).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(napping(&nap), Vec::<String>::new());
}

/// The processes of these words.
fn napping(words: &str) -> Vec<String> {
    let commands = Process::all().map(|process| process.words().join(" "));
    commands.filter(|command| command == words).collect()
}
