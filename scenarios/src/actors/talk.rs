//! Two members talk to each other in an encrypted room.

use harness::{
    client::{Peer, User},
    step::{Failure, Steps, Stop, ensure, seen},
    wait,
    world::World,
};

use super::{PATIENCE, Seen};

/// The names of the steps of [`in_first_child`].
pub const STEPS: [&str; 4] = [
    "the second sees that the child room is encrypted",
    "the first sees that the child room is encrypted",
    "the first sends an encrypted message there",
    "the second decrypts it",
];

/// Two members of the space join its first child room, see its encryption, and the second reads what the first writes.
///
/// # Errors
/// [`Stop`] at the first step that fails.
pub async fn in_first_child(world: &World, steps: &mut Steps, first: &User, second: &User) -> Result<(), Stop> {
    let child = super::children(world).into_iter().next().unwrap_or_default();
    // Both have their keys before either joins, as people's clients do: continuwuity 26.7.3 does not tell that somebody who was invited
    // has got keys since.
    let (first, second) = (with_encryption(first), with_encryption(second));
    let (first, second) = futures_util::future::join(first, second).await;
    // Who writes joins last, and so is told of the reader in the list of members: continuwuity 26.7.3 may leave somebody else's join out
    // of a sync that is answered meanwhile.
    let second = steps.step(STEPS[0], sees_encryption(second, &child)).await?;
    let first = steps.step(STEPS[1], sees_encryption(first, &child)).await?;
    let text = format!("from {} to {}", first.user().user_id(), second.user().user_id());
    let sent = steps
        .step(STEPS[2], async {
            first.see_member(&child, second.user().user_id(), PATIENCE).await?;
            let sent = first.say(&child, &text).await?;
            Ok((sent.clone(), sent))
        })
        .await?;
    steps
        .step(STEPS[3], async {
            let what = format!("{sent} decrypted by {}", second.user().user_id());
            let received = second
                .wait_message(&child, &what, PATIENCE, |received| received.event_id == sent)
                .await?;
            ensure(received.body == text && received.encrypted, || {
                format!("received {received:?}")
            })?;
            seen(format!("{:?}, encrypted", received.body))
        })
        .await
}

/// The room is joined and encrypted in the client's eyes.
async fn sees_encryption(who: Result<Peer, Failure>, room: &str) -> Seen<Peer> {
    let peer = who?;
    peer.join(room).await?;
    // continuwuity 26.7.3 may answer the join before the room's state can be asked for.
    let encryption = wait::until("the room's encryption", PATIENCE, || async {
        match peer.user().state(room, "m.room.encryption", "").await {
            Err(error) if error.errcode() == "M_NOT_FOUND" => wait::Poll::Pending(error.to_string()),
            state => wait::Poll::Ready(state),
        }
    });
    let encryption = encryption.await??;
    ensure(encryption["algorithm"] == "m.megolm.v1.aes-sha2", || {
        format!("m.room.encryption is {encryption}")
    })?;
    Ok((peer, encryption["algorithm"].to_string()))
}

/// A client with encryption on the session of a plain one, which has never had keys.
///
/// # Errors
/// When the server refuses.
pub async fn with_encryption(who: &User) -> Result<Peer, Failure> {
    let session = User::from_session(who.base(), who.user_id(), who.device_id(), who.token(), who.password());
    Ok(Peer::with_session(session).await?)
}
