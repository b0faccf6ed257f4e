//! The double in an image: the same program and the same drills, in a container.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use knockproof_harness::{
    bot::{BotCommand, BotImage},
    contract::Contract,
    fault::Moment,
    report::Verdict,
    world::{self, World, WorldOptions},
};
use libtest_mimic::{Failed, Trial};
use tokio::runtime::Runtime;

use crate::{
    defect::Defect,
    drilled::{self, Trouble, red},
};

/// What has to do with how a bot runs.
const TROUBLES: [Trouble; 4] = [
    ("env-token-empty", Moment::AtBoot),
    ("bot-killed", Moment::WhileRunning),
    ("device-deleted", Moment::WhileRunning),
    ("wrong-password", Moment::WhileRunning),
];

/// What is seen of a bot in a container: what it prints, how it ends, that its process dies.
const DEFECTS: [(Defect, Trouble, &str); 4] = [
    (
        Defect::DropsToken,
        ("env-token-empty", Moment::AtBoot),
        "no-secret-shown",
    ),
    (
        Defect::LogsToken,
        ("env-token-empty", Moment::AtBoot),
        "no-secret-shown",
    ),
    (
        Defect::ExitsWithFailure,
        ("env-token-empty", Moment::AtBoot),
        "ends-on-sigterm",
    ),
    (Defect::Dies, ("device-deleted", Moment::WhileRunning), "no-panic"),
];

/// Without them it makes no client.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// In the image, and mounted into its container.
const PROGRAM: &str = "/bot";
const SETTINGS: &str = "\n[container]\ndata = \"/data\"\nhardened = true\nmemory_mib = 512\n";
/// Longer than anything that is waited for here.
const PATIENCE: Duration = Duration::from_secs(30);

/// The drills of the double in an image. Where there is no engine they are listed as ignored, with the reason.
pub(crate) fn trials(runtime: fn() -> Runtime) -> Vec<Trial> {
    let missing = missing();
    let trial = |name: &str, test: fn(&Runtime, &Image) -> Result<(), Failed>| {
        let trial = Trial::test(format!("contained::{name}"), move || test(&runtime(), &Image::made()?));
        match &missing {
            Some(why) => trial.with_kind(format!("not run: {why}")).with_ignored_flag(true),
            None => trial,
        }
    };
    vec![
        trial("heals", heals),
        trial("what_it_leaves_in_its_container_is_searched", leaves_are_seen),
        trial("defects_are_seen", defects_are_seen),
        trial("is_suspended_killed_and_removed", is_suspended_killed_and_removed),
        trial("an_image_that_is_not_there_is_named", |runtime, _| {
            absent_is_named(runtime)
        }),
    ]
}

