use std::{
    env, fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use knockproof_harness::homeserver::{Choice, Driver, choose};
use knockproof_harness::process::Process;
use knockproof_harness::run::{LABEL_RUN, RunId, Scope, base, sweep};

use super::world::World;

#[tokio::test]
async fn dropping_a_server_ends_it_and_keeps_only_its_log() {
    let run = run_id("drop");
    let world = World::with(|options| options.run = run.clone()).await;
    assert_ne!(left(&run), Vec::<String>::new(), "nothing carries the run's mark");
    let client = world.client();
    let World { homeserver, folder } = world;

    drop(homeserver);

    let refused = client.send(reqwest::Method::GET, "login", None, None).await;
    assert!(refused.unwrap_err().is_connect());
    assert_eq!(left(&run), Vec::<String>::new());
    assert_eq!(files(folder.path()), ["homeserver.log"]);
}

#[tokio::test]
async fn a_stopped_server_is_removed_too() {
    let run = run_id("stopped");
    let world = World::with(|options| options.run = run.clone()).await;
    world.stop().await.unwrap();
    drop(world);
    assert_eq!(left(&run), Vec::<String>::new());
}

#[tokio::test]
async fn a_frozen_server_is_removed_too() {
    let run = run_id("frozen");
    let world = World::with(|options| options.run = run.clone()).await;
    world.freeze().await.unwrap();
    drop(world);
    assert_eq!(left(&run), Vec::<String>::new());
}

#[tokio::test]
async fn a_panic_leaves_nothing() {
    let run = run_id("panic");
    let mine = run.clone();
    let test = tokio::spawn(async move {
        let _world = World::with(|options| options.run = mine).await;
        panic!("on purpose");
    });
    assert!(test.await.unwrap_err().is_panic());
    assert_eq!(left(&run), Vec::<String>::new());
}

/// The watchdog cleans up as soon as the killed process is gone, without anybody calling.
#[tokio::test]
async fn a_killed_test_leaves_nothing() {
    if let Ok(run) = env::var(VICTIM) {
        return victim(&run).await;
    }
    let run = run_id("killed");
    let mut victim = spawn_victim("homeserver::leftovers::a_killed_test_leaves_nothing", &run);
    assert_ne!(left(&run), Vec::<String>::new());
    victim.kill().unwrap();
    victim.wait().unwrap();
    // The embedded homeserver leaves nothing that runs, only a folder, and no watchdog is worth that.
    let choice = Choice::from_env().unwrap();
    if choose(&choice).await.unwrap().driver == Driver::Embedded {
        sweep(Scope::Leftovers).await;
    }
    gone(&run);
}

/// And if the watchdog is killed too, the next sweep does.
#[tokio::test]
async fn the_sweep_at_the_start_removes_what_the_dead_left_and_nothing_of_the_living() {
    if let Ok(run) = env::var(VICTIM) {
        return victim(&run).await;
    }
    let living = World::start().await;
    let user = living.user("alice").await;
    let run = run_id("swept");
    let name = "homeserver::leftovers::the_sweep_at_the_start_removes_what_the_dead_left_and_nothing_of_the_living";
    let mut victim = spawn_victim(name, &run);
    if living.driver() != Driver::Embedded {
        kill_watchdogs_of(victim.id());
    }
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert_ne!(left(&run), Vec::<String>::new());

    let swept = sweep(Scope::Leftovers).await;

    assert_eq!(swept.failures, Vec::<String>::new());
    gone(&run);
    assert!(user.lives().await);
}

#[tokio::test]
async fn a_sweep_of_one_run_removes_what_its_dead_left_and_nothing_else() {
    if let Ok(run) = env::var(VICTIM) {
        return victim(&run).await;
    }
    let name = "homeserver::leftovers::a_sweep_of_one_run_removes_what_its_dead_left_and_nothing_else";
    let (run, other) = (run_id("ended"), run_id("other"));
    let living = World::with(|options| options.run = run.clone()).await;
    let user = living.user("alice").await;
    // Both before the first dies: the start of the second would sweep what that one left.
    for mut victim in [&run, &other].map(|run| spawn_victim(name, run)) {
        if living.driver() != Driver::Embedded {
            kill_watchdogs_of(victim.id());
        }
        victim.kill().unwrap();
        victim.wait().unwrap();
    }

    let swept = sweep(Scope::Run(&run)).await;

    assert!(!swept.is_clean() && swept.failures.is_empty(), "{swept}");
    assert!(user.lives().await, "what lives of that run was swept with it");
    assert_ne!(left(&other), Vec::<String>::new());
    drop(living);
    gone(&run);
    sweep(Scope::Run(&other)).await;
    gone(&other);
}

/// Set in a copy of this test program that holds a server until it is killed.
const VICTIM: &str = "KNOCKPROOF_TEST_VICTIM_OF_RUN";

async fn victim(run: &str) {
    let run = RunId::from_text(run).unwrap();
    let _world = World::with(|options| options.run = run).await;
    println!("\nup");
    std::io::stdout().flush().unwrap();
    // Until the test kills this process, or dies itself and closes the pipe.
    let _ = std::io::stdin().read(&mut [0]);
}

/// Starts a copy of this test program and waits until its server is up.
fn spawn_victim(test: &str, run: &RunId) -> Child {
    let mut victim = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(VICTIM, run.as_str())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "up"), "the victim did not come up");
    victim
}

