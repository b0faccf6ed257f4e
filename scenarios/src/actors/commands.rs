//! Commands to the bot in its encrypted room.

use crate::community::InCommunity as _;
use harness::{
    client::{Peer, Received},
    step::{Failure, ensure, seen},
    world::World,
};

use super::{PATIENCE, Seen, talk};
use crate::chat;

/// The power a moderator needs unless the world says otherwise.
const POWER: i64 = 50;

/// Gives a stranger the power to command, before they are in the room.
pub async fn appointed(world: &World) -> Seen<Peer> {
    let moderator = world.new_user("moderator").await?;
    world
        .owner()
        .give_power(world.admin_room(), moderator.user_id(), POWER)
        .await?;
    let evidence = format!("{} has {POWER}", moderator.user_id());
    Ok((talk::with_encryption(&moderator).await?, evidence))
}

/// Invites the moderator and waits until they see it.
pub async fn invited(world: &World, moderator: &Peer) -> Seen {
    let user = moderator.user();
    world.owner().invite(world.admin_room(), user.user_id()).await?;
    let room = user
        .wait_invite("the invite to the command room", PATIENCE, |room| {
            room == world.admin_room()
        })
        .await?;
    seen(room)
}

/// Joins the command room.
pub async fn joined(world: &World, moderator: &Peer) -> Seen {
    moderator.join(world.admin_room()).await?;
    seen(format!("{} joined", moderator.user().user_id()))
}

/// The command room is encrypted in the moderator's eyes.
pub async fn encrypted(world: &World, moderator: &Peer) -> Seen {
    let encryption = moderator
        .user()
        .state(world.admin_room(), "m.room.encryption", "")
        .await?;
    ensure(encryption["algorithm"] == "m.megolm.v1.aes-sha2", || {
        format!("m.room.encryption is {encryption}")
    })?;
    seen(encryption["algorithm"].to_string())
}

/// A command that was sent, and the messages that were there before it.
#[derive(Debug)]
pub struct Asked {
    before: Vec<String>,
}

/// Sends a command.
pub async fn sent(world: &World, who: &Peer, command: &str) -> Seen<Asked> {
    let before = who
        .history(world.admin_room(), 100)
        .await?
        .into_iter()
        .map(|message| message.event_id)
        .collect();
    let event = who.say(world.admin_room(), command).await?;
    Ok((Asked { before }, event))
}

/// Waits for the bot's answer to a command: encrypted, decrypted here, and as wanted.
async fn answer(
    world: &World,
    who: &Peer,
    asked: &Asked,
    what: &str,
    wanted: impl Fn(&str) -> bool,
) -> Result<Received, Failure> {
    let bots = super::bot_ids(world);
    let received = who
        .wait_message(world.admin_room(), what, PATIENCE, |message| {
            bots.contains(&message.sender) && !asked.before.contains(&message.event_id) && wanted(&message.body)
        })
        .await?;
    ensure(received.encrypted, || {
        format!("the answer came in cleartext: {received:?}")
    })?;
    Ok(received)
}

/// Waits for the answer to `!mint`: a link with a code, and the label. Answers the code.
pub async fn minted(world: &World, moderator: &Peer, asked: &Asked, label: &str) -> Seen<String> {
    let what = format!("the answer to !mint with a link and {label:?}");
    let has_both = |body: &str| body.contains(label) && chat::code_in_link(body, "/join").is_some();
    let received = answer(world, moderator, asked, &what, has_both).await?;
    let code = chat::code_in_link(&received.body, "/join");
    let code = code.ok_or_else(|| Failure::new(format!("no link in {:?}", received.body)))?;
    Ok((code, received.body))
}

/// `!codes` names a code with the uses it has left.
pub async fn listed(world: &World, moderator: &Peer, code: &str, uses: u32) -> Seen {
    let (asked, _) = sent(world, moderator, "!codes").await?;
    let line = |body: &str| body.lines().find(|line| line.contains(code)).map(str::to_owned);
    let what = format!("the answer to !codes with {code}");
    let received = answer(world, moderator, &asked, &what, |body| line(body).is_some()).await?;
    let line = line(&received.body).unwrap_or_default();
    let uses_shown = line
        .replace(code, "")
        .split(|c: char| !c.is_ascii_digit())
        .any(|number| number == uses.to_string());
    ensure(uses_shown, || {
        format!("{line:?} does not say that {uses} uses are left")
    })?;
    seen(line)
}

/// Somebody in the room without power is refused, and told how much they need.
pub async fn refused(world: &World) -> Seen {
    let powerless = world.new_user("powerless").await?;
    let powerless = talk::with_encryption(&powerless).await?;
    invited(world, &powerless).await?;
    joined(world, &powerless).await?;
    let (asked, _) = sent(world, &powerless, "!mint").await?;
    let received = answer(world, &powerless, &asked, "a refusal that names the power", |body| {
        body.contains(&POWER.to_string())
    })
    .await?;
    ensure(chat::code_in_link(&received.body, "/join").is_none(), || {
        format!("a code was minted: {:?}", received.body)
    })?;
    seen(received.body)
}

/// `!revoke` is confirmed.
pub async fn revoked(world: &World, moderator: &Peer, code: &str) -> Seen {
    let (asked, _) = sent(world, moderator, &format!("!revoke {code}")).await?;
    let received = answer(world, moderator, &asked, "the answer to !revoke", |_| true).await?;
    seen(received.body)
}

/// `!help` comes back: the bot reads what an independent member encrypts, and that member reads what the bot encrypts.
pub async fn helped(world: &World, who: &Peer) -> Seen {
    let (asked, _) = sent(world, who, "!help").await?;
    let received = answer(world, who, &asked, "the answer to !help", |body| body.contains("!mint")).await?;
    seen(format!("{} characters from {}", received.body.len(), received.sender))
}
