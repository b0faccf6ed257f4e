//! The bot's files besides its stores are not as it left them.

use std::{fs, path::PathBuf, time::Duration};

use async_trait::async_trait;
use serde_json::json;

use super::{Anyhow, Expectation, Fault, Fired, Moment, NewDevice, acts, old_approver};
use crate::{
    client::{Peer, Received},
    world::{Role, World},
};

/// How long the bot may take to serve, or to answer.
const PATIENCE: Duration = Duration::from_secs(60);

const AT_BOOT: &[Moment] = &[Moment::AtBoot];

fn file(world: &World, name: &str) -> PathBuf {
    let stem = Role::Approver.file_stem();
    world.bot.data_dir().join(format!("{stem}_{name}"))
}

/// The saved session is somebody else's.
#[derive(Debug)]
pub(super) struct SessionOfAnother;

#[async_trait]
impl Fault for SessionOfAnother {
    fn name(&self) -> &'static str {
        "saved-session-of-another-user"
    }

    fn summary(&self) -> &'static str {
        "the saved session is a living one of somebody else"
    }

    fn moments(&self) -> &'static [Moment] {
        AT_BOOT
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        // The token in the environment lives, and is on the bot's device.
        Expectation::unharmed()
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let stranger = world.new_user("stranger").await?;
        let session = json!({
            "user_id": stranger.user_id(), "device_id": stranger.device_id(), "access_token": stranger.token(),
        });
        fs::write(file(world, "session.json"), session.to_string())?;
        Ok(Fired::with(format!(
            "the saved session is now {}'s",
            stranger.whoami().await?["user_id"]
        )))
    }
}

/// The bot's first start is in the data directory of the old approver.
#[derive(Debug)]
pub(super) struct OldApprover;

#[async_trait]
impl Fault for OldApprover {
    fn name(&self) -> &'static str {
        "old-approver-s-files"
    }

    fn summary(&self) -> &'static str {
        "the first start is on what the old approver left: its token, its device without its store, its room keys in escrow"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::FirstBoot]
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        Expectation::one_login(NewDevice::Allowed)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let left = old_approver::worked_here(world).await?;
        let account = world.approver();
        fs::write(file(world, "token"), account.first.token())?;
        fs::write(file(world, "device_id"), account.first.device_id())?;
        fs::write(
            world.bot.data_dir().join("inbound_sessions.escrow.json"),
            left.escrow.to_string(),
        )?;
        world.bot.set(Role::Approver.token_variable(), "");
        Ok(Fired::with(format!(
            "the old approver published the keys of {} and left {} room keys",
            world.approver().first.device_id(),
            left.keys
        )))
    }
}

/// The database is lost.
#[derive(Debug)]
pub(super) struct DatabaseLost;

#[async_trait]
impl Fault for DatabaseLost {
    fn name(&self) -> &'static str {
        "database-lost"
    }

    fn summary(&self) -> &'static str {
        "the bot's database is gone; sessions and keys are there"
    }

    fn moments(&self) -> &'static [Moment] {
        AT_BOOT
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        Expectation::unharmed()
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        // A command that was answered before: a bot that has forgotten that must not answer it again.
        world.bot.start()?;
        world.bot.wait_ready(PATIENCE).await?;
        let owner = world.owner_peer().await?;
        let (room, bot) = (world.admin_room().to_owned(), world.approver().user_id().to_owned());
        let asked = owner.say(&room, "!help").await?;
        let answered = |message: &Received| message.sender == bot && message.body.contains("!revoke");
        owner
            .wait_answer(&room, &asked, "the answer to !help", PATIENCE, answered)
            .await?;
        world.bot.stop().await?;
        let removed = world.bot.lose_database()?;
        Ok(Fired::with(format!("removed {}", removed.join(", "))).going_on(Box::pin(once(owner, room, bot, asked))))
    }
}

