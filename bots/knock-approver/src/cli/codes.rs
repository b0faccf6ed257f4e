//! `codes`: beside a running bot, since the database bears several processes.

use clap::Subcommand;

use super::CliError;
use crate::{
    config::Config,
    storage::{
        Store,
        codes::{self, Kind},
    },
};

#[derive(Debug, Subcommand)]
pub(super) enum Codes {
    /// List the codes that can still be used
    List,
    /// Mint codes and print their links
    Mint {
        /// What they open
        #[arg(default_value = "knock")]
        kind: Kind,
        /// How many
        #[arg(short, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=50))]
        n: u32,
        /// Uses of each
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
        uses: u32,
        /// What they are for
        #[arg(long, default_value = "")]
        label: String,
    },
    /// End a code
    Revoke {
        /// Which
        code: String,
    },
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(super) async fn execute(config: Config, codes: Codes) -> Result<(), CliError> {
    let store = Store::open(&config.data_dir)?;
    match codes {
        Codes::List => {
            println!("CODE\tOPENS\tUSES LEFT\tLABEL");
            for code in store.run(codes::live).await? {
                println!(
                    "{}\t{}\t{}\t{}",
                    code.code,
                    code.kind.name(),
                    code.uses_remaining,
                    code.label
                );
            }
        }
        Codes::Mint { kind, n, uses, label } => {
            let path = if kind == Kind::Knock { "join" } else { "signup" };
            for _ in 0..n {
                let label = label.clone();
                let code = store.run(move |tx| codes::mint(tx, kind, uses, &label)).await?;
                println!("{}/{path}?code={}", config.public, code.code);
            }
        }
        Codes::Revoke { code } => {
            let asked = code.clone();
            if !store.run(move |tx| codes::revoke(tx, &asked)).await? {
                return Err(CliError::Failed(format!("there is no live code {code}")));
            }
        }
    }
    Ok(())
}