/// Kills the watchdog shells that are children of a process.
fn kill_watchdogs_of(parent: u32) {
    let children = Process::new(parent).descendants().into_iter();
    let watchdogs: Vec<Process> = children
        .filter(|child| command_of(*child).contains("knockproof-watchdog"))
        .collect();
    assert_ne!(watchdogs, [], "the victim has no watchdog");
    for watchdog in watchdogs {
        let killed = Command::new("kill")
            .args(["-s", "KILL", &watchdog.pid().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
    }
}

/// Waits until nothing of a run is left.
fn gone(run: &RunId) {
    let since = Instant::now();
    while !left(run).is_empty() {
        assert!(
            since.elapsed() < Duration::from_secs(30),
            "still there: {:?}",
            left(run)
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What carries a run's mark, looked up by other means than the harness's own: the docker command, `/proc`, the file system.
fn left(run: &RunId) -> Vec<String> {
    let mark = format!("scratch/{run}-");
    let mut left = folders(&base().unwrap().join("scratch"));
    left.retain(|folder| folder.contains(&mark));
    for list in [&["ps", "--all"][..], &["volume", "ls"], &["network", "ls"]] {
        let filter = format!("label={LABEL_RUN}={run}");
        let listed = Command::new("docker")
            .args(list)
            .args(["--quiet", "--filter", &filter])
            .output();
        // Without the command there is no engine, and so nothing in it.
        let listed = listed.map(|output| output.stdout).unwrap_or_default();
        left.extend(
            String::from_utf8(listed)
                .unwrap()
                .lines()
                .map(|id| format!("{} {id}", list[0])),
        );
    }
    let marked = Process::all().filter(|process| command_of(*process).contains(&mark) || is_in(*process, &mark));
    left.extend(marked.map(|process| format!("process {}: {}", process.pid(), command_of(process))));
    left
}

fn command_of(process: Process) -> String {
    process.words().join(" ")
}

fn is_in(process: Process, mark: &str) -> bool {
    let directory = process.directory().unwrap_or_default();
    directory.display().to_string().contains(mark)
}

fn run_id(name: &str) -> RunId {
    RunId::from_text(&format!("{name}-{}", std::process::id())).unwrap()
}

fn folders(folder: &Path) -> Vec<String> {
    paths(folder)
        .into_iter()
        .map(|path| path.display().to_string())
        .collect()
}

fn files(folder: &Path) -> Vec<String> {
    let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths(folder).into_iter().map(name).collect()
}

fn paths(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect()
}
