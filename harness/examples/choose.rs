//! Says which homeserver a wish leads to, without starting it: `cargo run --example choose -- synapse-container`.
//!
//! An image that is not there yet is pulled. The exit code is 0 when the wish can be met and 2 when it cannot.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::{env, process::ExitCode};

use harness::homeserver::{Choice, choose};

#[tokio::main]
async fn main() -> ExitCode {
    let wish = env::args().nth(1).map_or_else(Choice::from_env, |name| name.parse());
    let selection = match wish {
        Ok(choice) => choose(&choice).await,
        Err(error) => Err(error),
    };
    match selection {
        Ok(selection) => {
            println!("{}", selection.why);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
