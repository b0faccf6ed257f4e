//! What admins say in the command room.

use std::borrow::Cow;

use matrix_sdk::ruma::{OwnedEventId, OwnedUserId};
use rusqlite::Transaction;
use serde_json::json;

use super::Flows;
use crate::{
    config::{Config, Role},
    health::{Health, Snapshot},
    lanes::WorkError,
    storage::{
        StoreError, audit,
        codes::{self, Kind},
        queue::{self, Entry, Queue},
        verification,
    },
    team::may_command,
    verification::{shown, taken},
    words,
    work::{self, Effect},
};

const HELP: &str = "\
!mint [knock|signup] [-n N] [--uses U] [label] – make N codes (1–50) of U uses each (1–1000)
!codes – the codes that can still be used
!revoke CODE – end a code
!health – how the bot is
!verify [yes|no [NUMBER]] – the emoji of those who verify the bot from their app, and whether they are the same there
!help – this";

/// So many codes are listed in one message.
const CODES: usize = 50;
/// So many bytes of them, well within what an event may have.
const CODES_BYTES: usize = 16 * 1024;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Command {
    Mint {
        kind: Kind,
        count: u32,
        uses: u32,
        label: String,
    },
    Codes,
    Revoke(String),
    Health,
    /// Show what is compared, or take a word on it: whether it is the same, and in which verification.
    Verify(Option<(bool, Option<i64>)>),
    Help,
}

/// Reads a command: `None` if it is none of ours, an error if it is one said wrongly.
fn parse(body: &str) -> Option<Result<Command, String>> {
    let mut words = body.split_whitespace();
    let command = match words.next()? {
        "!mint" => return Some(parse_mint(words)),
        "!codes" => Command::Codes,
        "!revoke" => {
            let code = words.next().ok_or_else(|| "say which: !revoke CODE".to_owned());
            return Some(code.map(|code| Command::Revoke(code.to_owned())));
        }
        "!health" => Command::Health,
        "!verify" => return Some(parse_verify(words)),
        "!help" => Command::Help,
        _ => return None,
    };
    Some(Ok(command))
}

fn parse_verify<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<Command, String> {
    let wrong = || "say !verify, !verify yes or !verify no, with the number where there are several".to_owned();
    let same = match words.next() {
        None => return Ok(Command::Verify(None)),
        Some("yes") => true,
        Some("no") => false,
        Some(_) => return Err(wrong()),
    };
    let id = words.next().map(|id| id.parse().map_err(|_| wrong())).transpose()?;
    Ok(Command::Verify(Some((same, id))))
}

fn parse_mint<'a>(words: impl Iterator<Item = &'a str>) -> Result<Command, String> {
    let (mut kind, mut count, mut uses) = (Kind::Knock, 1, 1);
    let mut label = Vec::new();
    let mut words = words.map(typed).peekable();
    match words.peek().map(AsRef::as_ref) {
        Some("knock") => drop(words.next()),
        Some("signup") => {
            kind = Kind::Signup;
            words.next();
        }
        _ => {}
    }
    let number = |name: &str, word: Option<Cow<'_, str>>, most: u32| {
        let number = word.and_then(|word| word.parse().ok());
        number
            .filter(|number| (1..=most).contains(number))
            .ok_or_else(|| format!("{name} takes a number from 1 to {most}"))
    };
    while let Some(word) = words.next() {
        match &*word {
            "-n" => count = number("-n", words.next(), 50)?,
            "--uses" => uses = number("--uses", words.next(), 1000)?,
            flag if flag.starts_with("--") => return Err(format!("{flag} is not known; see !help")),
            _ => label.push(word),
        }
    }
    let label = words::name(&label.join(" "));
    Ok(Command::Mint {
        kind,
        count,
        uses,
        label,
    })
}

/// A word as it was typed: some keyboards make one dash of two, and a longer one of a short one.
fn typed(word: &str) -> Cow<'_, str> {
    let name = word.strip_prefix(['\u{2013}', '\u{2014}', '\u{2212}']);
    match name.filter(|name| name.starts_with(|letter: char| letter.is_ascii_alphabetic())) {
        Some("n") => Cow::Borrowed("-n"),
        Some(name) => Cow::Owned(format!("--{name}")),
        None => Cow::Borrowed(word),
    }
}

