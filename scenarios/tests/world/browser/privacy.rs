//! What the pages tell to whom.

use scenarios::community::InCommunity as _;
use std::collections::BTreeSet;

use fantoccini::key::Key;
use harness::{
    front_door::{Entrance, Exchange},
    step::{Failure, ensure},
    world::World,
};
use serde_json::json;

use super::{PAGES, chromium::Chromium, open};
use crate::outside::{Outcome, say};

/// Everything that a page of ours may ask for.
const OWN: [&str; 5] = ["/", "/join", "/signup", "/join/api", "/signup/api"];

/// What the page's policy makes of a script and of a request that somebody has got into it.
const INTRUDERS: &str = r"
const refused = new Promise(done => {
  const seen = new Set();
  document.addEventListener('securitypolicyviolation', event => {
    seen.add(event.effectiveDirective);
    if (seen.size === 3) done([...seen].sort());
  });
  setTimeout(() => done([...seen].sort()), 5000);
});
const add = (tag, set) => document.body.append(Object.assign(document.createElement(tag), set));
add('script', { textContent: 'window.intruded = true' });
add('img', { src: '/image.png' });
fetch('http://127.0.0.1:9/').catch(() => {});
return refused.then(seen => [...seen, window.intruded === undefined]);
";

pub(crate) async fn the_pages_ask_nobody_else(world: &World, browser: &Chromium) -> Outcome {
    let before = world.traffic().last_seq();
    for page in PAGES {
        open(world, browser, page).await?;
        if page != "/" {
            browser.type_into("#code", "bogus").await?;
            browser.click("form .action").await?;
            browser.see(".problem:not([hidden])").await?;
        }
        let asked = browser
            .run("return performance.getEntriesByType('resource').map(entry => entry.name)")
            .await?;
        let origin = world.front_door.url().as_str();
        let all_own = asked.as_array().is_some_and(|asked| {
            asked
                .iter()
                .all(|url| url.as_str().is_some_and(|url| url.starts_with(origin)))
        });
        ensure(all_own, || format!("{page} has asked for {asked}"))?;

        let refused = browser.run(INTRUDERS).await?;
        say(&format!("{page}: asked for {asked}; refused to intruders: {refused}"));
        ensure(
            refused == json!(["connect-src", "img-src", "script-src-elem", true]),
            || format!("{page}: refused are {refused}"),
        )?;
    }
    let paths: BTreeSet<String> = by_browser(world, before)
        .into_iter()
        .map(|exchange| exchange.path)
        .collect();
    ensure(paths.iter().all(|path| OWN.contains(&path.as_str())), || {
        format!("the browser has asked for {paths:?}")
    })
}

pub(crate) async fn a_password_is_never_in_an_address(world: &World, browser: &Chromium) -> Outcome {
    let (name, password) = (world.new_name("newcomer"), world.new_password());
    let before = world.traffic().last_seq();
    open(world, browser, &format!("/signup?code={}", world.signup_code())).await?;
    browser.type_into("#username", &name).await?;
    browser.type_into("#password", &password).await?;
    // As a script that is broken half way would leave it to the browser.
    browser.run("document.getElementById('form').submit()").await?;
    is_not_told(world, browser, &password, before).await?;
    browser.type_into("#password", &Key::Enter.to_string()).await?;
    browser.see("#user_id").await?;
    is_not_told(world, browser, &password, before).await
}

pub(crate) async fn without_scripts_a_page_says_so_and_sends_nothing(world: &World, browser: &Chromium) -> Outcome {
    let password = world.new_password();
    let before = world.traffic().last_seq();
    browser
        .devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true }))
        .await?;
    for page in ["/join", "/signup"] {
        open(world, browser, page).await?;
        let told = browser.see("noscript p").await?;
        ensure(told.contains("JavaScript"), || format!("{page} says {told:?}"))?;
        browser.type_into("#code", "bogus").await?;
        if page == "/signup" {
            browser.type_into("#password", &password).await?;
        }
        browser.press(&Key::Enter.to_string()).await?;
        is_not_told(world, browser, &password, before).await?;
    }
    let asked: Vec<String> = by_browser(world, before).iter().map(Exchange::line).collect();
    ensure(asked.len() == 2, || {
        format!("besides the two pages the browser has asked for {asked:?}")
    })
}

/// The password stands in no address: not in the browser's, and not in one that the front door has seen (there it would be masked).
async fn is_not_told(world: &World, browser: &Chromium, password: &str, before: u64) -> Outcome {
    let url = browser.tab().current_url().await?;
    ensure(!url.as_str().contains(password), || {
        "the password is in the browser's address".to_owned()
    })?;
    let told = by_browser(world, before).into_iter().find(|exchange| {
        let is_page = exchange.method == "GET"
            && (exchange.query.is_empty() || exchange.query.starts_with("code=") && !exchange.query.contains('&'));
        !is_page && (exchange.method != "POST" || !exchange.query.is_empty())
    });
    match told {
        None => Ok(()),
        Some(exchange) => Err(Failure::new(format!(
            "the browser has asked for {} with {}",
            exchange.line(),
            exchange.query
        ))),
    }
}

/// What the browser has asked for: in its tests nobody else comes through the public entrance without a token.
fn by_browser(world: &World, after: u64) -> Vec<Exchange> {
    let exchanges = world.traffic().snapshot();
    exchanges
        .into_iter()
        .filter(|exchange| exchange.seq > after && exchange.entrance == Entrance::Public && !exchange.with_token)
        .collect()
}
