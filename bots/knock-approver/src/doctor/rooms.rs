//! The community's rooms, and whether the approver has the power that it needs there.

use matrix_sdk::ruma::{
    OwnedRoomId, OwnedUserId, RoomId, RoomVersionId, UserId,
    events::{
        MessageLikeEventType,
        room::power_levels::{RoomPowerLevels, RoomPowerLevelsEventContent},
    },
};
use serde_json::Value;

use super::{Finding, Patient};
use crate::{config::Config, healing::Class, secret::Secret, session::Server};

/// What the bot does in a room.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Duty {
    Invites,
    Speaks,
}

/// Looks at each room that the environment names.
pub(super) async fn examine(config: &Config, server: &Server, approver: &Patient<'_>) -> Vec<Finding> {
    let flow = &config.flow;
    let mut wanted: Vec<(String, OwnedRoomId, Duty)> = vec![("space".to_owned(), flow.space.clone(), Duty::Invites)];
    for (n, child) in flow.children.iter().enumerate() {
        wanted.push((format!("child room {}", n + 1), child.clone(), Duty::Invites));
    }
    for (name, room) in [
        ("command room", &flow.command_room),
        ("feed room", &flow.feed_room),
        ("operators' room", &flow.notify_room),
    ] {
        let known = wanted
            .iter()
            .any(|(_, other, duty)| other == room && *duty == Duty::Speaks);
        if !known {
            wanted.push((name.to_owned(), room.clone(), Duty::Speaks));
        }
    }
    let mut findings = Vec::new();
    for (name, room, duty) in wanted {
        findings.push(standing(name, &room, duty, server, approver).await);
    }
    findings.push(join_rule(&flow.space, server, &approver.token).await);
    findings
}

async fn standing(name: String, room: &RoomId, duty: Duty, server: &Server, approver: &Patient<'_>) -> Finding {
    let (user, token) = (&approver.user, &approver.token);
    let member = state(server, token, room, "m.room.member", user.as_str()).await;
    match member {
        Ok(member) if member["membership"] == "join" => {}
        Ok(_) | Err(Class::Other { status: 403 | 404, .. }) => {
            return Finding::broken(
                name,
                format!("{user} is not in {room}"),
                format!("invite {user} there and let it join"),
            );
        }
        Err(class) => return unknown(name, &class),
    }
    let levels = match power(server, token, room).await {
        Ok(levels) => levels,
        Err(class) => return unknown(name, &class),
    };
    let (able, needs) = match duty {
        Duty::Invites => (
            levels.user_can_invite(user),
            format!("invite (level {})", levels.invite),
        ),
        Duty::Speaks => {
            let needed = levels.for_message(MessageLikeEventType::RoomMessage);
            let speaks = levels.user_can_send_message(user, MessageLikeEventType::RoomMessage);
            (speaks, format!("speak (level {needed})"))
        }
    };
    if able {
        Finding::well(name, format!("{user} is in {room} and may {needs}"))
    } else {
        Finding::broken(
            name,
            format!("{user} may not {needs} in {room}"),
            format!("raise the power of {user} there"),
        )
    }
}

/// The rule that lets people knock (room version 7 and later).
async fn join_rule(space: &RoomId, server: &Server, token: &Secret) -> Finding {
    const WHAT: &str = "join rule of the space";
    match state(server, token, space, "m.room.join_rules", "").await {
        Ok(content) => match content["join_rule"].as_str() {
            Some(rule @ ("knock" | "knock_restricted")) => Finding::well(WHAT, rule),
            other => Finding::weak(
                WHAT,
                format!("{}: nobody can knock", other.unwrap_or("not set")),
                "set the space's join rule to knock",
            ),
        },
        Err(class) => unknown(WHAT.to_owned(), &class),
    }
}

async fn power(server: &Server, token: &Secret, room: &RoomId) -> Result<RoomPowerLevels, Class> {
    let create = state(server, token, room, "m.room.create", "").await?;
    let version = create["room_version"].as_str().unwrap_or("1");
    let version = RoomVersionId::try_from(version).unwrap_or(RoomVersionId::V12);
    let rules = version
        .rules()
        .unwrap_or(matrix_sdk::ruma::room_version_rules::RoomVersionRules::V12);
    let creators = creators(server, token, room, &create).await;
    let content: Option<RoomPowerLevelsEventContent> = match state(server, token, room, "m.room.power_levels", "").await
    {
        Ok(content) => serde_json::from_value(content).ok(),
        Err(Class::Other { status: 404, .. }) => None,
        Err(class) => return Err(class),
    };
    Ok(RoomPowerLevels::new(content.into(), &rules.authorization, creators))
}

/// Those who, as of room version 12, are above all levels: the creation's sender, whom its content does not name, and who it names.
async fn creators(server: &Server, token: &Secret, room: &RoomId, create: &Value) -> Vec<OwnedUserId> {
    let sender = match server.state_event(token, room, "m.room.create", "").await {
        Class::Done(event) => event["sender"].as_str().map(str::to_owned),
        _ => None,
    };
    let named = create["additional_creators"].as_array().into_iter().flatten();
    let named = named.filter_map(|user| user.as_str().map(str::to_owned));
    sender
        .into_iter()
        .chain(named)
        .filter_map(|user| UserId::parse(user).ok())
        .collect()
}

async fn state(server: &Server, token: &Secret, room: &RoomId, kind: &str, key: &str) -> Result<Value, Class> {
    match server.get(token, &["rooms", room.as_str(), "state", kind, key]).await {
        Class::Done(content) => Ok(content),
        class => Err(class),
    }
}

fn unknown(what: String, class: &Class) -> Finding {
    Finding::weak(
        what,
        format!("not known: {}", crate::session::describe(class)),
        "ask again",
    )
}
