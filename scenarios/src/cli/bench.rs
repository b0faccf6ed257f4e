//! `knockproof bench`.

use std::{
    fs,
    io::{Write, stderr, stdout},
};

use harness::{bot::BotCommand, names, step::Failure};

use super::{BenchArgs, Exit, drill::homeserver_named, refuse};
use crate::{
    bench::{self, Bed, Bench, Compiled, Ground, Report},
    bot_build, contract,
};

/// Runs the wished benches and shows their figures.
pub(super) async fn run(args: BenchArgs) -> Exit {
    let (bed, benches, compiled) = match prepared(&args).await {
        Ok(prepared) => prepared,
        Err(why) => return refuse(&why.to_string()),
    };
    finish(&Report::of(&bed, &benches, compiled).await, &args)
}

/// Everything that can be refused, before anything is measured.
async fn prepared(args: &BenchArgs) -> Result<(Bed, Vec<Box<dyn Bench>>, Compiled), Failure> {
    let benches = wished(&args.only)?;
    let grounds = grounds(&args.homeserver).await?;
    for ground in &grounds {
        say(&format!("homeserver: {}", ground.selection.why));
    }
    let built = bot_build::ensure_in(args.bot_profile.as_deref(), &mut say).await?;
    let (bot, profile) = match built {
        Some((profile, program)) => (BotCommand::new(program, [""; 0]), profile),
        None => given()?,
    };
    // The drills of a bench are those of `knockproof drill`, whose bot is the one beside this program.
    bot_build::ensure(&mut say).await?;
    let compiled = Compiled {
        program: bot_build::own_profile().unwrap_or_else(|| "unknown profile".to_owned()),
        bot: profile,
    };
    // Short enough to be typed again.
    let seed = args.seed.unwrap_or_else(|| rand::random_range(0..1_000_000));
    Ok((Bed::new(grounds, bot, seed, Box::new(say)), benches, compiled))
}

fn given() -> Result<(BotCommand, String), Failure> {
    let bot = BotCommand::of(&contract::knock_approver()?)?;
    let shown = bot.to_string();
    Ok((bot, shown))
}

fn wished(only: &[String]) -> Result<Vec<Box<dyn Bench>>, Failure> {
    let all = bench::all();
    let known: Vec<&str> = all.iter().map(|bench| bench.name()).collect();
    let wished = only
        .iter()
        .map(|name| names::find("bench", name, &known))
        .collect::<Result<Vec<_>, _>>()?;
    let is_wished = |bench: &dyn Bench| wished.is_empty() || wished.contains(&bench.name());
    Ok(all.into_iter().filter(|bench| is_wished(bench.as_ref())).collect())
}

async fn grounds(wished: &[String]) -> Result<Vec<Ground>, Failure> {
    if wished.is_empty() {
        return Ground::at_hand().await;
    }
    let mut grounds = Vec::new();
    for name in wished {
        let name = homeserver_named(name).map_err(Failure::new)?;
        grounds.push(Ground::of(name.parse()?).await?);
    }
    Ok(grounds)
}

/// What is being done goes beside the figures, so that these can be redirected.
fn say(line: &str) {
    // A closed terminal changes nothing of what is measured.
    let _ = writeln!(stderr(), "{line}");
}

/// The tables, the JSON, the exit code.
fn finish(report: &Report, args: &BenchArgs) -> Exit {
    let _ = write!(stdout(), "\n{}", report.text());
    if let Some(path) = &args.json {
        let written = serde_json::to_vec_pretty(report)
            .map_err(std::io::Error::from)
            .and_then(|json| fs::write(path, json));
        if let Err(error) = written {
            return refuse(&format!(
                "the figures could not be written to {}: {error}",
                path.display()
            ));
        }
    }
    let (_, missed) = report.aims();
    if report.has_failed() || (args.strict && missed > 0) {
        Exit::Failed
    } else {
        Exit::Passed
    }
}
