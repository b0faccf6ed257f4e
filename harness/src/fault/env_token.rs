//! The token in the environment is wrong.

use super::{Expectation, Fault, Fired, Moment, Need, NewDevice, Reach, Result, acts};
use crate::{contract::Variable, world::World};

const MOMENTS: &[Moment] = &[Moment::FirstBoot, Moment::AtBoot];

pub(super) fn faults() -> [Fault; 3] {
    let fault = |name, summary| {
        Fault::new(name, summary, MOMENTS)
            .needing(&[Need::TokenInEnvironment, Need::PasswordLogin])
            .reaching(Reach::Accounts)
            .expecting(expectation)
    };
    [
        fault("env-token-clobbered", "the token in the environment is garbage")
            .injected(|world| Box::pin(clobbered(world))),
        fault("env-token-empty", "the token in the environment is empty").injected(|world| Box::pin(empty(world))),
        fault(
            "env-token-of-another-user",
            "the token in the environment is a living one of somebody else",
        )
        .injected(|world| Box::pin(of_another_user(world))),
    ]
}

/// A bot that has worked keeps its own session; one that never ran has only the password, and so a device of its own making.
fn expectation(moment: Moment) -> Expectation {
    match moment {
        Moment::FirstBoot => Expectation::one_login(NewDevice::Allowed),
        _ => Expectation::unharmed(),
    }
}

async fn clobbered(world: &mut World) -> Result<Fired> {
    let garbage = acts::garbage(world);
    acts::give_token(world, &garbage)?;
    let evidence = acts::is_dead(world, "the environment's token", &garbage).await?;
    Ok(Fired::with(evidence))
}

async fn empty(world: &mut World) -> Result<Fired> {
    let names = acts::give_token(world, "")?;
    let account = world.account();
    let whole = account.variables_with(Variable::Token);
    for (name, template) in whole {
        let wanted = template.render(|variable| match variable {
            Variable::Token => String::new(),
            other => world.value(account, other),
        });
        if world.bot.env().get(name) != Some(&wanted) {
            return Err(format!("{name} still has a token").into());
        }
    }
    Ok(Fired::with(format!("{names} has no token")))
}

async fn of_another_user(world: &mut World) -> Result<Fired> {
    let stranger = world.new_user("stranger").await?;
    acts::give_token(world, stranger.token())?;
    let whoami = stranger.whoami().await?;
    if whoami["user_id"] == world.account().user_id() {
        return Err("the stranger is the bot".into());
    }
    Ok(Fired::with(format!(
        "whoami with the environment's token says {}",
        whoami["user_id"]
    )))
}