/// The answer to a second command comes after whatever the bot makes of the first; that one has one answer still.
async fn once(owner: Peer, room: String, bot: String, asked: String) -> Anyhow<String> {
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

/// The recovery key is lost together with the keys that it recovers.
#[derive(Debug)]
pub(super) struct RecoveryKeyLost;

#[async_trait]
impl Fault for RecoveryKeyLost {
    fn name(&self) -> &'static str {
        "recovery-key-lost"
    }

    fn summary(&self) -> &'static str {
        "the folder with the bot's keys is gone, and so is the recovery key; the operator finds it again"
    }

    fn moments(&self) -> &'static [Moment] {
        AT_BOOT
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        Expectation::one_login(NewDevice::Must).serves_degraded(&["unverified"])
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let evidence = acts::lose_stores(world)?;
        acts::put_away(&file(world, "recovery_key"))?;
        Ok(Fired::with(evidence).and("the recovery key is gone"))
    }

    async fn cure(&self, world: &mut World) -> Anyhow<()> {
        acts::put_back(&file(world, "recovery_key"))?;
        Ok(world.bot.restart().await?)
    }
}

/// The recovery key is lost for good, and a new device is needed.
#[derive(Debug)]
pub(super) struct RecoveryKeyGone;

#[async_trait]
impl Fault for RecoveryKeyGone {
    fn name(&self) -> &'static str {
        "recovery-key-gone"
    }

    fn summary(&self) -> &'static str {
        "the recovery key is gone for good, and the homeserver has lost the device's keys; the old store has what both would bring back"
    }

    fn moments(&self) -> &'static [Moment] {
        AT_BOOT
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        Expectation::one_login(NewDevice::Must)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        fs::remove_file(file(world, "recovery_key"))?;
        let bend = acts::lose_device_keys(world);
        Ok(Fired::with("the recovery key is gone").bending(bend))
    }
}

/// The escrow file cannot be opened while a device is changed.
#[derive(Debug)]
pub(super) struct EscrowUnreadable;

#[async_trait]
impl Fault for EscrowUnreadable {
    fn name(&self) -> &'static str {
        "escrow-unreadable"
    }

    fn summary(&self) -> &'static str {
        "the passphrase of the room keys in escrow is another one, and the homeserver has lost the device's keys"
    }

    fn moments(&self) -> &'static [Moment] {
        AT_BOOT
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        Expectation::one_login(NewDevice::Must)
            .logins(2, 2)
            .serves_degraded(&["escrow cannot be read"])
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        // The first change of device writes the escrow.
        let first = acts::take_new_device(world).await?;
        world.bot.stop().await?;
        if !file(world, "room_keys.escrow").exists() {
            return Err("no escrow was written before the device was changed".into());
        }
        let passphrase = file(world, "escrow_passphrase");
        acts::put_away(&passphrase)?;
        fs::write(&passphrase, "0".repeat(64))?;
        let bend = acts::lose_device_keys(world);
        Ok(Fired::with(first)
            .and("the passphrase of the escrow is another one")
            .bending(bend))
    }

    /// Nothing irreversible must have happened until now.
    async fn cure(&self, world: &mut World) -> Anyhow<()> {
        let left = old_devices(world)?;
        let there = world
            .homeserver
            .operator()
            .devices(world.approver().localpart())
            .await?;
        if left.is_empty() || !left.iter().all(|device| there.contains(device)) {
            return Err(
                format!("of the devices left behind ({left:?}) the homeserver has only those among {there:?}").into(),
            );
        }
        let stores = fs::read_dir(world.bot.data_dir().join(acts::CRYPTO))?.count();
        if stores < 2 {
            return Err(format!("{stores} stores are left: an old one was removed").into());
        }
        world.bot.stop().await?;
        acts::put_back(&file(world, "escrow_passphrase"))?;
        Ok(world.bot.start()?)
    }
}

/// The devices that the bot has on its list of those to be logged out.
fn old_devices(world: &World) -> Anyhow<Vec<String>> {
    let text = fs::read_to_string(file(world, "devices.json"))?;
    let devices: serde_json::Value = serde_json::from_str(&text)?;
    let left = devices["left"].as_array().cloned().unwrap_or_default();
    let ids = left
        .iter()
        .filter_map(|device| device["device"].as_str().map(str::to_owned));
    Ok(ids.collect())
}
