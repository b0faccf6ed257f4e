//! What was said once stays readable, whatever the bot loses; and newcomers can read what was said before them.

use crate::community::InCommunity as _;
use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use harness::{
    check,
    client::Peer,
    drill::{self, Breakage},
    fault::Moment,
    front_door::{Action, Matcher},
    step::{Failure, Stop, ensure, seen},
    wait,
    world::World,
};

use super::{MIDDLE, Scenario, Stage};
use crate::{
    actors::{PATIENCE, Seen, children, commands, talk, vetting},
    catalogue, marks,
};

/// The scenario.
#[derive(Clone, Copy, Debug)]
pub struct History;

/// How long the keys of old messages may take to come out of the backup.
const READING: Duration = Duration::from_secs(30);

/// How long a newcomer's client may take to be given the keys of what was said before.
const SHARING: Duration = Duration::from_secs(40);

const STEPS: &[&str] = &[
    "encrypted messages are sent in the command room and in a child room",
    "the bot's account reads them from its key backup",
    "the device is changed, and its room keys go with it",
    "everything said is readable after the change of device, and the bot answers an encrypted command",
    "the crypto store is lost, and the recovery key brings back what was in it",
    "everything said is readable after the loss of the crypto store, and the bot answers an encrypted command",
    "the data directory is lost, except password and recovery key",
    "everything said is readable after the loss of the data directory, and the bot answers an encrypted command",
    "room keys in escrow cannot be read: nothing is removed until that is cured",
    "everything said is readable after that, and the bot answers an encrypted command",
    "a newcomer reads what was said in the child room before they came",
    "sharing that fails delays no invite",
];

#[async_trait]
impl Scenario for History {
    fn name(&self) -> &'static str {
        "history"
    }

    fn summary(&self) -> &'static str {
        "encrypted messages stay readable through the loss of device, store and data directory, and newcomers can read them"
    }

    fn steps(&self) -> &'static [&'static str] {
        STEPS
    }

    fn middle(&self) -> &'static [&'static str] {
        MIDDLE
    }

    async fn run(&self, stage: &mut Stage) -> Result<(), Stop> {
        let Stage { world, steps, .. } = &mut *stage;
        let (owner, child) = steps
            .step(STEPS[0], async {
                let owner = world.owner_peer().await?;
                let child = children(world).into_iter().next().unwrap_or_default();
                let evidence = everywhere(world, &owner, &child, "at the beginning").await?;
                Ok(((owner, child), evidence))
            })
            .await?;
        steps.step(STEPS[1], readable(world)).await?;
        stage.before_own_losses().await?;
        lost(
            stage,
            [STEPS[2], STEPS[3]],
            "device-keys-lost",
            &["keys-carried-over"],
            &owner,
            &child,
        )
        .await?;
        let recovered = &["continuity-store-lost", "recovered-from-key", "escrow-imported"];
        lost(
            stage,
            [STEPS[4], STEPS[5]],
            "crypto-store-lost",
            recovered,
            &owner,
            &child,
        )
        .await?;
        let recovered = &["continuity-store-lost", "recovered-from-key"];
        lost(
            stage,
            [STEPS[6], STEPS[7]],
            "data-directory-lost",
            &recovered[1..],
            &owner,
            &child,
        )
        .await?;
        let unreadable = &["escrow-unreadable", "escrow-imported"];
        lost(
            stage,
            [STEPS[8], STEPS[9]],
            "escrow-unreadable",
            unreadable,
            &owner,
            &child,
        )
        .await?;

        // After the scenario's own losses, so that what the drill's fault costs can be told from what they cost.
        stage.middle().await?;

        let Stage { world, steps, .. } = stage;
        steps.step(STEPS[10], newcomer_reads(world, &child)).await?;
        steps.step(STEPS[11], failing_share_delays_nothing(world, &child)).await
    }
}

/// Says something in both rooms; the bot's account must be able to read it from now on.
async fn everywhere(world: &World, owner: &Peer, child: &str, when: &str) -> Result<String, Failure> {
    for room in [world.admin_room(), child] {
        drill::remembered(world, owner, room, &format!("said {when}")).await?;
    }
    Ok(format!("{} messages in 2 rooms", world.memories().len()))
}

/// Everything that the world remembers can be read by the bot's account.
async fn readable(world: &World) -> Seen {
    let finding = check::history(&check::read_back(world, world.account(), READING).await);
    ensure(!finding.is_broken(), || finding.evidence.clone())?;
    seen(finding.evidence)
}

