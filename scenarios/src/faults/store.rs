//! What the bot keeps is lost, and it has to say how that weakens it.

use std::fs;

use harness::{
    bot::Ready,
    fault::{Expectation, Fault, Fired, Moment, NewDevice, Reach, Result, acts as shared},
    front_door::{Action, Matcher},
    world::World,
};

use super::acts;
const MOMENTS: &[Moment] = &[Moment::AtBoot];

/// What the bot notes while it works on a device whose keys it has lost.
const DEAF: &[&str] = &["encrypted messages may not reach"];

fn expectation() -> Expectation {
    Expectation::one_login(NewDevice::Must)
}

pub(super) fn faults() -> [Fault; 5] {
    let fault = |name, summary| Fault::new(name, summary, MOMENTS);
    [
        // The escrow file has what the old device could read.
        fault(
            "crypto-store-lost-after-new-device",
            "the bot has taken a new device and proven it, and then the folder with its keys is gone",
        )
        .reaching(Reach::Account)
        .expecting(|_| expectation().logins(2, 2))
        .injected(|world| Box::pin(lost_again(world))),
        fault(
            "crypto-store-damaged",
            "the database of the bot's keys is overwritten with garbage; the operator moves it away later",
        )
        .reaching(Reach::Accounts)
        .expecting(|_| expectation().serves_degraded(&["could not be carried over"]))
        .injected(|world| Box::pin(async { damaged(world) }))
        .cured(|world| Box::pin(moved_away(world))),
        fault(
            "crypto-store-lost-no-password",
            "the folder with the bot's keys is gone, and there is no password file until later",
        )
        .reaching(Reach::Accounts)
        .expecting(|_| expectation().serves_degraded(DEAF))
        .injected(|world| {
            Box::pin(async {
                world.account().remove_password()?;
                Ok(Fired::with(shared::lose_stores(world)?).and("the password file is gone"))
            })
        })
        .cured(|world| Box::pin(async { shared::write_password(world) })),
        fault(
            "crypto-store-lost-wrong-password",
            "the folder with the bot's keys is gone and the password is wrong; while the bot serves as well as it can, its token dies",
        )
        .reaching(Reach::Account)
        .expecting(|_| expectation().logins(2, 3).needs_operator(&["password"], 1))
        .injected(|world| Box::pin(lost_with_wrong_password(world)))
        .cured(|world| Box::pin(async { shared::write_password(world) })),
        fault(
            "data-directory-lost-device-stays",
            "the bot has made its own device, all is lost but the password and the recovery key, and the wish to delete that device is not \
             answered",
        )
        .expecting(|_| expectation().logins(2, 2).serves_degraded(&["devices that are not used any more"]))
        .injected(|world| Box::pin(lost_and_device_stays(world)))
        // The operator sees that the password is right, and writes it again to have the rest done now.
        .cured(|world| Box::pin(async { shared::write_password(world) })),
    ]
}

async fn lost_again(world: &mut World) -> Result<Fired> {
    let first = shared::take_new_device(world).await?;
    // The next start proves the new device, and only then may the old store go.
    world.bot.restart().await?;
    world.bot.wait_ready(world.contract().boot()).await?;
    world.bot.stop().await?;
    let stores = acts::stores(world)?.len();
    if stores != 1 {
        return Err(format!("{stores} stores are left after the start that proves the new device").into());
    }
    Ok(Fired::with(first).and(shared::lose_stores(world)?))
}

fn damaged(world: &World) -> Result<Fired> {
    let store = acts::store_of(world, &shared::bot_device(world));
    let mut damaged = 0;
    for entry in fs::read_dir(&store)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("matrix-sdk-crypto.sqlite3") {
            fs::write(entry.path(), "this is no database".repeat(1000))?;
            damaged += 1;
        }
    }
    match damaged {
        0 => Err(format!("there is no database in {}", store.display()).into()),
        _ => Ok(Fired::with(format!("{damaged} files of the database overwritten"))),
    }
}

/// The damaged store and its device must be there still: it may be mended some day.
async fn moved_away(world: &mut World) -> Result<()> {
    let stores = acts::stores(world)?;
    if stores.len() < 2 {
        return Err("the damaged store was removed".into());
    }
    world.bot.stop().await?;
    let used = acts::store_of(world, &shared::bot_device(world));
    for store in stores.iter().filter(|store| **store != used) {
        fs::remove_dir_all(store)?;
    }
    Ok(())
}

async fn lost_with_wrong_password(world: &mut World) -> Result<Fired> {
    world.account().write_password(shared::WRONG_PASSWORD)?;
    let lost = shared::lose_stores(world)?;
    world.bot.start().await?;
    let name = world.account().name().to_owned();
    let noted = |ready: &Ready| {
        let identity = ready.identity(&name);
        ready.is_ok() && identity.is_some_and(|identity| identity.note(DEAF).is_some())
    };
    world
        .bot
        .wait_until(
            "the bot to serve and to say that it may be deaf",
            world.contract().boot(),
            noted,
        )
        .await?;
    // What the file holds was refused once. It is not to be tried again only because the token died.
    let dead = shared::reset_password(world).await?;
    Ok(Fired::with(lost).and(dead))
}

async fn lost_and_device_stays(world: &mut World) -> Result<Fired> {
    let first = shared::take_new_device(world).await?;
    world.bot.stop().await?;
    // With no token left anywhere, the old device can only be deleted with the password.
    shared::give_token(world, "")?;
    let deletion = Matcher::endpoint("DELETE", "/devices/*").from_bot().times(1);
    let bend = world.front_door.bend(deletion, Action::bad_gateway());
    Ok(shared::lose_data(world)?.and(first).bending(bend))
}
