//! What is said of a contract.

use std::{fs, path::Path};

use rstest::rstest;

use crate::{knockproof, place::Place, text};

/// Where the repository is that these tests are built in.
fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[rstest]
#[case::of_knock_approver("scenarios/contracts/knock-approver.toml")]
#[case::of_a_bot_without_libraries("harness/tests/any_bot/pong.toml")]
#[case::on_matrix_sdk("bots/ping/matrix-sdk/contract.toml")]
#[case::on_matrix_nio("bots/ping/matrix-nio/contract.toml")]
#[case::on_mautrix("bots/ping/mautrix/contract.toml")]
#[case::on_matrix_js_sdk("bots/ping/matrix-js-sdk/contract.toml")]
fn each_contract_of_ours_is_one(#[case] contract: &str) {
    let path = repository().join(contract);
    let output = knockproof(&["contract", "check", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = text(&output.stdout);
    assert!(
        said.contains("has a sound contract") && said.contains("\n  bot-killed: "),
        "{said}"
    );
}

#[test]
fn a_bot_in_an_image_is_told_from_one_with_a_command() {
    let place = Place::new();
    let path = place.path("bot.toml");
    let text =
        "name = 'pong'\nimage = 'pong:1'\nready = { log = 'up' }\nidentities = [{ name = 'bot', localpart = 'bot' }]\n";
    let check = |text: &str| {
        fs::write(&path, text).unwrap();
        knockproof(&["contract", "check", path.to_str().unwrap()])
    };
    let said = text_of(&check(text));
    assert!(said.contains("runs in a container of the image pong:1"), "{said}");
    let both = check(&text.replace("ready", "command = 'pong'\nready"));
    assert_eq!(both.status.code(), Some(2), "{both:?}");
    assert!(crate::text(&both.stderr).contains("image in the contract"), "{both:?}");
}

fn text_of(output: &std::process::Output) -> String {
    text(&output.stdout)
}

#[test]
fn what_a_bot_cannot_suffer_is_named_with_the_reason() {
    let path = repository().join("bots/ping/matrix-nio/contract.toml");
    let said = text(&knockproof(&["contract", "check", path.to_str().unwrap()]).stdout);
    let reason = "env-token-clobbered: not applicable, because ping-matrix-nio gets no token with its environment";
    assert!(said.contains(reason), "{said}");
}

#[rstest]
#[case::an_unknown_key("redy = 'ping'\n", "line 1 of the contract, `redy = 'ping'`")]
#[case::no_toml("name =\n", "line 1 of the contract")]
#[case::an_unknown_place(
    "name = 'a'\ncommand = 'a {tokn}'\nready = 'ping'\nidentities = []\n",
    "there is no {tokn}; there are {homeserver}"
)]
fn what_is_wrong_is_named_with_its_line(#[case] contract: &str, #[case] part: &str) {
    let place = Place::new();
    let path = place.path("bot.toml");
    fs::write(&path, contract).unwrap();
    let output = knockproof(&["contract", "check", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = text(&output.stderr);
    assert!(
        said.contains(part) && said.contains("bot.toml") && output.stdout.is_empty(),
        "{said}"
    );
}

#[test]
fn the_schema_is_the_published_one() {
    let output = knockproof(&["contract", "schema"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let published = fs::read_to_string(repository().join("harness/contract.schema.json")).unwrap();
    assert_eq!(text(&output.stdout), published);
}
