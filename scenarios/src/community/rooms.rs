use harness::{
    client::{NewRoom, Result, User},
    world,
};
use serde_json::{Value, json};

/// Names of the space's children. In the last nobody speaks to the bot.
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
pub struct SpaceRooms {
    /// The space: join rule `knock`.
    pub space: String,
    /// Its encrypted children: who is in the space may join.
    pub children: Vec<Child>,
    /// The encrypted room for commands.
    pub admin: String,
}

impl SpaceRooms {
    /// One in which nobody speaks to the bot.
    pub(super) fn quiet(&self) -> &str {
        self.children.last().map_or(&self.space, |child| &child.id)
    }

    /// All but the quiet one and that for commands.
    pub(super) fn others(&self) -> Vec<String> {
        let quiet = self.quiet();
        let children = self.children.iter().map(|child| &child.id).filter(|id| *id != quiet);
        children.chain([&self.space]).cloned().collect()
    }
}

/// Makes the rooms; the bots have the power they need, and join.
pub(super) async fn make(owner: &User, version: Option<&str>, bots: &[User]) -> Result<SpaceRooms> {
    let plan = Plan::of(owner, version, bots).await?;
    let space = owner.create_room(&plan.space()).await?;
    let (general, announcements, noise, admin) = tokio::try_join!(
        child(owner, &plan, &space, CHILDREN[0]),
        child(owner, &plan, &space, CHILDREN[1]),
        child(owner, &plan, &space, CHILDREN[2]),
        async { owner.create_room(&plan.admin()).await },
    )?;
    let rooms = SpaceRooms {
        space,
        children: vec![general, announcements, noise],
        admin,
    };
    let ids: Vec<&String> = rooms
        .children
        .iter()
        .map(|child| &child.id)
        .chain([&rooms.admin])
        .collect();
    let each = bots.iter().map(|bot| async {
        bot.join(&rooms.space).await?;
        futures_util::future::try_join_all(ids.iter().map(|id| bot.join(id))).await
    });
    futures_util::future::try_join_all(each).await?;
    Ok(rooms)
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
    async fn of(owner: &User, version: Option<&str>, bots: &[User]) -> Result<Self> {
        let mut powers = world::powers(owner, version, bots).await?;
        // Only the approver, who is the first, may do everything.
        for helper in bots.iter().skip(1) {
            powers[helper.user_id()] = Value::from(50);
        }
        Ok(Self {
            version: version.map(str::to_owned),
            powers,
            bots: bots.iter().map(|bot| bot.user_id().to_owned()).collect(),
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
