//! The homeserver, or the way to it, is away for a while. No outage may cost a login, a device or a key.

use async_trait::async_trait;

use super::{Anyhow, Expectation, Fault, Fired, Moment, NewDevice, acts};
use crate::{
    front_door::{Action, Matcher},
    world::{Role, World},
};

const ALWAYS: &[Moment] = &[Moment::AtBoot, Moment::WhileRunning, Moment::InTheMiddle];

/// How an outage looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Down,
    Killed,
    Frozen,
    BadGateway,
    BadGatewayAndClobbered,
    BlackHole,
    Limited,
}

/// One kind of outage.
#[derive(Debug)]
pub(super) struct Outage(Kind);

impl Outage {
    /// All kinds.
    pub(super) const ALL: [Self; 7] = [
        Self(Kind::Down),
        Self(Kind::Killed),
        Self(Kind::Frozen),
        Self(Kind::BadGateway),
        Self(Kind::BadGatewayAndClobbered),
        Self(Kind::BlackHole),
        Self(Kind::Limited),
    ];
}

#[async_trait]
impl Fault for Outage {
    fn name(&self) -> &'static str {
        match self.0 {
            Kind::Down => "homeserver-down",
            Kind::Killed => "homeserver-killed",
            Kind::Frozen => "homeserver-frozen",
            Kind::BadGateway => "front-door-502",
            Kind::BadGatewayAndClobbered => "front-door-502-env-token-clobbered",
            Kind::BlackHole => "network-black-hole",
            Kind::Limited => "rate-limit-storm",
        }
    }

    fn summary(&self) -> &'static str {
        match self.0 {
            Kind::Down => "the homeserver is down for 8 s",
            Kind::Killed => "the homeserver is killed and started again",
            Kind::Frozen => "the homeserver accepts connections and answers nothing for 8 s",
            Kind::BadGateway => "the front door answers 502 with a page of HTML for 8 s",
            Kind::BadGatewayAndClobbered => "the same, and the token in the environment is garbage",
            Kind::BlackHole => "no request of the bot is answered for 8 s",
            Kind::Limited => "every request of the bot is answered with 429 for 8 s",
        }
    }

    fn moments(&self) -> &'static [Moment] {
        match self.0 {
            Kind::BadGatewayAndClobbered => &[Moment::FirstBoot, Moment::AtBoot],
            Kind::Killed => &[Moment::WhileRunning, Moment::InTheMiddle],
            _ => ALWAYS,
        }
    }

    fn expectation(&self, moment: Moment) -> Expectation {
        let expectation = match (self.0, moment) {
            (Kind::BadGatewayAndClobbered, Moment::FirstBoot) => Expectation::one_login(NewDevice::Allowed),
            _ => Expectation::unharmed(),
        };
        // The outage itself, and one whole back-off after it.
        let expectation = expectation.within(60);
        match self.0 {
            Kind::BlackHole | Kind::Limited => expectation.waits(),
            Kind::Killed => expectation.downtime(),
            _ => expectation.downtime().waits(),
        }
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        match self.0 {
            Kind::Down => {
                world.homeserver.stop().await?;
                let seen = acts::is_away(world, "down").await?;
                Ok(Fired::with(seen).going_on(back_later(world)))
            }
            Kind::Killed => {
                world.homeserver.kill().await?;
                let seen = acts::is_away(world, "down").await?;
                world.homeserver.start().await?;
                Ok(Fired::with(seen).and("it was killed and is back"))
            }
            Kind::Frozen => {
                world.homeserver.freeze().await?;
                let seen = acts::is_away(world, "frozen").await?;
                let (homeserver, traffic) = (world.homeserver.clone(), world.traffic().clone());
                let thaw = Box::pin(async move {
                    tokio::time::sleep(acts::OUTAGE).await;
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
            Kind::BadGateway => bad_gateway(world).await,
            Kind::BadGatewayAndClobbered => {
                world.bot.set(Role::Approver.token_variable(), acts::GARBAGE);
                Ok(bad_gateway(world).await?.and("the environment's token is garbage"))
            }
            Kind::BlackHole => {
                let bend = acts::bend_for_a_while(world, Matcher::any().from_bot(), Action::BlackHole).await?;
                Ok(Fired::with("a black hole opened").going_on(bend))
            }
            Kind::Limited => {
                let limited = Action::limited(std::time::Duration::from_secs(2));
                let bend = acts::bend_for_a_while(world, Matcher::any().from_bot(), limited).await?;
                Ok(Fired::with("the bot is limited").going_on(bend))
            }
        }
    }
}

async fn bad_gateway(world: &World) -> Anyhow<Fired> {
    let everything = Matcher::any().to_homeserver();
    let bend = acts::bend_for_a_while(world, everything, Action::bad_gateway()).await?;
    Ok(Fired::with("the front door answers 502").going_on(bend))
}

/// Brings the homeserver back after the outage; it counts only when the bot noticed it.
fn back_later(world: &World) -> futures_util::future::BoxFuture<'static, Anyhow<String>> {
    let (homeserver, traffic) = (world.homeserver.clone(), world.traffic().clone());
    let since = traffic.last_seq();
    Box::pin(async move {
        tokio::time::sleep(acts::OUTAGE).await;
        homeserver.start().await?;
        let refused = traffic.filter(&Matcher::any().from_bot().after(since));
        let refused = refused.iter().filter(|exchange| exchange.status == Some(502)).count();
        match refused {
            0 => Err("the bot sent nothing while the homeserver was down".into()),
            _ => Ok(format!("{refused} requests of the bot met a homeserver that was down")),
        }
    })
}