/// Breaks something, heals, and looks whether the bot went through these branches; then everything must be readable, and the bot hears and
/// is heard. More is said at the end, so that the next loss finds messages of this device too.
async fn lost(
    stage: &mut Stage,
    names: [&'static str; 2],
    what: &str,
    branches: &[&str],
    owner: &Peer,
    child: &str,
) -> Result<(), Stop> {
    let Stage { world, steps, .. } = stage;
    steps
        .step(names[0], async {
            let fault = catalogue::fault(what).ok_or_else(|| Failure::new(format!("no fault {what}")))?;
            let before = world.bot.log_text().len();
            // The drill's fault may have taken it away, and what is lost here is healed with it.
            world.approver().write_password(world.approver().password())?;
            let loss = Breakage::of_scenario(fault.clone(), Moment::AtBoot);
            let happened = loss.happen(world).await?;
            let log = world.bot.log_text();
            let taken: BTreeSet<String> = marks::in_log(log.get(before..).unwrap_or_default())
                .into_iter()
                .collect();
            let missed: Vec<&&str> = branches.iter().filter(|branch| !taken.contains(**branch)).collect();
            ensure(missed.is_empty(), || {
                format!("the bot did not go through {missed:?}, but through {taken:?}")
            })?;
            seen(format!("{}; went through {}", happened.evidence, branches.join(", ")))
        })
        .await?;
    steps
        .step(names[1], async {
            let ((), read) = readable(world).await?;
            let ((), answered) = commands::helped(world, owner).await?;
            everywhere(world, owner, child, what).await?;
            seen(format!("{read}; answered with {answered}"))
        })
        .await
}

/// Somebody who was not there reads what was said in a child room, where its visibility allows that.
async fn newcomer_reads(world: &World, child: &str) -> Seen {
    let visibility = world.owner().state(child, "m.room.history_visibility", "").await?;
    ensure(visibility["history_visibility"] == "shared", || {
        format!("the history is {visibility}")
    })?;
    let said: Vec<String> = world
        .memories()
        .into_iter()
        .filter(|(room, _)| room == child)
        .map(|(_, event)| event)
        .collect();
    let last = said.last().cloned().unwrap_or_default();
    let (newcomer, _) = vetting::register(world, "newcomer").await?;
    // The client is there before the invite, so that there is a device which keys can be shared with.
    // Keys of the past go only to devices that their owner has signed.
    let client = talk::with_encryption(&newcomer).await?;
    client.make_identity().await?;
    let (room, challenge) = vetting::until_challenged(world, &newcomer).await?;
    vetting::answered(&newcomer, &room, &challenge.haiku()).await?;
    client.accept(child, PATIENCE).await?;
    let what = format!("{} to read {last}, sent before they came", newcomer.user_id());
    let read = client
        .wait_message(child, &what, SHARING, |message| message.event_id == last)
        .await?;
    ensure(read.encrypted, || format!("it came in cleartext: {read:?}"))?;
    let readable = client.history(child, 200).await?;
    let readable = readable
        .iter()
        .filter(|message| said.contains(&message.event_id))
        .count();
    seen(format!("{:?}, and {readable} of {} in all", read.body, said.len()))
}

/// The homeserver takes no file: keys cannot be shared. The invites come all the same, and in time.
async fn failing_share_delays_nothing(world: &World, child: &str) -> Seen {
    let upload = Matcher::path("POST", "/_matrix/media/v3/upload").from_bot();
    let bend = world.front_door.bend(upload, Action::BlackHole);
    let (newcomer, _) = vetting::register(world, "unshared").await?;
    let (room, challenge) = vetting::until_challenged(world, &newcomer).await?;
    vetting::answered(&newcomer, &room, &challenge.haiku()).await?;
    vetting::invited_to_space(world, &newcomer).await?;
    for child in children(world) {
        let what = format!("an invite to {child}");
        newcomer.wait_invite(&what, PATIENCE, |room| room == child).await?;
    }
    vetting::welcome(&newcomer, &room).await?;
    newcomer.join(child).await?;
    wait::until("the bot to try to share keys", SHARING, || async {
        match bend.fired() {
            0 => wait::Poll::Pending("no file was uploaded".to_owned()),
            _ => wait::Poll::Ready(()),
        }
    })
    .await?;
    seen(format!(
        "invited and welcomed, while {} ({} times)",
        bend.description(),
        bend.fired()
    ))
}
