//! What the SDK shows of a verification, and what is done with it.
//!
//! What holds the SDK's types is boxed, as in [`crate::matrix`].

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use matrix_sdk::{
    Error,
    encryption::verification::{
        SasState, SasVerification, Verification, VerificationRequest, VerificationRequestState,
    },
    ruma::{
        RoomId, TransactionId, UserId, api::client::to_device::send_event_to_device,
        events::key::verification::VerificationMethod, serde::Raw, to_device::DeviceIdOrAllDevices,
    },
};
use serde_json::{json, value::to_raw_value};

use super::{
    heard::{Heard, Request, of_room},
    stage::{Act, Seen},
};
use crate::{identity::Live, matrix, words};

/// The methods that are offered: what people can compare without a camera.
fn methods() -> Vec<VerificationMethod> {
    vec![VerificationMethod::SasV1]
}

fn request<'a>(live: &'a Live, user: &'a UserId, flow: &'a str) -> BoxFuture<'a, Option<VerificationRequest>> {
    Box::pin(async move { live.client.encryption().get_verification_request(user, flow).await })
}

fn sas(request: &VerificationRequest) -> Option<SasVerification> {
    match request.state() {
        VerificationRequestState::Transitioned { verification } => verification.sas(),
        _ => None,
    }
}

/// Looks at it.
pub(super) fn look<'a>(live: &'a Live, user: &'a UserId, flow: &'a str) -> BoxFuture<'a, Seen> {
    Box::pin(async move {
        let Some(request) = request(live, user, flow).await else {
            return Seen::Nothing;
        };
        match request.state() {
            VerificationRequestState::Requested { .. } => Seen::Asked,
            VerificationRequestState::Created { .. } | VerificationRequestState::Ready { .. } => Seen::Ready,
            VerificationRequestState::Transitioned {
                verification: Verification::SasV1(sas),
            } => of_sas(&sas),
            VerificationRequestState::Transitioned { .. } => Seen::Incomparable,
            VerificationRequestState::Done => Seen::Done,
            VerificationRequestState::Cancelled(info) => Seen::Cancelled(words::name(info.reason())),
        }
    })
}

fn of_sas(sas: &SasVerification) -> Seen {
    match sas.state() {
        SasState::Started { .. } if !sas.we_started() => Seen::Begun,
        SasState::Created { .. } | SasState::Started { .. } | SasState::Accepted { .. } => Seen::Exchanging,
        SasState::KeysExchanged {
            emojis: Some(emoji), ..
        } => {
            let emoji = emoji.emojis.iter();
            Seen::Comparing(
                emoji
                    .map(|emoji| (emoji.symbol.to_owned(), emoji.description.to_owned()))
                    .collect(),
            )
        }
        SasState::KeysExchanged { emojis: None, .. } => Seen::Incomparable,
        SasState::Confirmed => Seen::Confirmed,
        SasState::Done { .. } => Seen::Done,
        SasState::Cancelled(info) => Seen::Cancelled(words::name(info.reason())),
    }
}

/// Does it; what does not concern the other side is nothing here.
pub(super) fn act<'a>(
    live: &'a Live,
    user: &'a UserId,
    flow: &'a str,
    act: &'a Act,
) -> BoxFuture<'a, Result<(), Error>> {
    Box::pin(async move {
        let Some(request) = request(live, user, flow).await else {
            return Ok(());
        };
        match (act, sas(&request)) {
            (Act::Accept, _) => request.accept_with_methods(methods()).await,
            (Act::GoAlong, Some(sas)) => sas.accept().await,
            (Act::Confirm, Some(sas)) => sas.confirm().await,
            (Act::Deny, Some(sas)) => sas.mismatch().await,
            (Act::Cancel(_), _) => request.cancel().await,
            _ => Ok(()),
        }
    })
}

/// Refuses a request, in words that the other side's client may show. What the SDK does not know of (it takes none from a device that it
/// has not seen, nor from before it came into a room) is answered by hand.
pub(super) fn refuse<'a>(live: &'a Live, asked: &'a Request, why: &'a str) -> BoxFuture<'a, Result<(), Error>> {
    Box::pin(async move {
        if let Some(request) = request(live, &asked.user, &asked.flow).await {
            return request.cancel().await;
        }
        let kind = "m.key.verification.cancel";
        if let Some(room) = &asked.room {
            let content = json!({
                "m.relates_to": { "rel_type": "m.reference", "event_id": asked.flow }, "code": "m.user", "reason": why,
            });
            let Some(room) = live.client.get_room(room) else {
                return Ok(());
            };
            return room.send_raw(kind, content).await.map(drop);
        }
        let content = json!({ "transaction_id": asked.flow, "code": "m.user", "reason": why });
        let content = Raw::from_json(to_raw_value(&content)?);
        let device = DeviceIdOrAllDevices::DeviceId(asked.device.as_str().into());
        let messages = BTreeMap::from([(asked.user.clone(), BTreeMap::from([(device, content)]))]);
        let request = send_event_to_device::v3::Request::new_raw(kind.into(), TransactionId::new(), messages);
        live.client.send(request).await?;
        Ok(())
    })
}

/// Has the SDK ask for somebody's devices, so that it knows them the next time.
pub(super) fn get_to_know<'a>(live: &'a Live, user: &'a UserId) -> BoxFuture<'a, Result<(), Error>> {
    Box::pin(async move { live.client.encryption().request_user_identity(user).await.map(drop) })
}

/// The requests that somebody made in a room and that the SDK has not heard.
pub(super) fn missed<'a>(live: &'a Live, room: &'a RoomId) -> BoxFuture<'a, Result<Vec<Request>, Error>> {
    Box::pin(async move {
        let mut missed = Vec::new();
        for event in matrix::last_page(live, room).await? {
            if let Some(Heard::Asked(asked)) = of_room(&event, room, &live.user_id)
                && request(live, &asked.user, &asked.flow).await.is_none()
            {
                missed.push(asked);
            }
        }
        Ok(missed)
    })
}