/// What an image cannot be made without.
fn missing() -> Option<String> {
    let answers = |words: &[&str]| {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let needs: [(&[&str], &str); 2] = [
        (&["docker", "version"], "no Docker engine answers the command docker"),
        (
            &["ldd", "--version"],
            "there is no ldd to find this program's libraries",
        ),
    ];
    let lacking = needs.iter().find(|(words, _)| !answers(words));
    let certificates = || (!Path::new(CERTIFICATES).is_file()).then(|| format!("there is no {CERTIFICATES}"));
    lacking.map(|(_, why)| (*why).to_owned()).or_else(certificates)
}

/// An image of nothing but this program and its libraries. Dropped, it is removed.
struct Image(String);

impl Image {
    fn made() -> Result<Self, Failed> {
        let tree = tempfile::tempdir()?;
        let program = std::env::current_exe()?;
        fs::copy(&program, tree.path().join("bot"))?;
        let needed = libraries(&program)?.into_iter().chain([CERTIFICATES.to_owned()]);
        for library in needed {
            let copy = tree.path().join(library.trim_start_matches('/'));
            fs::create_dir_all(copy.parent().unwrap())?;
            fs::copy(&library, copy)?;
        }
        // Its user is found by its name.
        fs::create_dir_all(tree.path().join("etc"))?;
        fs::write(
            tree.path().join("etc/passwd"),
            "root:x:0:0::/:\nbot:x:10001:10001::/:\n",
        )?;
        let temporary = tree.path().join("var/tmp");
        fs::create_dir_all(&temporary)?;
        fs::set_permissions(&temporary, fs::Permissions::from_mode(0o1777))?;
        let name = format!("knockproof-test/double:{}", std::process::id());
        let image = Self(name);
        image.import(tree.path())?;
        Ok(image)
    }

    fn import(&self, tree: &Path) -> Result<(), Failed> {
        let mut tar = Command::new("tar")
            .args(["--create", "--directory"])
            .arg(tree)
            .arg(".")
            .stdout(Stdio::piped())
            .spawn()?;
        let entry = format!("ENTRYPOINT [\"{PROGRAM}\"]");
        let archive = tar.stdout.take().unwrap();
        let imported = Command::new("docker")
            .args(["import", "--change", &entry, "--change", "USER bot", "-", &self.0])
            .stdin(archive)
            .stdout(Stdio::null())
            .status()?;
        match tar.wait()?.success() && imported.success() {
            true => Ok(()),
            false => Err("the image could not be made".into()),
        }
    }

    /// The contract of the double, in this image.
    fn contract(&self) -> String {
        let image = format!("image = \"{}\"", self.0);
        drilled::plain().replace("command = \"double\"", &image) + SETTINGS
    }

    /// Its containers, each with its state.
    fn containers(&self) -> Vec<String> {
        let filter = format!("ancestor={}", self.0);
        said(&["docker", "ps", "--all", "--filter", &filter, "--format", "{{.State}}"])
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        said(&["docker", "rmi", "--force", &self.0]);
    }
}

/// The files that the dynamic linker loads for a program.
fn libraries(program: &Path) -> Result<Vec<String>, Failed> {
    let program = program.to_str().ok_or("this program's path is no text")?;
    let lines = said(&["ldd", program]);
    let path = |line: &String| {
        line.split_whitespace()
            .find(|word| word.starts_with('/'))
            .map(str::to_owned)
    };
    Ok(lines.iter().filter_map(path).collect())
}

/// The lines that a command says.
fn said(words: &[&str]) -> Vec<String> {
    let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(str::to_owned).collect()
}

fn heals(runtime: &Runtime, image: &Image) -> Result<(), Failed> {
    for trouble in TROUBLES {
        let record = runtime.block_on(drilled::drilled_by(&image.contract(), None, trouble));
        let record = record.map_err(|failure| failure.to_string())?;
        if record.verdict != Verdict::Passed {
            return Err(record.narrative().into());
        }
    }
    match image.containers().as_slice() {
        [] => Ok(()),
        left => Err(format!("containers are left: {left:?}").into()),
    }
}

fn defects_are_seen(runtime: &Runtime, image: &Image) -> Result<(), Failed> {
    for (defect, trouble, wanted) in DEFECTS {
        let record = runtime.block_on(drilled::drilled_by(&image.contract(), Some(defect), trouble));
        let record = record.map_err(|failure| failure.to_string())?;
        if red(&record) != [wanted] {
            return Err(format!("{defect}: red are {:?}:\n{}", red(&record), record.narrative()).into());
        }
    }
    Ok(())
}

/// One that is not hardened may write where no directory of ours is mounted.
fn leaves_are_seen(runtime: &Runtime, image: &Image) -> Result<(), Failed> {
    let contract = image.contract().replace("hardened = true", "hardened = false");
    let contract = contract.replace("[environment]", "[environment]\nTMPDIR = \"/var/tmp\"");
    let trouble = ("env-token-empty", Moment::AtBoot);
    let record = runtime.block_on(drilled::drilled_by(&contract, Some(Defect::DropsToken), trouble));
    let record = record.map_err(|failure| failure.to_string())?;
    let told = record.narrative();
    match red(&record) == ["no-secret-shown"] && told.contains("container/var/tmp/debug") {
        true => Ok(()),
        false => Err(told.into()),
    }
}

fn is_suspended_killed_and_removed(runtime: &Runtime, image: &Image) -> Result<(), Failed> {
    let seen = runtime.block_on(lived(image)).map_err(|error| error.to_string())?;
    let wanted = [&["running"][..], &["paused"], &["running"], &["running"], &[]];
    let seen: Vec<Vec<&str>> = seen
        .iter()
        .map(|states| states.iter().map(String::as_str).collect())
        .collect();
    match seen == wanted {
        true => Ok(()),
        false => Err(format!("its containers were {seen:?}").into()),
    }
}

/// Its containers after each of what can be done to it.
async fn lived(image: &Image) -> Result<Vec<Vec<String>>, world::Error> {
    let contract = Contract::from_toml(&image.contract()).unwrap();
    let options = WorldOptions::new("contained").on("embedded".parse().unwrap());
    let mut world = World::build(options, contract.into()).await?;
    world.start_bot(PATIENCE).await?;
    let mut seen = vec![image.containers()];
    world.bot.freeze().await?;
    seen.push(image.containers());
    world.bot.thaw().await?;
    world.bot.wait_ready(PATIENCE).await?;
    seen.push(image.containers());
    // Suspended or not, it dies, and another one takes its place.
    world.bot.freeze().await?;
    world.bot.kill().await?;
    world.start_bot(PATIENCE).await?;
    seen.push(image.containers());
    drop(world);
    seen.push(image.containers());
    Ok(seen)
}

fn absent_is_named(runtime: &Runtime) -> Result<(), Failed> {
    let name = "knockproof-test/nobody:0";
    let contract = drilled::plain().replace("command = \"double\"", &format!("image = \"{name}\""));
    let contract = Contract::from_toml(&contract).map_err(|error| error.to_string())?;
    let BotCommand::Image(image) = BotCommand::of(&contract).map_err(|error| error.to_string())? else {
        return Err("a contract with an image is no image".into());
    };
    let refused = runtime.block_on(BotImage::ensure(&image));
    let refused = refused.err().ok_or("an image is there that nobody made")?.to_string();
    match refused.contains(name) && refused.contains("is not here") {
        true => Ok(()),
        false => Err(refused.into()),
    }
}
