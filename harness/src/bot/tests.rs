//! What is written down of a bot's process.

use std::time::Duration;

use super::{Bot, BotCommand};
use crate::{
    contract::Contract,
    history::{Event, Exit, History, Record},
    process::Process,
    secrets::{Leak, Secrets},
    wait::{self, Poll},
};

const CONTRACT: &str = r#"
name = "script"
command = "sh"
ready = { log = "up" }
identities = [{ name = "bot", localpart = "bot" }]
"#;

const PATIENCE: Duration = Duration::from_secs(10);

struct Scene {
    folder: tempfile::TempDir,
    bot: Bot,
}

/// A bot that is a script of the shell.
fn scene(script: &str) -> Scene {
    scene_of(Contract::from_toml(CONTRACT).unwrap(), script)
}

fn scene_of(contract: Contract, script: &str) -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let secrets = Secrets::default();
    secrets.add_of("@bot:hs", "token of the bot", "syt_token_1");
    let history = History::create(folder.path().join("history.jsonl"), secrets).unwrap();
    let command = BotCommand::new("sh", ["-c", script]);
    let log = folder.path().join("bot.log");
    let bot = Bot::new(contract.into(), command, folder.path().join("bot"), log, history).unwrap();
    Scene { folder, bot }
}

impl Scene {
    /// As it stands on disk, with everything that can be searched searched.
    fn record(&self) -> Record {
        self.bot.search().unwrap();
        Record::read(&self.folder.path().join("history.jsonl")).unwrap()
    }

    /// Waits until the script has got so far as to say that it is up.
    async fn is_up(&self) {
        let up = wait::until("the script to be up", PATIENCE, || async {
            match self.bot.log_text().contains("up") {
                true => Poll::Ready(()),
                false => Poll::Pending("nothing printed".to_owned()),
            }
        });
        up.await.unwrap();
    }

    fn exit(&self) -> Exit {
        self.record().exits().next().unwrap().clone()
    }
}

fn leaks(record: &Record) -> Vec<(String, Leak)> {
    let places = record.events().flat_map(|event| match event {
        Event::Line { leaks, .. } => leaks.iter().map(|leak| ("line".to_owned(), leak.clone())).collect(),
        Event::Output(output) => output
            .leaks
            .iter()
            .map(|leak| (output.name.clone(), leak.clone()))
            .collect(),
        _ => Vec::new(),
    });
    places.collect()
}

#[tokio::test]
async fn one_that_ends_when_asked_is_seen_to() {
    let mut scene = scene("trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done");
    scene.bot.start().await.unwrap();
    scene.is_up().await;
    scene.bot.stop().await.unwrap();
    let exit = scene.exit();
    assert_eq!(
        (exit.code, exit.signal, exit.after.as_deref()),
        (Some(0), None, Some("SIGTERM"))
    );
}

#[tokio::test]
async fn one_that_ignores_sigterm_is_killed_and_that_is_written_down() {
    let mut scene = scene("trap '' TERM; echo up; while :; do sleep 1; done");
    scene.bot.start().await.unwrap();
    scene.is_up().await;
    // From here on time runs as fast as it is waited for, so that nobody waits ten seconds.
    tokio::time::pause();
    scene.bot.stop().await.unwrap_err();
    let record = scene.record();
    assert!(record.events().any(|event| matches!(event, Event::Overstayed { .. })));
    let exit = scene.exit();
    assert_eq!((exit.signal, exit.after.as_deref()), (Some(9), Some("SIGKILL")));
}

/// The letter by which the kernel tells how a process is.
fn state(pid: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, behind) = stat.rsplit_once(") ").unwrap();
    behind[..1].to_owned()
}

async fn comes_to(pid: u32, is_suspended: bool) {
    let waited = wait::until("another state", PATIENCE, || async {
        match (state(pid) == "T") == is_suspended {
            true => Poll::Ready(()),
            false => Poll::Pending(state(pid)),
        }
    });
    waited.await.unwrap();
}

#[tokio::test]
async fn one_that_is_suspended_goes_on_when_it_is_let_and_ends_when_it_is_asked() {
    let mut scene = scene("trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done");
    scene.bot.start().await.unwrap();
    scene.is_up().await;
    let pid = scene.bot.pid().unwrap();
    for is_suspended in [true, false, true] {
        match is_suspended {
            true => scene.bot.freeze().await.unwrap(),
            false => scene.bot.thaw().await.unwrap(),
        }
        comes_to(pid, is_suspended).await;
    }
    scene.bot.stop().await.unwrap();
    assert_eq!(scene.exit().code, Some(0));
}

