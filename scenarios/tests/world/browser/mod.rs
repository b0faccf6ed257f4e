//! The bot's pages in a real browser, as people use them: through the world's front door, in a headless Chromium.
//!
//! A test that fails leaves a picture of what was to be seen in its artifacts; `KNOCKPROOF_KEEP=1` keeps the artifacts of the others too.

mod chromium;
mod looks;
mod people;
mod privacy;

use harness::{
    step::Failure,
    world::{World, WorldOptions},
};
use scenarios::{
    bot_build,
    community::{self, CommunityOptions},
};

use chromium::Chromium;
use libtest_mimic::Trial;

use crate::outside::{self, Outcome, Play, in_world, plays, say};

/// The pages.
const PAGES: [&str; 3] = ["/", "/join", "/signup"];

/// The tests of suite `browser`.
pub(crate) fn trials() -> Vec<Trial> {
    let plays: [Play; 11] = plays![
        visit;
        people::the_home_page_leads_to_both_ways_in,
        people::a_live_code_opens_a_lobby,
        people::a_code_that_is_none_is_refused_in_sight,
        people::the_signup_form_makes_a_member,
        people::a_refused_signup_names_the_problem_and_keeps_what_was_typed,
        people::the_keyboard_alone_is_enough,
        looks::everything_to_be_used_has_a_name,
        looks::the_pages_fit_their_screens_and_can_be_read,
        privacy::the_pages_ask_nobody_else,
        privacy::a_password_is_never_in_an_address,
        privacy::without_scripts_a_page_says_so_and_sends_nothing,
    ];
    outside::trials("browser", chromium::missing(), &plays)
}

/// Plays in a world with a bot, before a browser. A code has one use: what is lost on the way is missed.
async fn visit(name: &str, play: impl AsyncFnOnce(&World, &Chromium) -> Outcome) -> Outcome {
    bot_build::ensure(&mut |line| say(line)).await?;
    let mut options = CommunityOptions::from(WorldOptions::from_env(name)?);
    options.code_uses = 1;
    in_world(community::build(options).await?, async |world| {
        world.start_bot(world.contract().boot()).await?;
        let browser = Chromium::open(world).await?;
        let outcome = play(world, &browser).await;
        if outcome.is_err()
            && let Err(failure) = browser.shoot(&world.artifacts.path("screen.png")).await
        {
            say(&format!("there is no picture of it: {failure}"));
        }
        let closed = browser.close().await;
        outcome.and(closed)
    })
    .await
}

/// Opens a page, given by its path and query.
async fn open(world: &World, browser: &Chromium, page: &str) -> Outcome {
    let url = world.front_door.url().join(page)?;
    browser
        .tab()
        .goto(url.as_str())
        .await
        .map_err(|error| Failure::from(error).while_doing(format!("opening {page}")))
}
