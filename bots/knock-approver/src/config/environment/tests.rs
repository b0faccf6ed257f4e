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
    let config = with((
        "TRUSTED_PROXIES",
        "10.0.0.1, 172.16.0.0/12,fd00::/8, ::ffff:192.0.2.1, ::ffff:198.51.100.0/120",
    ))
    .unwrap();
    let trusts = |address: &str| {
        let address: std::net::IpAddr = address.parse().unwrap();
        config
            .rate
            .trusted_proxies
            .iter()
            .any(|proxies| proxies.contains(&address))
    };
    assert!(
        ["10.0.0.1", "172.31.255.1", "fd12::1", "192.0.2.1", "198.51.100.77"]
            .iter()
            .all(|address| trusts(address))
    );
    assert!(
        !["10.0.0.2", "172.32.0.1", "fe80::1", "192.0.2.2"]
            .iter()
            .any(|address| trusts(address))
    );
}

/// Editors of old begin a text with a mark, and some tools hand it on.
#[test]
fn a_mark_before_a_value_is_no_part_of_it() {
    let config = with(("INITIAL_CODES", "\u{feff}{\"abc\":{\"uses_remaining\":5}}\n")).unwrap();
    assert_eq!(config.initial_codes["abc"].uses_remaining, 5);
    let config = with(("MATRIX_TOKEN", " \u{feff}syt_a\u{200b}\n")).unwrap();
    assert_eq!(config.approver.env_token.unwrap().expose(), "syt_a");
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
#[case("HS", "https://bot:secret-word@hs.example")]
#[case("HS_PUBLIC", "https://secret-word@hs.example")]
#[case("HS", "https://hs.example/?via=proxy")]
#[case("HS_PUBLIC", "https://hs.example/#top")]
#[case("SERVER_NAME", "https://hs.example")]
#[case("SERVER_NAME", "hs example")]
#[case("LOBBY_ALIAS_PREFIX", "my lobby-")]
#[case("LOBBY_ALIAS_PREFIX", "lobby:")]
#[case("LOBBY_ALIAS_PREFIX", "#lobby")]
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

/// What is not text is no value that was left away.
#[test]
fn a_value_that_is_not_utf_8_is_said_to_be() {
    use std::os::unix::ffi::OsStringExt;
    for (variable, expected) in [("MATRIX_TOKEN", 1), ("HS", 1), ("SPACE_ID", 1), ("HTTP_PORT", 1)] {
        let lookup = |name: &str| {
            let least = LEAST.iter().find(|(key, _)| *key == name);
            match name == variable {
                true => Some(OsString::from_vec(b"secret-word\xff".to_vec())),
                false => least.map(|(_, value)| OsString::from(value)),
            }
        };
        let refused = Config::from_raw(&lookup).unwrap_err();
        assert_eq!(refused.0.len(), expected, "{refused}");
        let line = refused.to_string();
        assert!(
            line.starts_with(&format!("{variable}: it is not UTF-8")) && !line.contains("secret"),
            "{line}"
        );
    }
}

#[test]
fn secrets_may_stand_in_files() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let token = file("token", b"\xEF\xBB\xBFregister me\r\n");
    let codes = file("codes", br#"{"abc":{"uses_remaining":5}}"#);
    let config = read(&[
        LEAST[0],
        LEAST[1],
        ("CONDUWUIT_REGISTRATION_TOKEN_PATH", &token),
        ("INITIAL_CODES_PATH", &codes),
        ("INITIAL_SIGNUP_CODES_PATH", &codes),
    ]);
    let config = config.unwrap();
    assert_eq!(config.registration_token.unwrap().expose(), "register me");
    assert_eq!(config.initial_codes["abc"].uses_remaining, 5);
    assert_eq!(config.initial_codes, config.initial_signup_codes);

    let odd = file("odd", b"secret-word\xff");
    let folder = dir.path().to_str().unwrap();
    for (variable, path) in [
        ("INITIAL_CODES_PATH", token.as_str()),
        ("INITIAL_CODES_PATH", "/nowhere/codes"),
        ("INITIAL_SIGNUP_CODES_PATH", folder),
        ("CONDUWUIT_REGISTRATION_TOKEN_PATH", odd.as_str()),
    ] {
        let line = read(&[LEAST[0], LEAST[1], (variable, path)]).unwrap_err().to_string();
        assert!(
            line.starts_with(&format!("{variable}: ")) && line.lines().count() == 1,
            "{line}"
        );
        assert!(!line.contains("secret-word") && !line.contains("register"), "{line}");
    }
    let both = [("INITIAL_CODES", "{}"), ("INITIAL_CODES_PATH", &codes)];
    let line = read(&[LEAST[0], LEAST[1], both[0], both[1]]).unwrap_err().to_string();
    assert!(line.starts_with("INITIAL_CODES_PATH: there are both"), "{line}");
    let empty = file("empty", b"\n");
    let config = read(&[LEAST[0], LEAST[1], ("CONDUWUIT_REGISTRATION_TOKEN_PATH", &empty)]);
    assert!(config.unwrap().registration_token.is_none());
}