#[tokio::test]
async fn one_that_ends_by_itself_is_not_taken_for_one_that_was_ended() {
    let mut scene = scene("exit 3");
    scene.bot.start().await.unwrap();
    let ended = scene.bot.wait_ended(PATIENCE).await.unwrap();
    assert_eq!(ended.and_then(|status| status.code()), Some(3));
    scene.bot.stop().await.unwrap();
    let exit = scene.exit();
    assert_eq!((exit.code, exit.after), (Some(3), None));
}

/// Two bots must not run on one directory.
#[tokio::test]
async fn what_a_shell_started_ends_with_it_and_not_only_with_the_drill() {
    let mut scene = scene("sleep 600 >/dev/null 2>&1 & echo $!; exit 3");
    scene.bot.start().await.unwrap();
    scene.bot.wait_ended(PATIENCE).await.unwrap();
    let child = scene.bot.log_text();
    let stat = Process::new(child.trim().parse().unwrap()).stat();
    let lives = stat.is_ok_and(|stat| !stat.is_zombie);
    assert!(!lives, "process {child} lives on");
}

#[tokio::test]
async fn a_secret_that_it_prints_is_found_and_masked_everywhere() {
    let mut scene = scene("echo the token is syt_token_1");
    scene.bot.start().await.unwrap();
    scene.bot.wait_ended(PATIENCE).await.unwrap();
    let record = scene.record();
    let [(place, leak)] = &leaks(&record)[..] else {
        panic!("{record:?}")
    };
    assert_eq!((place.as_str(), leak.what.as_str()), ("line", "token of the bot"));
    for name in ["history.jsonl", "bot.log"] {
        let text = std::fs::read_to_string(scene.folder.path().join(name)).unwrap();
        assert!(
            text.contains("the token is") && !text.contains("syt_token_1"),
            "{name}: {text}"
        );
    }
}

#[tokio::test]
async fn a_secret_of_its_own_is_found_although_it_was_printed_before_anybody_knew_it() {
    let script = r#"echo "key: EsTc abcd efgh"; echo "EsTc abcd efgh" > "$DATA_DIR/recovery_key""#;
    let mut scene = scene(script);
    let data = scene.bot.data_dir().display().to_string();
    scene.bot.set("DATA_DIR", &data);
    scene.bot.start().await.unwrap();
    scene.bot.wait_ended(PATIENCE).await.unwrap();
    let record = scene.record();
    assert_eq!(leaks(&record)[0].1.what, "content of recovery_key");
    for name in ["history.jsonl", "bot.log"] {
        let text = std::fs::read_to_string(scene.folder.path().join(name)).unwrap();
        assert!(!text.contains("EsTc abcd"), "{name}: {text}");
    }
}

#[tokio::test]
async fn files_outside_its_data_directory_are_searched() {
    let mut scene = scene(r#"echo syt_token_1 > "$TMPDIR/x"; mkdir d; echo syt_token_1 > d/y"#);
    scene.bot.start().await.unwrap();
    scene.bot.wait_ended(PATIENCE).await.unwrap();
    let mut places: Vec<String> = leaks(&scene.record()).into_iter().map(|(place, _)| place).collect();
    places.sort();
    assert_eq!(places, ["tmp/x", "work/d/y"]);
}

#[tokio::test]
async fn what_it_writes_into_a_directory_of_the_contract_s_is_searched_and_what_was_there_is_not() {
    let own = tempfile::tempdir().unwrap();
    for name in ["old", "grows"] {
        std::fs::write(own.path().join(name), "syt_token_1\n").unwrap();
    }
    let file = own.path().join("bot.toml");
    std::fs::write(&file, format!("directory = \".\"\n{CONTRACT}")).unwrap();
    let contract = Contract::read(&file).unwrap();
    let mut scene = scene_of(
        contract,
        "mkdir -p deep; echo syt_token_1 > deep/new; echo more >> grows; echo up",
    );
    scene.bot.start().await.unwrap();
    scene.bot.wait_ended(PATIENCE).await.unwrap();
    let record = scene.record();
    let told = record.outputs().filter(|output| !output.leaks.is_empty());
    let told: Vec<&str> = told.map(|output| output.name.as_str()).collect();
    assert_eq!(told, ["directory/deep/new", "directory/grows"]);
}
