//! Says which homeserver a wish leads to, without starting it: `cargo run --example choose -- synapse-container`.
//!
//! With `--image` before the wish it prints what names exactly the image, whatever becomes of its tag, for `KNOCKPROOF_IMAGE`.
//!
//! An image that is not there yet is pulled. The exit code is 0 when the wish can be met and 2 when it cannot.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::{env, process::ExitCode};

use knockproof_harness::homeserver::{Choice, choose};

#[tokio::main]
async fn main() -> ExitCode {
    let mut words = env::args().skip(1).peekable();
    let image = words.next_if(|word| word == "--image").is_some();
    let wish = words.next().map_or_else(Choice::from_env, |name| name.parse());
    let selection = match wish {
        Ok(choice) => choose(&choice).await,
        Err(error) => Err(error),
    };
    match selection {
        Ok(selection) if image => {
            println!("{}", selection.exact.unwrap_or(selection.source));
            ExitCode::SUCCESS
        }
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