/// What `!health` says: the same as `/ready`, for reading.
fn health_text(snapshot: &Snapshot) -> String {
    let lines = snapshot.iter().map(|(role, health)| {
        let state = match health.state {
            Health::Ok => "ok",
            Health::Healing => "healing",
            Health::NeedsOperator => "needs_operator",
        };
        let mut line = format!("{role}: {state} – {}", health.why);
        if let Some(step) = &health.next_step {
            line.push_str(&format!("\n  next step: {step}"));
        }
        for weaker in &health.degraded {
            line.push_str(&format!("\n  weaker: {} – {}", weaker.what, weaker.cure));
        }
        line
    });
    lines.collect::<Vec<_>>().join("\n")
}

impl Flows {
    pub(super) async fn command(
        &self,
        entry: Entry,
        event: OwnedEventId,
        sender: OwnedUserId,
        body: String,
    ) -> Result<(), WorkError> {
        let Some(command) = parse(&body) else {
            return self.drop_row(&entry).await;
        };
        let flow = &self.config.flow;
        let allowed = may_command(&self.config, &*self.homeserver, &sender).await?;
        let refused = format!("sorry, commands need power level {} in this room", flow.admin_power);
        let health = health_text(&self.board.snapshot());
        let config = self.config.clone();
        self.store
            .run(move |tx| {
                if !queue::done(tx, Queue::Inbox, entry.id)? {
                    return Ok(());
                }
                let reply = match (allowed, command) {
                    (false, _) => refused,
                    (true, Err(problem)) => problem,
                    (true, Ok(Command::Health)) => health,
                    (true, Ok(command)) => reply(tx, &config, command)?,
                };
                let word = words::name(body.split_whitespace().next().unwrap_or_default());
                audit::write(
                    tx,
                    "command",
                    &json!({ "mxid": sender, "command": word, "allowed": allowed }),
                )?;
                let room = &config.flow.command_room;
                let effect = Effect::Message {
                    room: room.clone(),
                    body: reply,
                    plain: false,
                    since: None,
                };
                work::put(tx, Role::Approver, room.as_str(), &format!("command:{event}"), effect)?;
                Ok::<_, StoreError>(())
            })
            .await?;
        self.metrics
            .count("commands", if allowed { "answered" } else { "refused" });
        Ok(())
    }
}

/// Does what a command asks for; answers what is said to it.
fn reply(tx: &Transaction<'_>, config: &Config, command: Command) -> Result<String, StoreError> {
    Ok(match command {
        Command::Help | Command::Health => HELP.to_owned(),
        Command::Codes => list(&codes::live(tx)?),
        Command::Revoke(code) => match codes::revoke(tx, &code)? {
            true => format!("revoked {}", words::name(&code)),
            false => format!("there is no live code {}", words::name(&code)),
        },
        Command::Mint {
            kind,
            count,
            uses,
            label,
        } => {
            let path = if kind == Kind::Knock { "join" } else { "signup" };
            let mut lines = Vec::new();
            for _ in 0..count {
                let code = codes::mint(tx, kind, uses, &label)?.code;
                lines.push(format!("{}/{path}?code={code}", config.public));
            }
            let plural = if uses == 1 { "" } else { "s" };
            lines.push(format!("{} · {uses} use{plural} each · {label}", kind.name()));
            lines.join("\n")
        }
        Command::Verify(None) => {
            let how = |id| {
                format!(
                    "does your app show the same? !verify yes {id}, or !verify no {id} (what a homeserver that lies could show here, it \
                     cannot in a terminal: knock-approver verify)"
                )
            };
            let text = shown(&verification::open(tx)?, verification::last(tx)?.as_ref(), how);
            text.trim_end().to_owned()
        }
        Command::Verify(Some((same, id))) => taken(&verification::say(tx, id, same)?, same),
    })
}

