//! What the bot writes down of its doings: one line an event, none of them too long to be read.
//!
//! | level | means |
//! |---|---|
//! | `ERROR` | somebody has to look: something is broken, or the bot cannot go on by itself |
//! | `WARN` | something failed or is weaker, and the bot deals with it; what a person could do is said with it |
//! | `INFO` | what happened |

use std::{
    io::{self, IsTerminal, Write},
    panic::{self, PanicHookInfo},
};

use serde_json::{Map, Value};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter, util::SubscriberInitExt};

use super::CliError;
use crate::config::LogFormat;

/// What is logged unless `RUST_LOG` says otherwise. Three parts of the SDK are quiet, which alarm where all is well: its HTTP client (the
/// 404 of an account datum that nobody has set), its view of the own device before that has published its keys, and its backup before
/// there is one. The bot looks after all of these itself, and says what it finds.
const FILTER: &str = "info,matrix_sdk=warn,matrix_sdk_base=warn,matrix_sdk_crypto=warn,matrix_sdk_sqlite=warn,\
                      matrix_sdk::http_client=off,matrix_sdk_crypto::identities::manager=error,\
                      matrix_sdk_crypto::backups=error,hyper=warn,reqwest=warn,rusqlite_migration=warn";
/// In bytes. What is longer is cut, with a sign of it.
const LONGEST: usize = 1000;
/// In bytes, of one value of an object that is too long as a whole.
const LONGEST_VALUE: usize = 200;
/// What is left of an object that is still too long.
const LEAST: [&str; 4] = ["timestamp", "level", "target", "message"];

/// Writes to standard output.
pub(super) fn begin(format: LogFormat) -> Result<(), CliError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(FILTER));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Lines(format));
    let begun = match format {
        LogFormat::Text => log.with_ansi(io::stdout().is_terminal()).finish().try_init(),
        LogFormat::Json => log.json().flatten_event(true).finish().try_init(),
    };
    begun.map_err(|error| CliError::Failed(format!("cannot write a log: {error}")))?;
    panic::set_hook(Box::new(tell_panic));
    Ok(())
}

/// One line as any other, where Rust would write several.
fn tell_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(String::new, ToString::to_string);
    let words = panic.payload_as_str().unwrap_or("it does not say why");
    tracing::error!("panicked at {place}: {words}");
}

/// Makes one bounded line of each event.
struct Lines(LogFormat);

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(self.0)
    }
}

struct Line(LogFormat);

impl Write for Line {
    /// The subscriber writes an event as a whole.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = match self.0 {
            LogFormat::Text => line(&text),
            LogFormat::Json => object(&text),
        };
        io::stdout().lock().write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

fn line(event: &str) -> String {
    // What others sent may hold breaks: whoever reads a log line by line must not take a part of one for another.
    let shown = cut(event.trim_end(), LONGEST).replace(['\n', '\r'], "\u{23ce}");
    format!("{shown}\n")
}

/// A JSON object stays one, whatever is cut of it.
fn object(event: &str) -> String {
    let event = event.trim_end();
    let long = match serde_json::from_str::<Map<String, Value>>(event) {
        Ok(whole) if event.len() > LONGEST => whole,
        // It has no breaks: JSON writes them as letters.
        _ => return line(event),
    };
    let short = |value: Value| match value {
        Value::String(text) => Value::String(cut(&text, LONGEST_VALUE)),
        Value::Array(_) | Value::Object(_) => Value::String(cut(&value.to_string(), LONGEST_VALUE)),
        value => value,
    };
    let mut object: Map<String, Value> = long.into_iter().map(|(key, value)| (key, short(value))).collect();
    if Value::Object(object.clone()).to_string().len() > LONGEST {
        object.retain(|key, _| LEAST.contains(&key.as_str()));
        object.insert("left_out".to_owned(), Value::Bool(true));
    }
    format!("{}\n", Value::Object(object))
}

fn cut(text: &str, longest: usize) -> String {
    let (shown, rest) = text.split_at(text.floor_char_boundary(longest));
    match rest.len() {
        0 => shown.to_owned(),
        bytes => format!("{shown}… ({bytes} bytes more)"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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

    #[test]
    fn an_object_stays_one_and_tells_the_most_important() {
        let short = "{\"level\":\"INFO\",\"message\":\"a\\nb\"}\n";
        assert_eq!(object(short), short);
        let one_long = json!({ "level": "WARN", "message": "m", "error": "ü".repeat(2000), "n": 7 }).to_string();
        let many_long: Map<String, Value> = (0..100).map(|n| (format!("key{n}"), "x".repeat(100).into())).collect();
        let mut many_long = Value::Object(many_long);
        many_long["level"] = json!("ERROR");
        many_long["message"] = json!("m".repeat(5000));
        for (long, level, kept) in [(one_long, "WARN", "n"), (many_long.to_string(), "ERROR", "left_out")] {
            let line = object(&long);
            assert!(line.len() <= LONGEST && line.ends_with("}\n"), "{line}");
            let read: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(read["level"], level);
            assert!(read["message"].is_string() && !read[kept].is_null(), "{line}");
        }
    }
}
