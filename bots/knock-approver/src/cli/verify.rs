//! `verify`: the emoji of those who verify the running bot, and what a person says to them. Over the database, as `codes` does.

use std::time::Duration;

use clap::Args;
use tokio::time::{interval, timeout};

use super::CliError;
use crate::{
    config::Config,
    storage::{
        Store, StoreError,
        verification::{self, Said},
    },
    verification::{shown, taken},
};

/// How long the other side is waited for after a person's word.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked what the running bot has written.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Say that the app shows the same emoji; with several under way, of which
    #[arg(long, value_name = "NUMBER", num_args = 0..=1, conflicts_with = "deny")]
    confirm: Option<Option<i64>>,
    /// Say that it shows others, which ends the verification
    #[arg(long, value_name = "NUMBER", num_args = 0..=1)]
    deny: Option<Option<i64>>,
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(super) async fn execute(config: Config, verify: Verify) -> Result<(), CliError> {
    let store = Store::open(&config.data_dir)?;
    let (id, same) = match (verify.confirm, verify.deny) {
        (Some(id), _) => (id, true),
        (None, Some(id)) => (id, false),
        (None, None) => {
            print!("{}", look(&store).await?);
            return Ok(());
        }
    };
    let said = store.run(move |tx| verification::say(tx, id, same)).await?;
    let text = taken(&said, same);
    let Said::Of(one) = said else {
        return Err(CliError::Failed(text));
    };
    println!("{text}");
    match timeout(PATIENCE, ended(&store, one.id)).await {
        Ok(how) => println!("{}: {}", one.id, how?),
        Err(_) => println!(
            "{}: the app has not said the same yet; `knock-approver verify` tells",
            one.id
        ),
    }
    Ok(())
}

async fn look(store: &Store) -> Result<String, StoreError> {
    let (open, last) = store
        .run(|tx| Ok::<_, StoreError>((verification::open(tx)?, verification::last(tx)?)))
        .await?;
    let how = |id| {
        format!(
            "does the app show the same? `knock-approver verify --confirm {id}`, or `knock-approver verify --deny {id}`"
        )
    };
    Ok(shown(&open, last.as_ref(), how))
}

/// Waits until a verification is over; answers how it ended.
async fn ended(store: &Store, id: i64) -> Result<String, StoreError> {
    let mut tick = interval(LOOK);
    loop {
        tick.tick().await;
        let one = store.run(move |tx| verification::by_id(tx, id)).await?;
        if let Some(how) = one.and_then(|one| one.ended) {
            return Ok(how);
        }
    }
}
