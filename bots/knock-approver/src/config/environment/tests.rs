//! What the environment may say, and what it may not.

use std::{cell::RefCell, collections::BTreeSet};

use rstest::rstest;

use super::*;
use crate::config::VARIABLES;

fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let lookup = |name: &str| {
        let found = pairs.iter().rev().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    Config::from_lookup(&lookup)
}

const LEAST: [(&str, &str); 2] = [("HS", "http://hs.example/"), ("SPACE_ID", "!space")];

fn with(pair: (&'static str, &'static str)) -> Result<Config, ConfigErrors> {
    read(&[LEAST[0], LEAST[1], pair])
}

#[test]
fn the_help_lists_every_variable_and_no_other() {
    let read = RefCell::new(BTreeSet::new());
    let lookup = |name: &str| {
        read.borrow_mut().insert(name.to_owned());
        let least = LEAST.iter().find(|(key, _)| *key == name);
        least.map(|(_, value)| (*value).to_owned())
    };
    Config::from_lookup(&lookup).unwrap();
    let listed = VARIABLES
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let listed = listed.filter(|name| !name.is_empty()).map(ToOwned::to_owned);
    assert_eq!(listed.collect::<BTreeSet<_>>(), read.into_inner());
}

#[test]
fn the_least_environment_takes_every_default() {
    let config = read(&LEAST).unwrap();
    assert_eq!(config.public, "http://hs.example");
    assert_eq!(
        config.flow.space, "!space",
        "an id without a server is used exactly as given"
    );
    assert_eq!(config.flow.command_room, config.flow.space);
    assert_eq!(config.flow.notify_room, config.flow.space);
    assert_eq!(
        config.approver.password_path,
        PathBuf::from("/data/shape_rotator_2_password")
    );
    assert_eq!((config.http_port, config.rate.per_minute), (8001, 60));
    assert_eq!((config.flow.lobby_tries, config.flow.vetting_tries), (3, 3));
    assert_eq!(config.flow.community, "shape rotator");
    assert!(config.onboarding.is_none());
    assert_eq!(config.roles(), [Role::Approver]);
}

#[test]
fn rooms_fall_back_from_one_to_the_next() {
    let config = with(("ADMIN_COMMAND_ROOM", "!commands:hs.example")).unwrap();
    assert_eq!(config.flow.feed_room, "!commands:hs.example");
    assert_eq!(config.flow.notify_room, "!commands:hs.example");
    let config = with(("ADMIN_COMMAND_ROOM", " ")).unwrap();
    assert_eq!(config.flow.command_room, "!space", "empty counts as unset");
}

#[test]
fn trusted_proxies_are_addresses_and_networks() {
    let config = with(("TRUSTED_PROXIES", "10.0.0.1, 172.16.0.0/12,fd00::/8, ::ffff:192.0.2.1")).unwrap();
    let trusts = |address: &str| {
        let address: std::net::IpAddr = address.parse().unwrap();
        config
            .rate
            .trusted_proxies
            .iter()
            .any(|proxies| proxies.contains(&address))
    };
    assert!(
        ["10.0.0.1", "172.31.255.1", "fd12::1", "192.0.2.1"]
            .iter()
            .all(|address| trusts(address))
    );
    assert!(
        !["10.0.0.2", "172.32.0.1", "fe80::1", "192.0.2.2"]
            .iter()
            .any(|address| trusts(address))
    );
}

