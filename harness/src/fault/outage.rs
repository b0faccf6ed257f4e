//! The homeserver, or the way to it, is away for a while. No outage may cost a login, a device or a key.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{Expectation, Fault, Fired, Moment, Need, NewDevice, Result, acts};
use crate::{
    front_door::{Action, Matcher},
    world::World,
};

const ALWAYS: &[Moment] = &[Moment::AtBoot, Moment::WhileRunning, Moment::InTheMiddle];

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn faults() -> [Fault; 7] {
    // The outage itself, and one whole back-off after it.
    let unharmed = || Expectation::unharmed().within(60);
    [
        Fault::new("homeserver-down", "the homeserver is down for 8 s", ALWAYS)
            .expecting(move |_| unharmed().downtime().waits())
            .injected(|world| Box::pin(down(world))),
        Fault::new(
            "homeserver-killed",
            "the homeserver is killed and started again",
            &[Moment::WhileRunning, Moment::InTheMiddle],
        )
        .expecting(move |_| unharmed().downtime())
        .injected(|world| Box::pin(killed(world))),
        Fault::new(
            "homeserver-frozen",
            "the homeserver accepts connections and answers nothing for 8 s",
            ALWAYS,
        )
        .expecting(move |_| unharmed().downtime().waits())
        .injected(|world| Box::pin(frozen(world))),
        Fault::new(
            "front-door-502",
            "the front door answers 502 with a page of HTML for 8 s",
            ALWAYS,
        )
        .expecting(move |_| unharmed().downtime().waits())
        .injected(|world| Box::pin(bad_gateway(world))),
        Fault::new(
            "front-door-502-env-token-clobbered",
            "the same, and the token in the environment is garbage",
            &[Moment::FirstBoot, Moment::AtBoot],
        )
        .needing(&[Need::TokenInEnvironment, Need::PasswordLogin])
        .expecting(move |moment| {
            let expectation = match moment {
                Moment::FirstBoot => Expectation::one_login(NewDevice::Allowed).within(60),
                _ => unharmed(),
            };
            expectation.downtime().waits()
        })
        .injected(|world| {
            Box::pin(async {
                acts::give_token(world, acts::GARBAGE)?;
                Ok(bad_gateway(world).await?.and("the environment's token is garbage"))
            })
        }),
        Fault::new(
            "network-black-hole",
            "no request of the bot is answered for 8 s",
            ALWAYS,
        )
        .expecting(move |_| unharmed().waits())
        .injected(|world| Box::pin(bent(world, "a black hole opened", Action::BlackHole))),
        Fault::new(
            "rate-limit-storm",
            "every request of the bot is answered with 429 for 8 s",
            ALWAYS,
        )
        .expecting(move |_| unharmed().waits())
        .injected(|world| {
            let limited = Action::limited(Duration::from_secs(2));
            Box::pin(bent(world, "the bot is limited", limited))
        }),
    ]
}

async fn down(world: &mut World) -> Result<Fired> {
    world.homeserver.stop().await?;
    let seen = acts::is_away(world, "down").await?;
    Ok(Fired::with(seen).going_on(back_later(world)))
}

async fn killed(world: &mut World) -> Result<Fired> {
    world.homeserver.kill().await?;
    let seen = acts::is_away(world, "down").await?;
    world.homeserver.start().await?;
    Ok(Fired::with(seen).and("it was killed and is back"))
}

async fn frozen(world: &mut World) -> Result<Fired> {
    world.homeserver.freeze().await?;
    let seen = acts::is_away(world, "frozen").await?;
    let (homeserver, traffic, outage) = (world.homeserver.clone(), world.traffic().clone(), acts::outage(world));
    let thaw = Box::pin(async move {
        outage.await;
        let bots = traffic.filter(&Matcher::any().from_bot());
        let waiting = bots.iter().filter(|exchange| !exchange.is_over()).count();
        homeserver.thaw().await?;
        match waiting {
            0 => Err("the bot asked nothing while the homeserver was frozen".into()),
            _ => Ok(format!(
                "thawed after {:?}, with {waiting} requests of the bot waiting",
                acts::OUTAGE
            )),
        }
    });
    Ok(Fired::with(seen).going_on(thaw))
}

async fn bent(world: &mut World, what: &str, action: Action) -> Result<Fired> {
    let bend = acts::bend_for_a_while(world, Matcher::any().from_bot(), action).await?;
    Ok(Fired::with(what).going_on(bend))
}

async fn bad_gateway(world: &mut World) -> Result<Fired> {
    let everything = Matcher::any().to_homeserver();
    let bend = acts::bend_for_a_while(world, everything, Action::bad_gateway()).await?;
    Ok(Fired::with("the front door answers 502").going_on(bend))
}

/// Brings the homeserver back after the outage; it counts only when the bot noticed it.
fn back_later(world: &World) -> BoxFuture<'static, Result<String>> {
    let (homeserver, traffic, outage) = (world.homeserver.clone(), world.traffic().clone(), acts::outage(world));
    let since = traffic.last_seq();
    Box::pin(async move {
        outage.await;
        homeserver.start().await?;
        let refused = traffic.filter(&Matcher::any().from_bot().after(since));
        let refused = refused.iter().filter(|exchange| exchange.status == Some(502)).count();
        match refused {
            0 => Err("the bot sent nothing while the homeserver was down".into()),
            _ => Ok(format!("{refused} requests of the bot met a homeserver that was down")),
        }
    })
}
