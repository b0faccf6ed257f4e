//! What bends make of an answer on its way back.

use axum::{body::Bytes, http::StatusCode};
use serde_json::Value;

use super::{
    Action, Exchange, Rewrite,
    answer::{Answer, AnswerBody, change_header},
    bend::Rule,
    proxy::{Hangup, mark},
    server::House,
};

/// What is left of an answer.
pub(super) enum Bent {
    /// Nothing: the connection is closed.
    Lost,
    /// All of it, as it may have been changed.
    Whole(Answer),
    /// So many bytes of its body.
    Cut(Answer, usize),
}

/// Leads an answer back through the bends of its request, from the homeserver to the client.
pub(super) async fn back(
    house: &House,
    exchange: &Exchange,
    rules: impl Iterator<Item = &Rule>,
    mut answer: Answer,
) -> Result<Bent, Hangup> {
    let upstream_status = answer.status;
    let mut cut: Option<usize> = None;
    for rule in rules {
        match &rule.action {
            Action::DropReply => {
                note_status(house, exchange, upstream_status);
                // Whole, so that the upstream has certainly done its work.
                let _ = answer.whole().await;
                return Ok(Bent::Lost);
            }
            Action::DelayReply(time) => {
                rule.over.run_until_cancelled(tokio::time::sleep(*time)).await;
            }
            Action::NotJson => answer = Answer::page(answer.status),
            Action::Truncate(bytes) => cut = Some(cut.map_or(*bytes, |before| before.min(*bytes))),
            action if action.is_rewrite() => answer = rewritten(house, exchange, rule, answer).await?,
            _ => {}
        }
    }
    if answer.status != upstream_status {
        note_status(house, exchange, upstream_status);
    }
    Ok(match cut {
        Some(bytes) => Bent::Cut(answer, bytes),
        None => Bent::Whole(answer),
    })
}

fn note_status(house: &House, exchange: &Exchange, status: StatusCode) {
    house.traffic.update(exchange.seq, |exchange| {
        exchange.upstream_status = Some(status.as_u16())
    });
}

/// The answer as a rewrite leaves it. One that finds nothing to change has not fired.
async fn rewritten(house: &House, exchange: &Exchange, rule: &Rule, answer: Answer) -> Result<Answer, Hangup> {
    let (mut status, mut headers) = (answer.status, answer.headers.clone());
    let body = answer.whole().await.map_err(|_| Hangup::UPSTREAM)?;
    let edited = edited(&rule.action, &body);
    let whole = |status, headers, body| Answer {
        status,
        headers,
        body: AnswerBody::Whole(body),
    };
    let changes_head = matches!(&rule.action, Action::Rewrite(Rewrite { status: Some(_), .. }))
        || matches!(&rule.action, Action::Rewrite(rewrite) if !rewrite.headers.is_empty());
    if (edited.is_none() && !changes_head) || !rule.takes(exchange) {
        return Ok(whole(status, headers, body));
    }
    mark(house, exchange.seq, &rule.action.to_string());
    if let Action::Rewrite(rewrite) = &rule.action {
        status = rewrite
            .status
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(status);
        for (name, value) in &rewrite.headers {
            change_header(&mut headers, name, value.as_deref());
        }
    }
    let body = edited.map_or(body, Bytes::from);
    if let Ok(json) = serde_json::from_slice::<Value>(&body)
        && let Some(errcode) = json.get("errcode")
    {
        let errcode = errcode.clone();
        house.traffic.update(exchange.seq, |exchange| {
            exchange.answer["errcode"] = errcode;
        });
    }
    Ok(whole(status, headers, body))
}

/// What a rewrite makes of a body; `None` where it has nothing to change.
fn edited(action: &Action, body: &[u8]) -> Option<Vec<u8>> {
    if let Action::Rewrite(rewrite) = action {
        return rewrite.edited(body);
    }
    let mut json: Value = serde_json::from_slice(body).ok()?;
    let changed = match action {
        Action::Errcode { from, to } if json["errcode"] == from.as_str() => {
            json["errcode"] = Value::from(to.as_str());
            true
        }
        Action::Gap => leave_messages_out(&mut json),
        _ => false,
    };
    changed.then(|| json.to_string().into_bytes())
}

/// Empties the timelines of a sync that hold a message; answers whether there was one.
fn leave_messages_out(sync: &mut Value) -> bool {
    let rooms = sync.pointer_mut("/rooms/join").and_then(Value::as_object_mut);
    let mut changed = false;
    for room in rooms.into_iter().flat_map(|rooms| rooms.values_mut()) {
        let timeline = &mut room["timeline"];
        let events = timeline["events"].as_array();
        if events.is_some_and(|events| events.iter().any(|event| event["type"] == "m.room.message")) {
            timeline["events"] = Value::Array(Vec::new());
            timeline["limited"] = Value::Bool(true);
            changed = true;
        }
    }
    changed
}