#[test]
fn codes_are_read_from_json() {
    let config = with(("INITIAL_CODES", r#"{"abc":{"uses_remaining":5,"label":"friends"}}"#)).unwrap();
    assert_eq!(config.initial_codes["abc"].uses_remaining, 5);
    assert_eq!(config.initial_codes["abc"].label, "friends");
}

#[rstest]
#[case("HS", "ftp://hs.example")]
#[case("HS_PUBLIC", "hs.example")]
#[case("SPACE_ID", "space")]
#[case("SPACE_CHILD_IDS", "!a:b,nonsense")]
#[case("HTTP_PORT", "0")]
#[case("HTTP_PORT", "65536")]
#[case("VETTING_TIMEOUT_SEC", "soon")]
#[case("LOBBY_TIMEOUT_SEC", "-1")]
#[case("VETTING_MAX_TRIES", "0")]
#[case("LOBBY_WELCOME_CODE_USES", "many")]
#[case("ADMIN_PL_THRESHOLD", "half")]
#[case("ADMIN_ALLOWLIST", "alice")]
#[case("ONBOARDING_INVITER_MXID", "alice")]
#[case("INITIAL_CODES", "{\"secret-code\":3}")]
#[case("TRUSTED_PROXIES", "proxy")]
#[case("TRUSTED_PROXIES", "10.0.0.0/33")]
#[case("CHALLENGE_URL", "wikipedia")]
#[case("LOG_FORMAT", "xml")]
#[case("VERIFICATION_CONFIRM", "yes")]
fn a_bad_value_names_variable_problem_and_what_is_accepted(#[case] name: &'static str, #[case] value: &'static str) {
    let ConfigErrors(errors) = with((name, value)).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let error = &errors[0];
    assert_eq!(error.variable, name);
    let line = error.to_string();
    assert!(line.starts_with(&format!("{name}: ")), "{line}");
    assert!(line.contains("accepted: "), "{line}");
    assert!(!line.contains('\n') && !line.contains("secret-code"), "{line}");
}

#[rstest]
#[case(&[("SPACE_ID", "!space")], "HS")]
#[case(&[("HS", "http://hs.example")], "SPACE_ID")]
fn what_is_required_is_asked_for(#[case] pairs: &[(&str, &str)], #[case] missing: &str) {
    let ConfigErrors(errors) = read(pairs).unwrap_err();
    assert_eq!(errors.iter().map(|error| error.variable).collect::<Vec<_>>(), [missing]);
}

#[test]
fn all_that_is_wrong_is_told_at_once_a_line_each() {
    let wrong = [
        ("HS", "ftp://x"),
        ("HTTP_PORT", "0"),
        ("VETTING_TIMEOUT_SEC", "soon"),
        ("FEED_ROOM", "feed"),
    ];
    let errors = read(&wrong).unwrap_err();
    let mut named: Vec<&str> = errors.0.iter().map(|error| error.variable).collect();
    named.sort_unstable();
    assert_eq!(
        named,
        ["FEED_ROOM", "HS", "HTTP_PORT", "SPACE_ID", "VETTING_TIMEOUT_SEC"]
    );
    assert_eq!(errors.to_string().lines().count(), 5);
}

#[rstest]
#[case::one_token(&[("MATRIX_TOKEN", "t"), ("ONBOARDING_BOT_TOKEN", "t")], Some("ONBOARDING_BOT_TOKEN"))]
#[case::one_name(
    &[("ONBOARDING_BOT_TOKEN", "t"), ("APPROVER_USERNAME", "Bot"), ("ONBOARDING_USERNAME", "@bot:x")],
    Some("ONBOARDING_USERNAME")
)]
#[case::the_others_default(
    &[("ONBOARDING_BOT_TOKEN", "t"), ("ONBOARDING_USERNAME", "shape-rotator-2")],
    Some("ONBOARDING_USERNAME")
)]
#[case::a_name_that_only_the_token_knows(
    &[("ONBOARDING_BOT_TOKEN", "t"), ("ONBOARDING_USERNAME", "shape-rotator-2"), ("MATRIX_TOKEN", "u")],
    None
)]
#[case::two_accounts(&[("MATRIX_TOKEN", "t"), ("ONBOARDING_BOT_TOKEN", "u")], None)]
#[case::one_identity(&[("MATRIX_TOKEN", "t"), ("APPROVER_USERNAME", "onboarding-bot")], None)]
fn two_identities_of_one_account_are_refused_in_one_line(
    #[case] pairs: &[(&str, &str)],
    #[case] refused: Option<&str>,
) {
    let read = read(&[&LEAST, pairs].concat());
    match (read, refused) {
        (Err(errors), Some(variable)) => {
            assert_eq!(errors.0.len(), 1);
            assert_eq!(errors.0[0].variable, variable);
            assert_eq!(errors.to_string().lines().count(), 1);
        }
        (read, refused) => assert!(read.is_ok() && refused.is_none(), "{read:?}"),
    }
}
