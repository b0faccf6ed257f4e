//! `knock-approver doctor` on a real homeserver: it finds a whole bot well, and names what is broken with its cure.

use harness::{
    client::User,
    step::{Failure, ensure},
    world::{World, WorldOptions},
};
use scenarios::{
    bot_build,
    community::{self, InCommunity as _},
};

use libtest_mimic::Trial;

use crate::outside::{self, Outcome, Play, in_world, plays, say};

/// The tests of suite `doctor`.
pub(crate) fn trials() -> Vec<Trial> {
    let plays: [Play; 5] = plays![
        examined;
        a_whole_bot_is_well,
        a_dead_token_is_broken,
        a_room_that_it_is_not_in_is_broken,
        power_that_it_has_not_is_broken,
        a_missing_password_is_weak,
    ];
    outside::trials("doctor", None, &plays)
}

/// Plays in a world whose bot serves.
async fn examined(name: &str, play: impl AsyncFnOnce(&mut World) -> Outcome) -> Outcome {
    bot_build::ensure(&mut |line| say(line)).await?;
    in_world(community::build(WorldOptions::from_env(name)?).await?, async |world| {
        world.start_bot(world.contract().boot()).await?;
        play(world).await
    })
    .await
}

async fn a_whole_bot_is_well(world: &mut World) -> Outcome {
    let report = Report::ask(world).await?;
    report.ends_with(Some(0))?;
    report.holds("ok", "homeserver", "")?;
    let odd = report.text.lines().find(|line| !line.starts_with("ok "));
    ensure(odd.is_none(), || {
        format!("it is whole, and yet: {}", odd.unwrap_or_default())
    })
}

async fn a_dead_token_is_broken(world: &mut World) -> Outcome {
    world.bot.stop().await?;
    let localpart = world.approver().localpart().to_owned();
    world.homeserver.operator().delete_all_devices(&localpart).await?;
    let report = Report::ask(world).await?;
    report.ends_with(Some(1))?;
    report.holds("broken", "token of the approver", "cure: ")
}

async fn a_room_that_it_is_not_in_is_broken(world: &mut World) -> Outcome {
    bot_itself(world).leave(world.space()).await?;
    let report = Report::ask(world).await?;
    report.ends_with(Some(1))?;
    report.holds("broken", "space", "is not in")?;
    report.holds("broken", "space", "cure: invite @")
}

async fn power_that_it_has_not_is_broken(world: &mut World) -> Outcome {
    let mut levels = world.owner().state(world.space(), "m.room.power_levels", "").await?;
    levels["invite"] = 100.into();
    levels["users"][world.approver().user_id()] = 50.into();
    // Nobody else may take it from whoever has as much.
    bot_itself(world)
        .set_state(world.space(), "m.room.power_levels", "", &levels)
        .await?;
    let report = Report::ask(world).await?;
    report.ends_with(Some(1))?;
    report.holds("broken", "space", "may not invite (level 100)")?;
    report.holds("broken", "space", "cure: raise the power of @")
}

async fn a_missing_password_is_weak(world: &mut World) -> Outcome {
    world.approver().remove_password()?;
    let report = Report::ask(world).await?;
    report.ends_with(Some(0))?;
    report.holds(
        "weak",
        "password of the approver",
        "a token that dies cannot be replaced",
    )?;
    report.holds("weak", "password of the approver", "cure: ")
}

/// The bot's account with the bot's own token.
fn bot_itself(world: &World) -> User {
    let account = world.approver();
    let token = world.front_door.bot_token(account.user_id());
    let token = token.as_deref().unwrap_or_else(|| account.first.token());
    User::from_session(world.homeserver.base_url(), account.user_id(), "", token, "")
}

/// What the doctor said.
struct Report {
    code: Option<i32>,
    text: String,
}

impl Report {
    /// Asks it, beside the bot or in its place. No word of it may be a secret.
    async fn ask(world: &World) -> Result<Self, Failure> {
        let output = world.bot.ask(&["doctor"]).await?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        say(&text);
        say(&errors);
        let found = world.secrets().found_in(&format!("{text}{errors}"));
        ensure(found.is_empty(), || format!("it shows {}", found.join(", ")))?;
        Ok(Self {
            code: output.status.code(),
            text,
        })
    }

    fn ends_with(&self, code: Option<i32>) -> Outcome {
        ensure(self.code == code, || {
            format!("it ended with {:?}, not {code:?}:\n{}", self.code, self.text)
        })
    }

    /// A line on `what` has this standing and these words.
    fn holds(&self, standing: &str, what: &str, words: &str) -> Outcome {
        let mut lines = self.text.lines();
        let found = lines.any(|line| {
            let said = line.strip_prefix(standing).map(str::trim_start);
            said.and_then(|said| said.strip_prefix(what))
                .is_some_and(|seen| seen.contains(words))
        });
        ensure(found, || {
            format!("no line says that {what:?} is {standing} ({words:?}):\n{}", self.text)
        })
    }
}
