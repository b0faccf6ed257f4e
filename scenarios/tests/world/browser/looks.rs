//! What the pages look like, to eyes and to screen readers.

use fantoccini::Locator;
use harness::{step::ensure, world::World};
use scenarios::community::InCommunity as _;
use serde_json::Value;

use super::{PAGES, chromium::Chromium, open};
use crate::outside::{Outcome, say};

/// Elements that something can be done with.
const USED: &str = "a, button, input";

/// Problems of the screen as it is: texts that are too pale on what is behind them (WCAG 2.2, 1.4.3), what sticks out at the side, and
/// what is too small for a finger (2.5.8).
const PROBLEMS: &str = r"
const numbers = colour => colour.match(/[\d.]+/g).map(Number);
const light = colour => {
  const [r, g, b] = numbers(colour).map(part => part / 255).map(part => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b;
};
const behind = element => {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor, [, , , alpha = 1] = numbers(colour);
    if (alpha === 1) return colour;
  }
  return 'rgb(255, 255, 255)';
};
const problems = [], texts = [];
for (const element of document.querySelectorAll('main, main *')) {
  if (!element.checkVisibility() || element.closest('noscript')) continue;
  const own = [...element.childNodes].filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.data.trim()).join('');
  const text = own || element.value;
  if (text) {
    const [low, high] = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => a - b);
    const contrast = (high + .05) / (low + .05);
    texts.push(contrast);
    if (contrast < 4.5) problems.push(`${text}: contrast ${contrast.toFixed(1)}`);
  }
  const box = element.getBoundingClientRect();
  if (box.right > innerWidth + .5 || box.left < -.5) problems.push(`${element.tagName} sticks out`);
  if (element.matches('button, input, a.action, a.way') && box.height < 40) problems.push(`${element.tagName} is ${box.height} high`);
}
if (document.documentElement.scrollWidth > innerWidth) problems.push('it scrolls to the side');
return { problems, texts: texts.length, worst: Math.min(...texts) };
";

pub(crate) async fn everything_to_be_used_has_a_name(world: &World, browser: &Chromium) -> Outcome {
    for page in PAGES {
        open(world, browser, page).await?;
        let mut names = Vec::new();
        for element in browser.tab().find_all(Locator::Css(USED)).await? {
            if !element.is_displayed().await? {
                continue;
            }
            let (label, html) = (browser.label(&element).await?, element.html(false).await?);
            ensure(!label.is_empty(), || format!("{page}: nothing is said of {html}"))?;
            names.push(label);
        }
        ensure(!names.is_empty(), || format!("{page}: nothing to be used"))?;
        say(&format!("{page}: {names:?}"));
        let labels = "return [...document.querySelectorAll('input')].every(input => input.labels.length === 1 && input.labels[0].checkVisibility())";
        ensure(browser.run(labels).await? == true, || {
            format!("{page}: a field without a label of its own")
        })?;
        let frame = "return [document.documentElement.lang, document.querySelectorAll('h1').length, document.querySelectorAll('main').length, document.title !== '']";
        let frame = browser.run(frame).await?;
        ensure(frame == serde_json::json!(["en", 1, 1, true]), || {
            format!("{page}: language, headings, main part, title: {frame}")
        })?;
    }
    Ok(())
}

pub(crate) async fn the_pages_fit_their_screens_and_can_be_read(world: &World, browser: &Chromium) -> Outcome {
    for (device, size) in [("desktop", (1280, 800)), ("phone", (390, 844))] {
        for scheme in ["light", "dark"] {
            browser.screen(size, scheme).await?;
            for page in PAGES {
                open(world, browser, page).await?;
                is_fine(
                    world,
                    browser,
                    &format!("{device}-{scheme}-{}", page.trim_start_matches('/')),
                )
                .await?;
                if page != "/" {
                    browser.type_into("#code", "bogus").await?;
                    browser.click("form .action").await?;
                    browser.see(".problem:not([hidden])").await?;
                    is_fine(world, browser, &format!("{device}-{scheme}-{}-refused", &page[1..])).await?;
                }
            }
        }
    }
    // The end of a form, once: a code has one use.
    for (page, code) in [("join", world.knock_code()), ("signup", world.signup_code())] {
        open(world, browser, &format!("/{page}?code={code}")).await?;
        if page == "signup" {
            browser
                .type_into("#username", &world.new_name("a-name-as-long-as-it-may"))
                .await?;
            browser.type_into("#password", &world.new_password()).await?;
        }
        browser.click("form .action").await?;
        browser.see("#done").await?;
        for scheme in ["dark", "light"] {
            browser.screen((390, 844), scheme).await?;
            is_fine(world, browser, &format!("phone-{scheme}-{page}-done")).await?;
        }
    }
    Ok(())
}

/// Nothing is wrong with what is to be seen; its picture stays among the artifacts.
async fn is_fine(world: &World, browser: &Chromium, what: &str) -> Outcome {
    browser.shoot(&world.artifacts.path(&format!("{what}.png"))).await?;
    let found = browser.run(PROBLEMS).await?;
    say(&format!(
        "{what}: {} texts, the palest with a contrast of {:.1}",
        found["texts"],
        found["worst"].as_f64().unwrap_or_default()
    ));
    ensure(found["problems"] == Value::Array(Vec::new()), || {
        format!("{what}: {}", found["problems"])
    })?;
    ensure(found["texts"].as_u64() > Some(3), || {
        format!("{what}: there is nothing to be read")
    })
}
