//! What the sync may have left out.

use std::collections::HashSet;

use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId};

use super::row::{self, Row};
use crate::{
    config::Role,
    lanes::WorkError,
    matrix::{Homeserver, Knock},
    storage::{Store, StoreError, now_ms, queue, vetting},
    work::Step,
};

/// So long a knock is known after it was dealt with, although it does not stand any more. In milliseconds.
const KNOWN: i64 = 7 * 24 * 3600 * 1000;

/// Puts what people did in one of the bot's rooms into the inbox, each unless it was ever there; answers how much was new.
/// The room is as old as its challenge, so that its last page is all of it.
pub async fn look_back(
    store: &Store,
    homeserver: &dyn Homeserver,
    role: Role,
    room: &OwnedRoomId,
    only_unanswered: bool,
) -> Result<usize, WorkError> {
    let events = homeserver.last_page(role, room).await?;
    let own = homeserver.actor(role).await.user;
    let from = match only_unanswered {
        true => row::unanswered_from(&events, &own),
        false => 0,
    };
    let rows = events.iter().enumerate().filter_map(|(place, event)| {
        let joined = row::joined(event, room, &own);
        joined.or_else(|| row::message(event, role, room, &own, false).filter(|_| place >= from))
    });
    Ok(put_all(store, rows.collect()).await?)
}

/// Puts the knocks that stand now into the inbox, each unless it was ever there; answers how many were new. Who is asked and is not
/// among those who knock is looked at: they may have been declined meanwhile. `time` tells this look from all others.
pub async fn find_knocks(
    store: &Store,
    homeserver: &dyn Homeserver,
    space: &OwnedRoomId,
    time: &str,
) -> Result<usize, WorkError> {
    let knocks = homeserver.knocks(space).await?;
    let standing: HashSet<String> = knocks.iter().map(|knock| knock.event.clone()).collect();
    let knocking: HashSet<String> = knocks.iter().map(|knock| knock.user.to_string()).collect();
    let asked = store.run(move |tx| {
        queue::forget_knocks(tx, now_ms() - KNOWN, &standing)?;
        vetting::open_users(tx)
    });
    let gone = asked.await?.into_iter().filter(|user| !knocking.contains(user));
    put_all(store, gone.filter_map(|user| ended(&user, time)).collect()).await?;
    Ok(put_all(store, knocks.into_iter().map(found).collect()).await?)
}

fn ended(user: &str, time: &str) -> Option<Row> {
    let user = OwnedUserId::try_from(user).ok()?;
    let (key, lane) = (format!("knock-ended:{time}:{user}"), format!("knock:{user}"));
    Some(Row::new(key, lane, Step::KnockEnded { user }))
}

fn found(knock: Knock) -> Row {
    let Knock {
        user,
        event,
        reason,
        sent,
    } = knock;
    let (key, lane) = (format!("knock:{event}"), format!("knock:{user}"));
    let step = Step::Knock {
        user,
        event,
        reason: row::reason(&reason),
        found: true,
        sent,
    };
    Row::new(key, lane, step)
}

async fn put_all(store: &Store, rows: Vec<Row>) -> Result<usize, StoreError> {
    store
        .run(move |tx| {
            let mut new = 0;
            for row in &rows {
                new += usize::from(row.put(tx)?);
            }
            Ok(new)
        })
        .await
}
