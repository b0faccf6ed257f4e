//! `knockproof up --json`: a world for the tests of others.

use std::{
    io::{Write, stdout},
    path::Path,
    sync::Arc,
};

use harness::{
    bot::BotCommand,
    client::User,
    contract::Contract,
    homeserver::Choice,
    step::Failure,
    world::{Verdict, World, WorldOptions},
};
use serde_json::{Value, json};

use super::{Exit, Signal, UpArgs, drill::homeserver_named, refuse};

/// The name and the version of what is printed.
const SCHEMA: &str = "knockproof.world";
const VERSION: u32 = 1;

/// The bot of a test that has no contract: it is given what most are.
const ANY: &str = r#"
name = "bot"
command = "bot"
ready = "ping"
ping.plain = { say = "!ping", expect = "pong" }

[environment]
HOMESERVER = "{homeserver}"
USER_ID = "{user_id}"
ACCESS_TOKEN = "{token}"
DEVICE_ID = "{device_id}"
PASSWORD = "{password}"
DATA = "{data}"
ROOM = "{room}"
ENCRYPTED_ROOM = "{encrypted_room}"

[[identities]]
name = "bot"
localpart = "bot"

[capabilities]
password_login = true
encryption = true
"#;

/// Builds a world, prints it as one line, keeps it until standard input ends or `over`, and removes it.
pub(super) async fn run(args: &UpArgs, over: impl Future<Output = Signal>) -> Exit {
    let mut over = std::pin::pin!(over);
    let world = tokio::select! {
        built = build(args) => built,
        // What is half built is dropped here, and with it everything it has started.
        _ = &mut over => return Exit::Passed,
    };
    let world = match world {
        Ok(world) => world,
        Err(failure) => return refuse(&failure.to_string()),
    };
    // Whoever does not read it has ended already, and standard input with it.
    let _ = writeln!(stdout(), "{}", told(&world)).and_then(|()| stdout().flush());
    tokio::select! {
        () = input_ends() => {}
        _ = &mut over => {}
    }
    match world.finish(Verdict::Passed).await {
        Ok(_) => Exit::Passed,
        Err(error) => refuse(&format!("the world could not be removed: {error}")),
    }
}

async fn input_ends() {
    // What cannot be read says no more.
    let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await;
}

async fn build(args: &UpArgs) -> Result<World, Failure> {
    let choice: Choice = homeserver_named(&args.homeserver).map_err(Failure::new)?.parse()?;
    let seed = args.seed.unwrap_or_else(|| rand::random_range(0..1_000_000));
    let options = WorldOptions::new("up").on(choice).seeded(seed);
    let contract = contract(args.contract.as_deref())?;
    let command = match args.start {
        true => BotCommand::of(&contract)?,
        // Whoever tests starts what is tested.
        false => BotCommand::new("true", [""; 0]),
    };
    let boot = contract.boot();
    let mut world = World::build_with(options, Arc::new(contract), command).await?;
    if args.start {
        world.start_bot(boot).await?;
    }
    Ok(world)
}

fn contract(file: Option<&Path>) -> Result<Contract, Failure> {
    let said = |file: &Path, error: &harness::contract::Error| Failure::new(format!("{}: {error}", file.display()));
    match file {
        Some(file) => Contract::read(file).map_err(|error| said(file, &error)),
        None => Ok(Contract::from_toml(ANY)?),
    }
}

/// Everything that a test needs. Its secrets are those of a world that ends with it.
fn told(world: &World) -> Value {
    let url = |url: &url::Url| url.as_str().trim_end_matches('/').to_owned();
    let account = |name: &str, user: &User| {
        json!({
            "name": name, "user_id": user.user_id(), "device_id": user.device_id(), "access_token": user.token(),
            "password": user.password(),
        })
    };
    let bots = world.accounts.iter().map(|bot| account(bot.name(), &bot.first));
    let accounts: Vec<Value> = [account("owner", world.owner())].into_iter().chain(bots).collect();
    let rooms = world.rooms();
    let environment: serde_json::Map<String, Value> = world
        .bot
        .env()
        .iter()
        .map(|(name, value)| (name.clone(), value.clone().into()))
        .collect();
    json!({
        "schema": SCHEMA, "version": VERSION, "seed": world.seed(), "took": world.selection.why,
        "homeserver": url(world.front_door.url()), "server_name": world.homeserver.server_name(),
        "registration_token": world.homeserver.registration_token(),
        "accounts": accounts,
        "rooms": { "plain": rooms.plain, "encrypted": rooms.encrypted, "quiet": rooms.quiet },
        "environment": environment, "data": world.bot.data_dir(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_without_a_contract_has_one_that_is_sound() {
        let contract = contract(None).unwrap();
        assert!(contract.environment.contains_key("ACCESS_TOKEN"));
        let missing = contract_error("/nowhere/bot.toml");
        assert!(missing.contains("/nowhere/bot.toml"), "{missing}");
    }

    fn contract_error(file: &str) -> String {
        contract(Some(Path::new(file))).unwrap_err().to_string()
    }
}
