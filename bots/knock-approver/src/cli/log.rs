//! What the bot writes down of its doings: one line an event, none of them too long to be read.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter, util::SubscriberInitExt};

use super::CliError;
use crate::config::LogFormat;

/// What is logged unless `RUST_LOG` says otherwise. The SDK's HTTP client is off: it calls errors what is none, such as the 404 of an
/// account datum that nobody has set.
const FILTER: &str = "info,matrix_sdk=warn,matrix_sdk_base=warn,matrix_sdk_crypto=warn,matrix_sdk_sqlite=warn,\
                      matrix_sdk::http_client=off,hyper=warn,reqwest=warn";
/// In bytes. What is longer is cut, with a sign of it.
const LONGEST: usize = 1000;

/// Writes to standard output.
pub(super) fn begin(format: LogFormat) -> Result<(), CliError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(FILTER));
    let log = tracing_subscriber::fmt().with_env_filter(filter);
    let begun = match format {
        LogFormat::Text => log
            .with_ansi(io::stdout().is_terminal())
            .with_writer(Lines)
            .finish()
            .try_init(),
        LogFormat::Json => log.json().flatten_event(true).finish().try_init(),
    };
    begun.map_err(|error| CliError::Failed(format!("cannot write a log: {error}")))
}

/// Makes one bounded line of each event.
struct Lines;

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line
    }
}

struct Line;

impl Write for Line {
    /// The subscriber writes an event as a whole.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        io::stdout()
            .lock()
            .write_all(line(&String::from_utf8_lossy(event)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

fn line(event: &str) -> String {
    let event = event.trim_end();
    let end = event.floor_char_boundary(LONGEST);
    let (shown, rest) = event.split_at(end);
    // What others sent may hold breaks: whoever reads a log line by line must not take a part of one for another.
    let shown = shown.replace(['\n', '\r'], "\u{23ce}");
    match rest.len() {
        0 => format!("{shown}\n"),
        cut => format!("{shown}… ({cut} bytes more)\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_of_bounded_length() {
        assert_eq!(line("a short one\n"), "a short one\n");
        assert_eq!(line("forged\n2026 ERROR\r\n"), "forged\u{23ce}2026 ERROR\n");
        let long = line(&"ü".repeat(2000));
        assert!(
            long.len() < LONGEST + 30 && long.ends_with("… (3000 bytes more)\n"),
            "{long}"
        );
    }
}
