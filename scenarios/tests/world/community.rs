//! The community without its bot: it is what production's is, and its people see it so.

use std::time::Duration;

use futures_util::FutureExt;
use harness::{bot::BotCommand, front_door::Matcher, step::ensure, world::WorldOptions};
use libtest_mimic::Trial;
use scenarios::community::{self, InCommunity as _};

use crate::outside::{self, Outcome, Play, in_world};

const PATIENCE: Duration = Duration::from_secs(15);

/// The tests of suite `community`.
pub(crate) fn trials() -> Vec<Trial> {
    let plays: [Play; 1] = [("it_can_be_knocked_on_invited_to_and_talked_in", || {
        entered().boxed_local()
    })];
    outside::trials("community", None, &plays)
}

async fn entered() -> Outcome {
    let options = WorldOptions::from_env("it_can_be_knocked_on")?;
    let world = community::build_with(options, BotCommand::new("true", [""; 0])).await?;
    in_world(world, async |world| {
        let visitor = world.new_user("visitor").await?;
        visitor.knock(world.space(), world.knock_code()).await?;
        let approver = &world.approver().first;
        let membership = approver.membership(world.space(), visitor.user_id()).await?;
        ensure(membership == "knock", || {
            format!("the visitor's membership is {membership}")
        })?;

        approver.invite(world.space(), visitor.user_id()).await?;
        visitor
            .wait_invite("an invite to the space", PATIENCE, |room| room == world.space())
            .await?;
        visitor.join(world.space()).await?;
        for child in world.children() {
            visitor.join_as_member(child, PATIENCE).await?;
        }
        let stranger = world.new_user("stranger").await?;
        let general = world.child("general").unwrap_or_default();
        let refused = stranger.join(general).await.err();
        let code = refused.as_ref().map(harness::client::Error::errcode);
        ensure(code == Some("M_FORBIDDEN"), || {
            format!("a stranger's join: {refused:?}")
        })?;

        let knock = Matcher::endpoint("POST", "/knock/*").by(visitor.user_id());
        let knocks = world.traffic().count(&knock);
        ensure(knocks == 1, || format!("{knocks} knocks went through the front door"))
    })
    .await
}
