//! What the bot cannot heal alone: it must say so, say what to do, and heal when that is done.

use std::{collections::BTreeSet, time::Duration};

use super::{Expectation, Fault, Fired, Moment, Need, NewDevice, Reach, Result, acts};
use crate::{
    client::User,
    homeserver::Flavor,
    wait::{self, Poll},
    world::World,
};

const MOMENTS: &[Moment] = &[Moment::AtBoot, Moment::WhileRunning];

/// How long a homeserver may take to let a deactivated account leave its rooms.
const LEAVING: Duration = Duration::from_secs(30);

pub(super) fn faults() -> [Fault; 3] {
    let fault = |name, summary| {
        Fault::new(name, summary, MOMENTS)
            .needing(&[Need::PasswordLogin, Need::PasswordFile, Need::TellsOperator])
            .reaching(Reach::Accounts)
    };
    let tried = |succeeded, tried| Expectation::one_login(NewDevice::Allowed).logins(succeeded, tried);
    [
        fault("no-password", "every token is dead and the password file is gone")
            .expecting(move |_| tried(2, 2).needs_operator(&["password"], 0))
            .injected(|world| Box::pin(no_password(world)))
            .cured(|world| Box::pin(async { acts::write_password(world) })),
        fault(
            "wrong-password",
            "every token is dead and the password file holds a wrong password",
        )
        .expecting(move |_| tried(2, 3).needs_operator(&["password"], 1))
        .injected(|world| Box::pin(wrong_password(world)))
        .cured(|world| Box::pin(async { acts::write_password(world) })),
        fault("account-deactivated", "the operator deactivates the bot's account")
            .expecting(move |_| tried(2, 3).needs_operator(&["deactivat", "reactivat", "password", "account"], 1))
            .injected(|world| Box::pin(deactivated(world)))
            .cured(|world| Box::pin(brought_back(world))),
    ]
}

async fn no_password(world: &mut World) -> Result<Fired> {
    world.account().remove_password()?;
    let evidence = acts::reset_password(world).await?;
    Ok(Fired::with(evidence).and("the password file is gone"))
}

async fn wrong_password(world: &mut World) -> Result<Fired> {
    // The file first: a running bot meets its dead token at once, and would try the old password too.
    world.account().write_password(acts::WRONG_PASSWORD)?;
    let evidence = acts::reset_password(world).await?;
    let account = world.account();
    let base = world.homeserver.base_url();
    match User::login(base, account.user_id(), acts::WRONG_PASSWORD, None).await {
        Ok(_) => Err("the wrong password works".into()),
        Err(error) => {
            Ok(Fired::with(evidence).and(format!("a login with the file's password says {}", error.errcode())))
        }
    }
}

async fn deactivated(world: &mut World) -> Result<Fired> {
    let token = acts::bot_token(world);
    world
        .homeserver
        .operator()
        .deactivate(world.account().localpart())
        .await?;
    Ok(Fired::with(acts::is_dead(world, "the bot's token", &token).await?))
}

/// A deactivated account has left its rooms: it is brought back, invited again, and given its password.
async fn brought_back(world: &mut World) -> Result<()> {
    left_everywhere(world).await?;
    let new = world.new_password();
    let localpart = world.account().localpart().to_owned();
    world.homeserver.operator().reactivate(&localpart, &new).await?;
    world.account_mut().set_password(&new);
    let bot = User::login(world.homeserver.base_url(), world.account().user_id(), &new, None).await?;
    let rooms: BTreeSet<&str> = world.rooms().ids().collect();
    for room in rooms {
        if world.owner().membership(room, bot.user_id()).await? != "join" {
            world.owner().invite(room, bot.user_id()).await?;
            bot.join(room).await?;
        }
    }
    bot.logout().await?;
    acts::write_password(world)
}

/// Synapse lets a deactivated account leave its rooms in the background, and would go on with that after the account was brought back and
/// had joined them again. Other homeservers do it at once, or not at all.
async fn left_everywhere(world: &World) -> Result<()> {
    if world.homeserver.flavor() != Flavor::Synapse {
        return Ok(());
    }
    let bot = world.account().user_id();
    for room in world.rooms().ids() {
        let what = format!("{bot} to have left {room}");
        wait::until(what, LEAVING, || async {
            match world.owner().membership(room, bot).await {
                Ok(membership) if membership != "join" => Poll::Ready(()),
                Ok(membership) => Poll::Pending(membership),
                Err(error) => Poll::Pending(error.to_string()),
            }
        })
        .await?;
    }
    Ok(())
}
