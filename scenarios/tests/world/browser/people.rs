//! What people do with the pages.

use fantoccini::key::Key;
use harness::{
    client::User,
    front_door::Matcher,
    step::{Failure, ensure},
    world::World,
};
use scenarios::actors::lobby::{Greeting, Lobby, entered, greeted};
use scenarios::community::InCommunity as _;

use super::{chromium::Chromium, open};
use crate::outside::{Outcome, say};

pub(crate) async fn the_home_page_leads_to_both_ways_in(world: &World, browser: &Chromium) -> Outcome {
    for (link, path, heading) in [
        ("a[href='/join']", "/join", "Join shape rotator"),
        ("a[href='/signup']", "/signup", "Sign up"),
    ] {
        open(world, browser, "/").await?;
        is_seen(browser, "h1", "shape rotator").await?;
        browser.click(link).await?;
        is_seen(browser, "h1", heading).await?;
        let url = browser.tab().current_url().await?;
        ensure(url.path() == path, || format!("{link} leads to {url}"))?;
    }
    Ok(())
}

pub(crate) async fn a_live_code_opens_a_lobby(world: &World, browser: &Chromium) -> Outcome {
    open(world, browser, &format!("/join?code={}", world.knock_code())).await?;
    ensure(browser.value("#code").await? == world.knock_code(), || {
        "the code is not filled in".to_owned()
    })?;
    browser.click("form .action").await?;
    is_seen(browser, "[role=status]", "open").await?;
    let (title, keyword, alias) = (
        browser.see("#title").await?,
        browser.see("#keyword").await?,
        browser.see("#alias").await?,
    );
    ensure(browser.focus().await? == "link", || {
        "the link has not got the focus".to_owned()
    })?;
    let link = browser.run("return document.getElementById('link').href").await?;
    let encoded = alias.replace('#', "%23").replace(':', "%3A");
    ensure(link == format!("https://matrix.to/#/{encoded}"), || {
        format!("the link of {alias} is {link}")
    })?;

    let visitor = world.new_user("visitor").await?;
    let room = visitor.resolve_alias(&alias).await?;
    let lobby = Lobby { room, alias };
    entered(&visitor, &lobby).await?;
    match greeted(&visitor, &lobby).await? {
        (Greeting::Challenge(challenge), said) => {
            say(&format!("the page: {title:?} with {keyword:?}; the bot: {said}"));
            ensure(challenge.title == title && challenge.keyword == keyword, || {
                format!("the page asks for {title:?} with {keyword:?}, the bot for {challenge:?}")
            })
        }
        (Greeting::AlreadyIn(said), _) => Err(Failure::new(said)),
    }
}

pub(crate) async fn a_code_that_is_none_is_refused_in_sight(world: &World, browser: &Chromium) -> Outcome {
    open(world, browser, "/join?code=bogus").await?;
    browser.click("form .action").await?;
    is_refused(browser, "code", "unknown or used up").await?;
    ensure(browser.value("#code").await? == "bogus", || {
        "what was typed is gone".to_owned()
    })?;
    ensure(browser.shown("#link").await?.is_none(), || "there is a link".to_owned())?;

    let asked = Matcher::path("POST", "/join/api");
    let before = world.traffic().count(&asked);
    open(world, browser, "/join").await?;
    browser.click("form .action").await?;
    is_refused(browser, "code", "Enter your code").await?;
    ensure(world.traffic().count(&asked) == before, || {
        "the bot was asked without a code".to_owned()
    })?;

    // The same form goes on from there.
    browser.type_into("#code", world.knock_code()).await?;
    ensure(browser.shown("#code-problem").await?.is_none(), || {
        "the problem outlives its mending".to_owned()
    })?;
    browser.click("form .action").await?;
    browser.see("#alias").await.map(drop)
}

pub(crate) async fn the_signup_form_makes_a_member(world: &World, browser: &Chromium) -> Outcome {
    let (name, password) = (world.new_name("newcomer"), world.new_password());
    open(world, browser, &format!("/signup?code={}", world.signup_code())).await?;
    ensure(browser.value("#code").await? == world.signup_code(), || {
        "the code is not filled in".to_owned()
    })?;
    browser.type_into("#username", &name).await?;
    browser.type_into("#password", &password).await?;
    browser.type_into("#display_name", "New Comer").await?;
    browser.click("form .action").await?;
    is_seen(browser, "#welcome", &name).await?;
    let user_id = browser.see("#user_id").await?;
    let homeserver = browser.see("#homeserver").await?;
    ensure(world.front_door.url().as_str().starts_with(&homeserver), || {
        format!("the homeserver is {homeserver}")
    })?;
    ensure(browser.value("#password").await?.is_empty(), || {
        "the password is still in the page".to_owned()
    })?;
    is_member(world, &user_id, &password).await
}

