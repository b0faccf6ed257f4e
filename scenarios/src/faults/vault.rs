//! The bot's files besides its stores are not as it left them.

use std::{fs, time::Duration};

use harness::{
    client::{Peer, Received},
    fault::{Expectation, Fault, Fired, Moment, NewDevice, Reach, Result, acts as shared},
    world::World,
};
use serde_json::json;

use super::{acts, old_approver};
use crate::community::InCommunity as _;

/// How long the bot may take to serve, or to answer.
const PATIENCE: Duration = Duration::from_secs(60);

const AT_BOOT: &[Moment] = &[Moment::AtBoot];

pub(super) fn faults() -> [Fault; 5] {
    [
        // The token in the environment lives, and is on the bot's device.
        Fault::new(
            "saved-session-of-another-user",
            "the saved session is a living one of somebody else",
            AT_BOOT,
        )
        .reaching(Reach::Accounts)
        .coming_first()
        .injected(|world| Box::pin(session_of_another(world))),
        Fault::new(
            "old-approver-s-files",
            "the first start is on what the old approver left: its token, its device without its store, its room keys in escrow",
            &[Moment::FirstBoot],
        )
        .expecting(|_| Expectation::one_login(NewDevice::Allowed))
        .injected(|world| Box::pin(old_files(world))),
        Fault::new(
            "database-lost",
            "the bot's database is gone; sessions and keys are there",
            AT_BOOT,
        )
        .injected(|world| Box::pin(database_lost(world))),
        Fault::new(
            "recovery-key-lost",
            "the folder with the bot's keys is gone, and so is the recovery key; the operator finds it again",
            AT_BOOT,
        )
        .reaching(Reach::Accounts)
        // An older device's store would bring back what is lost here.
        .coming_first()
        .expecting(|_| Expectation::one_login(NewDevice::Must).serves_degraded(&["unverified"]))
        .injected(|world| Box::pin(recovery_key_lost(world)))
        .cured(|world| Box::pin(recovery_key_found(world))),
        Fault::new(
            "escrow-unreadable",
            "the passphrase of the room keys in escrow is another one, and the homeserver has lost the device's keys",
            AT_BOOT,
        )
        .reaching(Reach::Account)
        .expecting(|_| {
            Expectation::one_login(NewDevice::Must)
                .logins(2, 2)
                .serves_degraded(&["escrow cannot be read"])
        })
        .injected(|world| Box::pin(escrow_unreadable(world)))
        .cured(|world| Box::pin(passphrase_found(world))),
    ]
}

async fn session_of_another(world: &mut World) -> Result<Fired> {
    let stranger = world.new_user("stranger").await?;
    let session = json!({
        "user_id": stranger.user_id(), "device_id": stranger.device_id(), "access_token": stranger.token(),
    });
    fs::write(acts::file(world, "session.json"), session.to_string())?;
    Ok(Fired::with(format!(
        "the saved session is now {}'s",
        stranger.whoami().await?["user_id"]
    )))
}
async fn old_files(world: &mut World) -> Result<Fired> {
    let left = old_approver::worked_here(world).await?;
    let account = world.account();
    fs::write(acts::file(world, "token"), account.first.token())?;
    fs::write(acts::file(world, "device_id"), account.first.device_id())?;
    fs::write(
        world.bot.data_dir().join("inbound_sessions.escrow.json"),
        left.escrow.to_string(),
    )?;
    shared::give_token(world, "")?;
    Ok(Fired::with(format!(
        "the old approver published the keys of {} and left {} room keys",
        world.account().first.device_id(),
        left.keys
    )))
}
async fn database_lost(world: &mut World) -> Result<Fired> {
    // A command that was answered before: a bot that has forgotten that must not answer it again.
    world.bot.start().await?;
    world.bot.wait_ready(PATIENCE).await?;
    let owner = world.owner_peer().await?;
    let (room, bot) = (world.admin_room().to_owned(), world.account().user_id().to_owned());
    let asked = owner.say(&room, "!help").await?;
    let answered = |message: &Received| message.sender == bot && message.body.contains("!revoke");
    owner
        .wait_answer(&room, &asked, "the answer to !help", PATIENCE, answered)
        .await?;
    world.bot.stop().await?;
    let removed = world.bot.lose_database()?;
    Ok(Fired::with(format!("removed {}", removed.join(", "))).going_on(Box::pin(once(owner, room, bot, asked))))
}
/// The answer to a second command comes after whatever the bot makes of the first; that one has one answer still.
async fn once(owner: Peer, room: String, bot: String, asked: String) -> Result<String> {
    let second = owner.say(&room, "!codes").await?;
    let answered = |message: &Received| message.sender == bot;
    owner
        .wait_answer(&room, &second, "the answer to !codes", PATIENCE, |message| {
            answered(message) && !message.body.contains("!revoke")
        })
        .await?;
    let messages = owner.history(&room, 100).await?;
    let newer = messages.iter().take_while(|message| message.event_id != asked);
    match newer.filter(|message| answered(message)).count() {
        2 => Ok("the command from before the loss was not answered again".to_owned()),
        count => Err(format!("two commands have {count} answers").into()),
    }
}

async fn recovery_key_lost(world: &mut World) -> Result<Fired> {
    let evidence = shared::lose_stores(world)?;
    shared::put_away(&acts::file(world, "recovery_key"))?;
    Ok(Fired::with(evidence).and("the recovery key is gone"))
}
async fn recovery_key_found(world: &mut World) -> Result<()> {
    world.bot.stop().await?;
    Ok(shared::put_back(&acts::file(world, "recovery_key"))?)
}
async fn escrow_unreadable(world: &mut World) -> Result<Fired> {
    // The first change of device writes the escrow.
    let first = shared::take_new_device(world).await?;
    world.bot.stop().await?;
    if !acts::file(world, "room_keys.escrow").exists() {
        return Err("no escrow was written before the device was changed".into());
    }
    let passphrase = acts::file(world, "escrow_passphrase");
    shared::put_away(&passphrase)?;
    fs::write(&passphrase, "0".repeat(64))?;
    let bend = shared::lose_device_keys(world);
    Ok(Fired::with(first)
        .and("the passphrase of the escrow is another one")
        .bending(bend))
}
/// Nothing irreversible must have happened until now.
async fn passphrase_found(world: &mut World) -> Result<()> {
    let left = old_devices(world)?;
    let there = world.homeserver.operator().devices(world.account().localpart()).await?;
    if left.is_empty() || !left.iter().all(|device| there.contains(device)) {
        return Err(
            format!("of the devices left behind ({left:?}) the homeserver has only those among {there:?}").into(),
        );
    }
    let stores = acts::stores(world)?.len();
    if stores < 2 {
        return Err(format!("{stores} stores are left: an old one was removed").into());
    }
    world.bot.stop().await?;
    shared::put_back(&acts::file(world, "escrow_passphrase"))?;
    Ok(world.bot.start().await?)
}
/// The devices that the bot has on its list of those to be logged out.
fn old_devices(world: &World) -> Result<Vec<String>> {
    let text = fs::read_to_string(acts::file(world, "devices.json"))?;
    let devices: serde_json::Value = serde_json::from_str(&text)?;
    let left = devices["left"].as_array().cloned().unwrap_or_default();
    let ids = left
        .iter()
        .filter_map(|device| device["device"].as_str().map(str::to_owned));
    Ok(ids.collect())
}
