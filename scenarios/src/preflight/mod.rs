//! Everything that can be found wrong before the first drill, and is found once: a homeserver that is not there, does not come up or is
//! another one than was wished for, a bot that cannot be run.
//!
//! What is found here says nothing about the bot. It ends a run before it begins, with a verdict of its own: it could not run.

use std::{collections::BTreeMap, time::Duration};

use harness::{
    artifacts::Artifacts,
    bot::{self, BotCommand},
    contract::Contract,
    homeserver::{self, Choice, Options, Selection},
    plan::Drill,
    secrets::Secrets,
};
use tokio::time::timeout;

use crate::bot_build::{self, BuildError, NotRunnable};

/// How long a homeserver may take until it answers for the first time.
const ANSWER: Duration = Duration::from_secs(60);
/// How long all of a probe may take: the start, the operator's account, the end.
const PROBE: Duration = Duration::from_secs(90);

/// Why nothing can be run.
#[derive(Debug, thiserror::Error)]
pub enum CouldNotRun {
    /// A homeserver.
    #[error(transparent)]
    Homeserver(#[from] homeserver::Error),
    /// A homeserver that neither came up nor said what is wrong.
    #[error("{what} was not up within {waited:?}; its log is in {folder}")]
    Silent {
        /// What was started.
        what: String,
        /// How long it was waited for.
        waited: Duration,
        /// Where its log is.
        folder: String,
    },
    /// The folder for what a probe leaves.
    #[error("no folder can be made for logs: {0}; name another place with KNOCKPROOF_ARTIFACTS")]
    Artifacts(#[source] std::io::Error),
    /// The bot is not built and cannot be.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// There is no bot, or no image of it.
    #[error(transparent)]
    NoBot(#[from] bot::Error),
    /// The bot's command is no program.
    #[error("the bot cannot be run: {0}")]
    Bot(#[from] NotRunnable),
}

/// Decides for every homeserver that the drills wish for what is started: a wish that cannot be met ends the run.
///
/// # Errors
/// [`CouldNotRun`], with what is missing and how to get it.
pub async fn selections(drills: &[Drill]) -> Result<BTreeMap<String, Selection>, CouldNotRun> {
    let mut selections = BTreeMap::new();
    for drill in drills {
        if selections.contains_key(&drill.homeserver) {
            continue;
        }
        let choice: Choice = drill.homeserver.parse()?;
        let selection = homeserver::choose(&choice).await?;
        selections.insert(drill.homeserver.clone(), selection);
    }
    Ok(selections)
}

/// Starts a homeserver once and ends it again, so that one that never answers costs a single wait. Its log stays if it does not come up.
///
/// # Errors
/// [`CouldNotRun`], with the end of its log.
pub async fn probe(selection: &Selection) -> Result<(), CouldNotRun> {
    let what = format!("{} ({})", selection.flavor, selection.driver);
    let name = format!("probe-{}-{}", selection.flavor, selection.driver);
    let artifacts = Artifacts::for_test(&name, Secrets::default()).map_err(CouldNotRun::Artifacts)?;
    let mut options = Options::new(Choice::Exactly(selection.flavor, selection.driver), artifacts.folder());
    options.start_deadline = ANSWER;
    let started = timeout(PROBE, async {
        homeserver::start(options).await?.homeserver.stop().await
    });
    match started.await {
        Ok(started) => started?,
        Err(_) => {
            return Err(CouldNotRun::Silent {
                what,
                waited: PROBE,
                folder: artifacts.folder().display().to_string(),
            });
        }
    }
    artifacts.finish(true).map_err(CouldNotRun::Artifacts)?;
    Ok(())
}

/// Makes sure that the bot of a contract can be run, and that it is built where it is ours.
///
/// # Errors
/// [`CouldNotRun`], with what is in the way.
pub async fn bot(contract: &Contract, is_ours: bool, say: &mut dyn FnMut(&str)) -> Result<(), CouldNotRun> {
    if is_ours {
        bot_build::ensure(say).await?;
    }
    match &BotCommand::of(contract)? {
        BotCommand::Image(image) => image.ensure().await?,
        program => bot_build::runnable(program)?,
    }
    Ok(())
}
