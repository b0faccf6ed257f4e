//! `knockproof up`.

use std::io::{self, Write, stdout};

use harness::{
    homeserver::{Choice, choose},
    step::Failure,
    world::{Verdict, World, WorldOptions},
};

use super::{Exit, Signal, UpArgs, drill::homeserver_named, refuse};
use crate::{
    bot_build,
    community::{self, InCommunity as _},
};

/// Builds a world, says how to use it, keeps it until `over`, and removes it.
pub(super) async fn run(args: UpArgs, over: impl Future<Output = Signal>) -> Exit {
    let mut over = std::pin::pin!(over);
    let world = tokio::select! {
        built = build(&args) => built,
        // What is half built is dropped here, and with it everything it has started.
        _ = &mut over => return Exit::Passed,
    };
    let world = match world {
        Ok(world) => world,
        Err(failure) => return refuse(&failure.to_string()),
    };
    // A closed terminal does not end the world; Ctrl-C does.
    let _ = describe(&world, &mut stdout());
    over.await;
    match world.finish(Verdict::Passed).await {
        Ok(_) => Exit::Passed,
        Err(error) => refuse(&format!("the world could not be removed: {error}")),
    }
}

async fn build(args: &UpArgs) -> Result<World, Failure> {
    let mut out = stdout();
    let mut say = |line: &str| {
        let _ = writeln!(out, "{line}");
    };
    let choice: Choice = homeserver_named(&args.homeserver).map_err(Failure::new)?.parse()?;
    say(&format!("homeserver: {}", choose(&choice).await?.why));
    bot_build::ensure(&mut say).await?;
    let seed = args.seed.unwrap_or_else(|| rand::random_range(0..1_000_000));
    say(&format!("a community is built, seed {seed} …"));
    let mut options = WorldOptions::new("up").on(choice).seeded(seed);
    options.replay = Some(format!(
        "cargo knockproof up --homeserver {} --seed {seed}",
        args.homeserver
    ));
    let mut world = community::build(options).await?;
    world.start_bot(world.contract().boot()).await?;
    Ok(world)
}

/// Everything needed to use the world and to break it by hand.
fn describe(world: &World, out: &mut impl Write) -> io::Result<()> {
    let url = |url: &url::Url| url.as_str().trim_end_matches('/').to_owned();
    let door = url(world.front_door.url());
    let (bot, homeserver) = (url(world.bot.url()), url(world.homeserver.base_url()));
    let owner = world.owner();
    let approver = world.approver();
    writeln!(
        out,
        "\nfront door   {door}   (for Matrix clients too)\nhomeserver   {homeserver}\nbot          {bot}/ready"
    )?;
    writeln!(
        out,
        "space        {}\ncommands in  {}",
        world.space(),
        world.admin_room()
    )?;
    writeln!(
        out,
        "\nusers        {} with password {}",
        owner.user_id(),
        owner.password()
    )?;
    writeln!(
        out,
        "             {} (the bot) with password {}",
        approver.user_id(),
        approver.password()
    )?;
    writeln!(
        out,
        "codes        {} to knock with, {} to sign up with",
        world.knock_code(),
        world.signup_code()
    )?;
    how_to_use(world, &door, out)?;
    how_to_break(world, &door, out)?;
    writeln!(out, "watch it\n  tail -f {}", world.bot.log().display())?;
    writeln!(out, "\nCtrl-C ends it and removes everything.")
}

fn how_to_use(world: &World, door: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\nuse it")?;
    writeln!(
        out,
        "  curl {door}/signup/api -d '{{\"code\":\"{}\",\"username\":\"anna\",\"password\":\"a long password\"}}'",
        world.signup_code()
    )?;
    writeln!(
        out,
        "  curl {door}/join/api -d '{{\"code\":\"{}\"}}'",
        world.knock_code()
    )
}

fn how_to_break(world: &World, door: &str, out: &mut impl Write) -> io::Result<()> {
    let approver = world.approver();
    writeln!(out, "break it")?;
    if let Some(pid) = world.bot.pid() {
        writeln!(
            out,
            "  kill -STOP {pid}; kill -CONT {pid}    # the bot hangs, and wakes"
        )?;
    }
    writeln!(
        out,
        "  T=$(curl -s {door}/_matrix/client/v3/login -d '{{\"type\":\"m.login.password\",\"identifier\":{{\"type\":\"m.id.user\",\
         \"user\":\"{}\"}},\"password\":\"{}\"}}' | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')",
        approver.localpart(),
        approver.password()
    )?;
    writeln!(
        out,
        "  curl -X POST -H \"Authorization: Bearer $T\" {door}/_matrix/client/v3/logout/all    # no session of the bot lives"
    )?;
    writeln!(
        out,
        "  echo wrong > {}    # the password file",
        approver.password_file().unwrap_or_default().display()
    )
}