pub(crate) async fn a_refused_signup_names_the_problem_and_keeps_what_was_typed(
    world: &World,
    browser: &Chromium,
) -> Outcome {
    let (name, password) = (world.new_name("newcomer"), world.new_password());
    open(world, browser, &format!("/signup?code={}", world.signup_code())).await?;
    let typed = async |username: &str, password: &str| -> Outcome {
        for (field, wanted) in [
            ("#code", world.signup_code()),
            ("#username", username),
            ("#password", password),
            ("#display_name", "New Comer"),
        ] {
            let value = browser.value(field).await?;
            ensure(value == wanted, || format!("{field} holds {value:?}"))?;
        }
        Ok(())
    };
    let taken = world.owner().localpart();
    browser.type_into("#username", taken).await?;
    browser.type_into("#display_name", "New Comer").await?;
    browser.type_into("#password", &password[..11]).await?;
    browser.click("form .action").await?;
    is_refused(browser, "password", "12 characters").await?;
    typed(taken, &password[..11]).await?;

    browser.type_into("#password", &password[11..]).await?;
    browser.click("form .action").await?;
    is_refused(browser, "username", "taken").await?;
    typed(taken, &password).await?;

    browser.run("document.getElementById('username').select()").await?;
    browser.press("Not Fit!").await?;
    browser.click("form .action").await?;
    is_refused(browser, "username", "letters, digits").await?;
    // What is typed large is made small as it is typed.
    typed("not fit!", &password).await?;

    // The code, which has one use, is not lost in any of this.
    browser.run("document.getElementById('username').select()").await?;
    browser.press(&name).await?;
    browser.click("form .action").await?;
    is_member(world, &browser.see("#user_id").await?, &password).await
}

pub(crate) async fn the_keyboard_alone_is_enough(world: &World, browser: &Chromium) -> Outcome {
    let (name, password) = (world.new_name("newcomer"), world.new_password());
    let (tab, enter) = (Key::Tab.to_string(), Key::Enter.to_string());
    open(world, browser, "/").await?;
    for _ in 0..2 {
        browser.press(&tab).await?;
        shows_focus(browser).await?;
    }
    browser.press(&enter).await?;
    is_seen(browser, "h1", "Sign up").await?;
    for (field, text) in [
        ("code", world.signup_code()),
        ("username", &name),
        ("password", &password),
    ] {
        browser.press(&tab).await?;
        ensure(browser.focus().await? == field, || {
            format!("the Tab key does not lead to {field}")
        })?;
        shows_focus(browser).await?;
        browser.press(text).await?;
    }
    browser.press(&enter).await?;
    let user_id = browser.see("#user_id").await?;
    ensure(browser.focus().await? == "done-title", || {
        "the focus is lost at the end".to_owned()
    })?;
    is_member(world, &user_id, &password).await?;

    open(world, browser, "/join").await?;
    browser.press(&tab).await?;
    browser.press(world.knock_code()).await?;
    browser.press(&tab).await?;
    shows_focus(browser).await?;
    browser.press(&enter).await?;
    browser.see("#alias").await?;
    ensure(browser.focus().await? == "link", || {
        "the link has not got the focus".to_owned()
    })
}

/// An element is to be seen, with these words in it.
async fn is_seen(browser: &Chromium, css: &str, words: &str) -> Outcome {
    let text = browser.see(css).await?;
    say(&format!("{css}: {text:?}"));
    ensure(text.contains(words), || format!("{css} says {text:?}, not {words:?}"))
}

/// A field's problem is told to everybody: in sight, to who cannot see it, and with the focus in the field.
async fn is_refused(browser: &Chromium, field: &str, words: &str) -> Outcome {
    is_seen(browser, &format!("#{field}-problem"), words).await?;
    ensure(browser.focus().await? == field, || {
        format!("the focus is not in {field}")
    })?;
    let told = format!(
        "const field = document.getElementById('{field}'); \
         return field.ariaInvalid === 'true' && field.getAttribute('aria-describedby').split(' ').includes('{field}-problem')"
    );
    ensure(browser.run(&told).await? == true, || {
        format!("{field} is not told to be wrong")
    })
}

/// The element with the focus is told from the others.
async fn shows_focus(browser: &Chromium) -> Outcome {
    let outline = browser
        .run("const style = getComputedStyle(document.activeElement); return style.outlineStyle + ' ' + style.outlineWidth")
        .await?;
    ensure(outline == "solid 3px", || format!("the focus is shown by {outline}"))
}

/// The password logs the account in, which is in the space and in every child.
async fn is_member(world: &World, user_id: &str, password: &str) -> Outcome {
    let user = User::login(world.front_door.url(), user_id, password, None).await?;
    for room in [world.space()].into_iter().chain(world.children()) {
        let membership = user.membership(room, user_id).await?;
        ensure(membership == "join", || {
            format!("{user_id} is {membership:?} in {room}")
        })?;
    }
    say(&format!(
        "{user_id} logs in and is in the space and its {} rooms",
        world.children().count()
    ));
    Ok(())
}
