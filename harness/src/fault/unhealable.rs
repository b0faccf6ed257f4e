//! What the bot cannot heal alone: it must say so, say what to do, and heal when that is done.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;

use super::{Anyhow, Expectation, Fault, Fired, Moment, NewDevice, acts};
use crate::{
    client::User,
    homeserver::Flavor,
    wait::{self, Poll},
    world::World,
};

const MOMENTS: &[Moment] = &[Moment::AtBoot, Moment::WhileRunning];

/// How long a homeserver may take to let a deactivated account leave its rooms.
const LEAVING: Duration = Duration::from_secs(30);

/// A password that is none.
pub(super) const WRONG: &str = "wrong-password-000000000000";

/// There is no password and no token.
#[derive(Debug)]
pub(super) struct NoPassword;

#[async_trait]
impl Fault for NoPassword {
    fn name(&self) -> &'static str {
        "no-password"
    }

    fn summary(&self) -> &'static str {
        "every token is dead and the password file is gone"
    }

    fn moments(&self) -> &'static [Moment] {
        MOMENTS
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        Expectation::one_login(NewDevice::Allowed)
            .logins(2, 2)
            .needs_operator(&["password"], 0)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        world.approver().remove_password()?;
        let evidence = acts::reset_password(world).await?;
        Ok(Fired::with(evidence).and("the password file is gone"))
    }

    async fn cure(&self, world: &mut World) -> Anyhow<()> {
        acts::write_password(world)
    }
}

/// The password is wrong and there is no token.
#[derive(Debug)]
pub(super) struct WrongPassword;

#[async_trait]
impl Fault for WrongPassword {
    fn name(&self) -> &'static str {
        "wrong-password"
    }

    fn summary(&self) -> &'static str {
        "every token is dead and the password file holds a wrong password"
    }

    fn moments(&self) -> &'static [Moment] {
        MOMENTS
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        Expectation::one_login(NewDevice::Allowed)
            .logins(2, 3)
            .needs_operator(&["password"], 1)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        // The file first: a running bot meets its dead token at once, and would try the old password too.
        world.approver().write_password(WRONG)?;
        let evidence = acts::reset_password(world).await?;
        let account = world.approver();
        match User::login(world.homeserver.base_url(), account.user_id(), WRONG, None).await {
            Ok(_) => Err("the wrong password works".into()),
            Err(error) => {
                Ok(Fired::with(evidence).and(format!("a login with the file's password says {}", error.errcode())))
            }
        }
    }

    async fn cure(&self, world: &mut World) -> Anyhow<()> {
        acts::write_password(world)
    }
}

/// The account is deactivated.
#[derive(Debug)]
pub(super) struct Deactivated;

#[async_trait]
impl Fault for Deactivated {
    fn name(&self) -> &'static str {
        "account-deactivated"
    }

    fn summary(&self) -> &'static str {
        "the operator deactivates the bot's account"
    }

    fn moments(&self) -> &'static [Moment] {
        MOMENTS
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        let says: &[&str] = &["deactivat", "reactivat", "password", "account"];
        Expectation::one_login(NewDevice::Allowed)
            .logins(2, 3)
            .needs_operator(says, 1)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let token = acts::bot_token(world);
        world
            .homeserver
            .operator()
            .deactivate(world.approver().localpart())
            .await?;
        Ok(Fired::with(acts::is_dead(world, "the bot's token", &token).await?))
    }

    /// A deactivated account has left its rooms: it is brought back, invited again, and given its password.
    async fn cure(&self, world: &mut World) -> Anyhow<()> {
        left_everywhere(world).await?;
        let new = world.new_password();
        let localpart = world.approver().localpart().to_owned();
        world.homeserver.operator().reactivate(&localpart, &new).await?;
        world.approver_mut().set_password(&new);
        let bot = User::login(world.homeserver.base_url(), world.approver().user_id(), &new, None).await?;
        let told_in = world.bot.env().get("OPERATOR_NOTIFY_ROOM").map(String::as_str);
        let rooms: BTreeSet<String> = [world.space(), world.admin_room()]
            .into_iter()
            .chain(world.children())
            .chain(told_in)
            .map(str::to_owned)
            .collect();
        for room in rooms {
            if world.owner().membership(&room, bot.user_id()).await? != "join" {
                world.owner().invite(&room, bot.user_id()).await?;
                bot.join(&room).await?;
            }
        }
        bot.logout().await?;
        acts::write_password(world)
    }
}

/// Synapse lets a deactivated account leave its rooms in the background, and would go on with that after the account was brought back and
/// had joined them again. Other homeservers do it at once, or not at all.
async fn left_everywhere(world: &World) -> Anyhow<()> {
    if world.homeserver.flavor() != Flavor::Synapse {
        return Ok(());
    }
    let bot = world.approver().user_id();
    for room in world.children().chain([world.space(), world.admin_room()]) {
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
