//! The knocks that were answered although they still stand: of those whose time was up, or who had no try left.
//!
//! The database knows them, and can be lost. So they are kept with the homeserver, too, in the account's data about the room, which nobody
//! else sees: without it each of these people would be asked again.

use std::collections::BTreeSet;

use matrix_sdk::{
    Error,
    ruma::{
        RoomId,
        api::client::config::{get_room_account_data, set_room_account_data},
        events::RoomAccountDataEventType,
        serde::Raw,
    },
};
use serde_json::{Value, json, value::to_raw_value};

use super::refusal;
use crate::{identity::Live, session::Strict};

const KIND: &str = "dev.knockproof.answered_knocks";

/// The events of those knocks.
pub async fn answered_knocks(live: &Live, room: &RoomId) -> Result<BTreeSet<String>, Error> {
    let kind = RoomAccountDataEventType::from(KIND);
    let request = get_room_account_data::v3::Request::new(live.user_id.clone(), room.to_owned(), kind);
    match live.client.send(request).await {
        Ok(answer) => {
            let content: Value = answer.account_data.deserialize_as_unchecked()?;
            let knocks = content["knocks"].as_array().into_iter().flatten();
            Ok(knocks.filter_map(|knock| knock.as_str().map(str::to_owned)).collect())
        }
        Err(error) => {
            let error = Error::from(error);
            match refusal(&error) {
                Some(no) if no.is_unknown() => Ok(BTreeSet::new()),
                _ => Err(error),
            }
        }
    }
}

/// Keeps these.
pub async fn keep_answered_knocks(live: &Live, room: &RoomId, knocks: &BTreeSet<String>) -> Result<(), Error> {
    let content = Raw::from_json(to_raw_value(&json!({ "knocks": knocks }))?);
    let kind = RoomAccountDataEventType::from(KIND);
    let request = set_room_account_data::v3::Request::new_raw(live.user_id.clone(), room.to_owned(), kind, content);
    live.client.send(Strict(request)).await?;
    Ok(())
}
