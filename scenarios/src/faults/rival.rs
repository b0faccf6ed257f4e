//! Somebody logs in once on the device of a running bot.

use std::time::Duration;

use harness::{
    fault::{Expectation, Fault, Fired, Moment, Need, NewDevice, Reach, Result, acts},
    front_door::{Matcher, Point},
    world::World,
};
use serde_json::json;

use crate::community::InCommunity as _;

/// How long the bot may take to ask for the next sync.
const MEETING: Duration = Duration::from_secs(45);

pub(super) fn faults() -> [Fault; 1] {
    [Fault::new(
        "device-logged-in-elsewhere",
        "somebody logs in on the bot's device, which kills its token; a lobby and a signup are the first to meet that",
        &[Moment::WhileRunning, Moment::InTheMiddle],
    )
    .needing(&[Need::OneTokenPerDevice])
    .reaching(Reach::Account)
    .expecting(|_| Expectation::one_login(NewDevice::Never))
    .injected(|world| Box::pin(logged_in(world)))]
}

async fn logged_in(world: &mut World) -> Result<Fired> {
    let (token, device) = (acts::bot_token(world), acts::bot_device(world));
    let met = acts::met(world);
    // The poll is held, or it might be the first to meet the dead token.
    let poll = Matcher::endpoint("GET", "/sync").by(world.account().user_id());
    let poll = world.front_door.gate(poll.from_bot(), Point::BeforeForward);
    world.owner().type_in(world.admin_room()).await?;
    poll.reached(MEETING).await?;
    acts::log_in_on(world, &device).await?;
    let evidence = acts::is_dead(world, "the bot's token", &token).await?;
    // A lobby and an account have to be made with the dead token: the requests heal it, and are answered after that.
    let lobby = json!({ "code": world.knock_code() });
    let form = json!({
        "code": world.signup_code(), "username": world.new_name("meanwhile"), "password": world.new_password(),
    });
    let (lobby, account) = tokio::join!(world.post("/join/api", &lobby), world.post("/signup/api", &form));
    let (lobby, account) = (lobby?, account?);
    poll.open();
    match (lobby.status, account.status) {
        (200, 200) => Ok(Fired::with(evidence)
            .and(format!(
                "a lobby was opened all the same in {} ms, and an account made in {} ms",
                lobby.took.as_millis(),
                account.took.as_millis()
            ))
            .going_on(met)),
        _ => Err(format!(
            "asked for meanwhile: a lobby, {} {}; an account, {} {}",
            lobby.status, lobby.body["error"], account.status, account.body["error"]
        )
        .into()),
    }
}
