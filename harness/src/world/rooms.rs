use crate::client::{NewRoom, Result, User};
use serde_json::{Value, json};

/// Names of the space's children.
const CHILDREN: [&str; 3] = ["general", "announcements", "bot-noise"];

/// A child room of the space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Its name.
    pub name: &'static str,
    /// Its id.
    pub id: String,
}

/// The rooms of the community.
#[derive(Clone, Debug)]
pub struct Rooms {
    /// The space: join rule `knock`.
    pub space: String,
    /// Its encrypted children: who is in the space may join.
    pub children: Vec<Child>,
    /// The encrypted room for commands.
    pub admin: String,
}

/// Makes the rooms; the bots are invited and have the power they need, but have not joined.
pub(super) async fn make(owner: &User, version: Option<&str>, approver: &str, helpers: &[&str]) -> Result<Rooms> {
    let plan = Plan::of(owner, version, approver, helpers).await?;
    let space = owner.create_room(&plan.space()).await?;
    let (general, announcements, noise, admin) = tokio::try_join!(
        child(owner, &plan, &space, CHILDREN[0]),
        child(owner, &plan, &space, CHILDREN[1]),
        child(owner, &plan, &space, CHILDREN[2]),
        async { owner.create_room(&plan.admin()).await },
    )?;
    Ok(Rooms {
        space,
        children: vec![general, announcements, noise],
        admin,
    })
}

async fn child(owner: &User, plan: &Plan, space: &str, name: &'static str) -> Result<Child> {
    let id = owner.create_room(&plan.child(space, name, owner.user_id())).await?;
    owner
        .set_state(
            space,
            "m.space.child",
            &id,
            &json!({ "via": [server_of(owner.user_id())] }),
        )
        .await?;
    Ok(Child { name, id })
}

fn server_of(user_id: &str) -> &str {
    user_id.split_once(':').map_or(user_id, |(_, server)| server)
}

/// What all rooms have in common.
struct Plan {
    version: Option<String>,
    powers: Value,
    bots: Vec<String>,
}

impl Plan {
    async fn of(owner: &User, version: Option<&str>, approver: &str, helpers: &[&str]) -> Result<Self> {
        let in_force = match version {
            Some(version) => version.to_owned(),
            None => default_version(owner).await?,
        };
        let mut powers = json!({ approver: 100 });
        for helper in helpers {
            powers[*helper] = Value::from(50);
        }
        // From room version 12 on, creators have all power and must not stand in the event; before, they must, or have none.
        if !creators_have_all_power(&in_force) {
            powers[owner.user_id()] = Value::from(100);
        }
        let bots = std::iter::once(approver)
            .chain(helpers.iter().copied())
            .map(str::to_owned)
            .collect();
        Ok(Self {
            version: version.map(str::to_owned),
            powers,
            bots,
        })
    }

    fn room(&self, name: &str) -> NewRoom {
        NewRoom::preset("private_chat")
            .named(name)
            .version(self.version.as_deref())
            .with("power_level_content_override", json!({ "users": self.powers }))
            .invite(self.bots.iter().map(String::as_str))
    }

    fn space(&self) -> NewRoom {
        self.room("Knockproof")
            .space()
            .state("m.room.join_rules", "", &json!({ "join_rule": "knock" }))
    }

    fn child(&self, space: &str, name: &str, owner: &str) -> NewRoom {
        let allow = json!([{ "type": "m.room_membership", "room_id": space }]);
        self.room(name)
            .encrypted()
            .state(
                "m.room.join_rules",
                "",
                &json!({ "join_rule": "restricted", "allow": allow }),
            )
            .state(
                "m.room.history_visibility",
                "",
                &json!({ "history_visibility": "shared" }),
            )
            .state(
                "m.space.parent",
                space,
                &json!({ "via": [server_of(owner)], "canonical": true }),
            )
    }

    fn admin(&self) -> NewRoom {
        self.room("commands").encrypted()
    }
}

async fn default_version(user: &User) -> Result<String> {
    let path = "/_matrix/client/v3/capabilities";
    let answer = user.request(reqwest::Method::GET, path, None).await?;
    let version = answer["capabilities"]["m.room_versions"]["default"].as_str();
    // The specification: without the capability, clients should assume version 1.
    Ok(version.unwrap_or("1").to_owned())
}

/// Versions 1 to 11 have numbers; what has a name is experimental and stands on one of them, except the drafts of version 12.
fn creators_have_all_power(version: &str) -> bool {
    match version.parse::<u32>() {
        Ok(number) => number >= 12,
        Err(_) => version.starts_with("org.matrix.hydra"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("1", false)]
    #[case("11", false)]
    #[case("12", true)]
    #[case("org.matrix.hydra.11", true)]
    #[case("org.matrix.msc3757.10", false)]
    fn creators_have_all_power_from_version_12_on(#[case] version: &str, #[case] have: bool) {
        assert_eq!(creators_have_all_power(version), have);
    }
}
