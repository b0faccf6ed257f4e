//! Who may do what in a room.

use matrix_sdk::ruma::{
    OwnedUserId, RoomId, RoomVersionId, UserId,
    events::room::power_levels::{RoomPowerLevels, RoomPowerLevelsEventContent, UserPowerLevel},
    room_version_rules::RoomVersionRules,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::look::state;
use crate::{healing::Class, secret::Secret, session::Server};

/// All that decides it, as the homeserver gave it. It is kept in the database: from outside a room nobody can ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Powers {
    version: String,
    creators: Vec<OwnedUserId>,
    levels: Option<Value>,
}

impl Powers {
    /// Reads them from the homeserver.
    pub(super) async fn read(server: &Server, token: &Secret, room: &RoomId) -> Result<Self, Class> {
        let create = state(server, token, room, "m.room.create", "")
            .await?
            .unwrap_or_default();
        Ok(Self {
            version: create["room_version"].as_str().unwrap_or("1").to_owned(),
            creators: creators(server, token, room, &create).await,
            levels: state(server, token, room, "m.room.power_levels", "").await?,
        })
    }

    /// As the rules of the room's version have them.
    pub(super) fn levels(&self) -> RoomPowerLevels {
        let version = RoomVersionId::try_from(self.version.as_str()).unwrap_or(RoomVersionId::V12);
        let rules = version.rules().unwrap_or(RoomVersionRules::V12);
        let content: Option<RoomPowerLevelsEventContent> = self
            .levels
            .clone()
            .and_then(|levels| serde_json::from_value(levels).ok());
        RoomPowerLevels::new(content.into(), &rules.authorization, self.creators.iter().cloned())
    }

    /// Whether somebody stands above the ordinary member, and high enough to invite. In many rooms everybody can invite: who
    /// was thrown out by those who run a room does not come back on anybody's word.
    pub(super) fn may_bring_in(&self, user: &UserId) -> bool {
        let levels = self.levels();
        levels.user_can_invite(user) && levels.for_user(user) > UserPowerLevel::from(levels.users_default)
    }
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

/// A level as people read it.
pub(super) fn shown(level: UserPowerLevel) -> String {
    match level {
        UserPowerLevel::Int(level) => level.to_string(),
        _ => "above all".to_owned(),
    }
}

#[cfg(test)]
impl Powers {
    /// Those of a room that @owner:x made.
    pub(super) fn of(version: &str, levels: Value) -> Self {
        Self {
            version: version.to_owned(),
            creators: vec![matrix_sdk::ruma::owned_user_id!("@owner:x")],
            levels: Some(levels),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::an_owner("@owner:x", true)]
    #[case::a_moderator("@mod:x", true)]
    #[case::raised_a_little_which_is_enough_to_invite("@helper:x", true)]
    #[case::an_ordinary_member_although_everybody_can_invite("@member:x", false)]
    #[case::a_stranger("@stranger:elsewhere", false)]
    fn who_stands_above_the_others_may_bring_the_bot_in(#[case] user: &str, #[case] may: bool) {
        let users = json!({ "@owner:x": 100, "@mod:x": 50, "@helper:x": 10, "@member:x": 0 });
        let powers = Powers::of("11", json!({ "users": users }));
        assert_eq!(powers.may_bring_in(&UserId::parse(user).unwrap()), may);
    }

    #[test]
    fn who_may_not_invite_may_not_bring_it_in() {
        let powers = Powers::of("11", json!({ "users": { "@mod:x": 50 }, "invite": 75 }));
        assert!(!powers.may_bring_in(&UserId::parse("@mod:x").unwrap()));
    }

    #[test]
    fn the_creator_of_a_newer_room_needs_no_level() {
        let levels = json!({ "users": {}, "invite": 100 });
        let creator = UserId::parse("@owner:x").unwrap();
        assert!(Powers::of("12", levels.clone()).may_bring_in(&creator));
        assert!(!Powers::of("11", levels).may_bring_in(&creator));
    }

    #[test]
    fn what_was_kept_reads_as_it_was() {
        let powers = Powers::of("12", json!({ "users": { "@mod:x": 50 } }));
        let kept = serde_json::to_string(&powers).unwrap();
        assert_eq!(serde_json::from_str::<Powers>(&kept).unwrap(), powers);
    }
}
