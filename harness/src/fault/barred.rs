//! The account is barred for a while: the operator, or somebody else, has to lift it.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Expectation, Fault, Fired, Moment, Need, NewDevice, Reach, Result, acts};
use crate::{
    client::User,
    front_door::{Action, Matcher},
    world::World,
};

pub(super) fn faults() -> [Fault; 2] {
    [
        Fault::new(
            "account-locked",
            "the account is locked (401 M_USER_LOCKED to everything), and later unlocked",
            &[Moment::AtBoot, Moment::WhileRunning],
        )
        .needing(&[Need::TellsOperator])
        .reaching(Reach::Accounts)
        .expecting(|_| Expectation::unharmed().within(60).needs_operator(&["unlock"], 0))
        .injected(|world| Box::pin(locked(world)))
        .cured(|world| {
            Box::pin(async {
                let met = acts::end_bend(world)?;
                world.artifacts.note(format!("unlocked after {met} requests"));
                Ok(())
            })
        }),
        Fault::new(
            "login-answers-another-user",
            "the token is dead, and the first login makes a session of somebody else",
            &[Moment::AtBoot, Moment::WhileRunning],
        )
        .needing(&[Need::PasswordLogin, Need::PasswordFile, Need::TellsOperator])
        .reaching(Reach::Accounts)
        .expecting(|_| {
            // The session of somebody else, and then the usual two.
            Expectation::one_login(NewDevice::Allowed)
                .logins(3, 3)
                .needs_operator(&["username", "user name"], 1)
        })
        .injected(|world| Box::pin(login_of_another(world)))
        .cured(|world| Box::pin(looked_at_again(world))),
    ]
}

async fn locked(world: &mut World) -> Result<Fired> {
    let locked = json!({ "errcode": "M_USER_LOCKED", "error": "This account has been locked", "soft_logout": true });
    let everything = Matcher::any().from_bot().to_homeserver().by(world.account().user_id());
    let bend = world.front_door.bend(everything, Action::json(401, &locked));
    acts::keep_bend(world, bend);
    // News in a room, so that a running bot asks again at once.
    acts::wake(world).await?;
    Ok(Fired::with(format!(
        "every request of {} is answered with M_USER_LOCKED",
        world.account().user_id()
    )))
}

/// Sessions that are not the bot's, until they are seen to have been ended, each by the place of the account that got it.
#[derive(Default)]
struct OfAnother(BTreeMap<usize, String>);

async fn login_of_another(world: &mut World) -> Result<Fired> {
    let stranger = world.new_user("stranger").await?;
    let base = world.homeserver.base_url();
    let session = User::login(base, stranger.user_id(), stranger.password(), None).await?;
    let answer = json!({
        "user_id": session.user_id(), "device_id": session.device_id(), "access_token": session.token(),
    });
    let user = world.account().user_id();
    let login = Matcher::endpoint("POST", "/login").from_bot().by(user).times(1);
    let bend = world.front_door.bend(login, Action::json(200, &answer));
    let mut others = world.take::<OfAnother>().unwrap_or_default();
    others.0.insert(world.aim(), session.token().to_owned());
    world.put(others);
    let evidence = acts::reset_password_with_file(world).await?;
    Ok(Fired::with(evidence).bending(bend))
}

/// The session that the login made was ended; the operator looks at the file and writes it again.
async fn looked_at_again(world: &mut World) -> Result<()> {
    let others = world.get::<OfAnother>();
    let token = others.and_then(|others| others.0.get(&world.aim()));
    let token = token.ok_or("no session was made")?;
    let ended = acts::is_dead(world, "the session of somebody else", token).await?;
    world.artifacts.note(ended);
    acts::write_password(world)
}
