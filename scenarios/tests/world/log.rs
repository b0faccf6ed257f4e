//! What the bot logs is fit to be alerted on: a healthy boot alarms nobody, and every line is short, whole and plain.

use futures_util::FutureExt;
use harness::{
    bot::Ready,
    step::{Failure, ensure},
    world::WorldOptions,
};
use scenarios::{actors::vetting, bot_build, community};
use serde_json::Value;

use libtest_mimic::Trial;

use crate::outside::{self, Outcome, Play, in_world, say};

/// In bytes: what a line may have, with the note of what was cut.
const LONGEST: usize = 1030;

/// The tests of suite `log`.
pub(crate) fn trials() -> Vec<Trial> {
    let plays: [Play; 2] = [
        ("a_healthy_bot_logs_no_alarm", || {
            healthy("text", text_level).boxed_local()
        }),
        ("a_healthy_bot_logs_no_alarm_as_json", || {
            healthy("json", json_level).boxed_local()
        }),
    ];
    outside::trials("log", None, &plays)
}

/// A first start, somebody who knocks and gets in, and another start.
async fn healthy(format: &str, level: fn(&str) -> Result<String, Failure>) -> Outcome {
    bot_build::ensure(&mut |line| say(line)).await?;
    let world = community::build(WorldOptions::from_env(format!("log_{format}"))?).await?;
    in_world(world, async |world| {
        // As operators run it.
        world.bot.unset("RUST_LOG");
        world.bot.set("LOG_FORMAT", format);
        world.start_bot(world.contract().boot()).await?;
        let (knocker, _) = vetting::register(world, "knocker").await?;
        vetting::until_challenged(world, &knocker).await?;
        world.bot.restart().await?;
        world
            .bot
            .wait_until("it to serve", world.contract().boot(), Ready::is_ok)
            .await?;
        world.bot.stop().await?;
        let log = world.bot.log_text();
        let mut seen = 0;
        for line in log.lines() {
            judge(line, &level(line)?)?;
            seen += 1;
        }
        ensure(seen > 5, || format!("there are {seen} lines"))
    })
    .await
}

fn judge(line: &str, level: &str) -> Outcome {
    ensure(matches!(level, "INFO" | "WARN"), || format!("it alarms: {line}"))?;
    ensure(level == "INFO", || format!("it warns, and all is well: {line}"))?;
    ensure(line.len() <= LONGEST, || format!("it has {} bytes: {line}", line.len()))?;
    let odd = ["M_FORBIDDEN: M_FORBIDDEN", "Some(", "Error {", "ErrorKind", "\u{1b}"];
    let odd = odd.iter().find(|odd| line.contains(**odd));
    ensure(odd.is_none(), || format!("{odd:?} is nothing for people: {line}"))
}

/// `2026-01-01T00:00:00.000000Z  INFO target: words`
fn text_level(line: &str) -> Result<String, Failure> {
    let mut words = line.split_whitespace();
    let level = words.nth(1).unwrap_or_default();
    ensure(matches!(level, "TRACE" | "DEBUG" | "INFO" | "WARN" | "ERROR"), || {
        format!("it has no level: {line}")
    })?;
    Ok(level.to_owned())
}

fn json_level(line: &str) -> Result<String, Failure> {
    let event: Value = serde_json::from_str(line).map_err(|error| Failure::new(format!("{error}: {line}")))?;
    let level = event["level"].as_str();
    level
        .map(str::to_owned)
        .ok_or_else(|| Failure::new(format!("it has no level: {line}")))
}