fn list(codes: &[codes::Code]) -> String {
    if codes.is_empty() {
        return "no live codes".to_owned();
    }
    let line = |code: &codes::Code| {
        let uses = if code.uses_remaining == 1 { "use" } else { "uses" };
        format!(
            "{} · {} · {} {uses} left · {}",
            code.code,
            code.kind.name(),
            code.uses_remaining,
            words::name(&code.label)
        )
    };
    let mut lines: Vec<String> = codes.iter().take(CODES).map(line).collect();
    while lines.len() > 1 && lines.iter().map(String::len).sum::<usize>() > CODES_BYTES {
        lines.pop();
    }
    match codes.len() - lines.len() {
        0 => {}
        more => lines.push(format!("and {more} more: knock-approver codes list")),
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn mint(kind: Kind, count: u32, uses: u32, label: &str) -> Option<Result<Command, String>> {
        let label = label.to_owned();
        Some(Ok(Command::Mint {
            kind,
            count,
            uses,
            label,
        }))
    }

    #[rstest]
    #[case("!mint", mint(Kind::Knock, 1, 1, ""))]
    #[case("!mint friends of alice", mint(Kind::Knock, 1, 1, "friends of alice"))]
    #[case("!mint signup -n 50 --uses 1000 big day", mint(Kind::Signup, 50, 1000, "big day"))]
    #[case("!mint --uses 3 LABEL", mint(Kind::Knock, 1, 3, "LABEL"))]
    #[case::typeset(
        "!mint signup \u{2013}n 2 \u{2014}uses 3 friends",
        mint(Kind::Signup, 2, 3, "friends")
    )]
    #[case::a_dash_between(
        "!mint friends \u{2014} and more",
        mint(Kind::Knock, 1, 1, "friends \u{2014} and more")
    )]
    #[case("!mint knock LABEL -n 2", mint(Kind::Knock, 2, 1, "LABEL"))]
    #[case("!codes", Some(Ok(Command::Codes)))]
    #[case("!revoke abc", Some(Ok(Command::Revoke("abc".to_owned()))))]
    #[case("!help me", Some(Ok(Command::Help)))]
    #[case("!health", Some(Ok(Command::Health)))]
    #[case("!verify", Some(Ok(Command::Verify(None))))]
    #[case("!verify yes", Some(Ok(Command::Verify(Some((true, None))))))]
    #[case("!verify no 3", Some(Ok(Command::Verify(Some((false, Some(3)))))))]
    #[case("!admin users list", None)]
    #[case("hello", None)]
    #[case("", None)]
    fn commands_are_read(#[case] body: &str, #[case] command: Option<Result<Command, String>>) {
        assert_eq!(parse(body), command);
    }

    #[rstest]
    #[case::few(3, 6, 3)]
    #[case::as_many(50, 6, 50)]
    #[case::many(2_000, 6, 50)]
    #[case::long_ones(60, 2_000, 7)]
    #[case::longer_than_any_message(2, 100_000, 1)]
    fn the_list_of_codes_is_bounded(#[case] count: usize, #[case] length: usize, #[case] shown: usize) {
        let code = |number: usize| codes::Code {
            code: format!("{number}-{}", "c".repeat(length)),
            kind: Kind::Knock,
            label: "l".repeat(100_000),
            inviter: None,
            uses_remaining: 2,
        };
        let codes: Vec<_> = (0..count).map(code).collect();
        let list = list(&codes);
        let listed = list.lines().filter(|line| line.contains("2 uses left")).count();
        assert!(list.len() < 20_000 || shown == 1, "{}", list.len());
        assert_eq!(listed, shown);
        let more = format!("and {} more: knock-approver codes list", count - shown);
        assert_eq!(list.ends_with(&more), shown < count);
    }

    #[rstest]
    #[case("!mint -n 51")]
    #[case("!mint -n 0")]
    #[case("!mint -n")]
    #[case("!mint --uses 1001")]
    #[case("!mint --uses many")]
    #[case("!mint --use 3")]
    #[case("!revoke")]
    #[case("!verify maybe")]
    #[case("!verify yes please")]
    fn a_command_said_wrongly_is_answered_with_what_is_right(#[case] body: &str) {
        assert!(matches!(parse(body), Some(Err(_))));
    }
}
