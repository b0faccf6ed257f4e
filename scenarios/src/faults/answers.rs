//! An answer misleads a bot that asks the homeserver who it is.

use harness::{
    fault::{Fault, Fired, Moment, Reach, Result},
    front_door::{Action, Matcher},
    world::World,
};
use serde_json::json;

pub(super) fn faults() -> [Fault; 1] {
    // A living session is not given up for one wrong answer.
    [Fault::new(
        "whoami-answers-another-user",
        "the bot's first whoami is answered with another user",
        &[Moment::AtBoot],
    )
    .reaching(Reach::Accounts)
    .injected(|world| Box::pin(whoami_of_another(world)))]
}

async fn whoami_of_another(world: &mut World) -> Result<Fired> {
    let user = world.account().user_id();
    let whoami = Matcher::endpoint("GET", "/account/whoami").from_bot().by(user).times(1);
    let answer = json!({ "user_id": world.owner().user_id(), "device_id": "ELSEWHERE", "is_guest": false });
    let bend = world.front_door.bend(whoami, Action::json(200, &answer));
    Ok(Fired::with("the next whoami names the owner").bending(bend))
}
