//! The rules of the space.

use crate::community::InCommunity as _;
use harness::{
    client::User,
    step::{ensure, seen},
    world::World,
};

use super::Seen;

/// The space's join rule is `knock`.
pub async fn join_rule_is_knock(world: &World) -> Seen {
    let rule = world.owner().state(world.space(), "m.room.join_rules", "").await?;
    ensure(rule["join_rule"] == "knock", || format!("the join rule is {rule}"))?;
    seen(rule.to_string())
}

/// The space's join rule names no rooms whose members may come in unasked.
pub async fn no_allow_list(world: &World) -> Seen {
    let rule = world.owner().state(world.space(), "m.room.join_rules", "").await?;
    ensure(rule.get("allow").is_none(), || format!("the join rule is {rule}"))?;
    seen("no allow list")
}

/// A join is refused with 403 `M_FORBIDDEN`.
pub async fn refuses(stranger: &User, room: &str) -> Seen {
    match stranger.join(room).await {
        Ok(room) => Err(harness::step::Failure::new(format!(
            "{} joined {room} without an invite",
            stranger.user_id()
        ))),
        Err(error) => {
            let fits = error
                .matrix()
                .is_some_and(|error| error.status == 403 && error.errcode == "M_FORBIDDEN");
            ensure(fits, || format!("wanted 403 M_FORBIDDEN, got {error}"))?;
            seen(error.to_string())
        }
    }
}

/// Joins every child room.
pub async fn children_joined(world: &World, who: &User) -> Seen {
    let children = super::children(world);
    for child in &children {
        who.join(child).await?;
    }
    super::vetting::sees_joined(who, &children).await
}
