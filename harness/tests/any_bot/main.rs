//! A bot that the harness was not made for, in another language, drilled by the harness alone.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::{path::Path, sync::Arc};

use harness::{
    check::Checks,
    contract::Contract,
    drill::{self, Breakage, Error, Judged},
    fault::{Faults, Moment},
    world::WorldOptions,
};
use rstest::rstest;

fn contract() -> Contract {
    Contract::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/any_bot/pong.toml")).unwrap()
}

async fn drilled(contract: Contract, fault: &str, moment: Moment) -> Result<Judged, Error> {
    let fault = Faults::standard().named(fault).unwrap().clone();
    let name = format!("any-bot-{}-{moment}", fault.name());
    let options = WorldOptions::from_env(name).unwrap();
    let breakage = Breakage::new(fault, moment);
    drill::ping(options, Arc::new(contract), Some(breakage), &Checks::standard()).await
}

#[rstest]
#[case("env-token-clobbered", Moment::FirstBoot)]
#[case("device-deleted", Moment::AtBoot)]
#[case("device-deleted", Moment::WhileRunning)]
#[case("bot-killed", Moment::WhileRunning)]
#[case("front-door-502", Moment::WhileRunning)]
#[tokio::test(flavor = "multi_thread")]
async fn it_heals(#[case] fault: &str, #[case] moment: Moment) {
    let judged = drilled(contract(), fault, moment).await.unwrap();
    let broken: Vec<_> = judged.broken().collect();
    assert!(broken.is_empty(), "{judged}");
    // What it cannot show is said, and not counted as shown.
    let trust = judged.findings.iter().find(|finding| finding.check == "trust").unwrap();
    assert!(trust.evidence.starts_with("not applicable, because"), "{trust:?}");
}

/// A bot that does not have what a fault breaks is not drilled with it.
#[tokio::test(flavor = "multi_thread")]
async fn what_it_does_not_have_is_not_broken() {
    let refused = drilled(contract(), "wrong-password", Moment::AtBoot).await.unwrap_err();
    assert!(matches!(&refused, Error::NotApplicable(_)), "{refused}");
    assert_eq!(
        refused.to_string(),
        "not applicable, because pong has no file with its password"
    );
}

/// The same bot, without its way back.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_heal_is_seen_not_to() {
    let mut deaf = contract();
    deaf.environment
        .insert("PASSWORD".to_owned(), harness::contract::Template::literal("wrong"));
    let failed = drilled(deaf, "device-deleted", Moment::AtBoot).await.unwrap_err();
    assert!(!matches!(failed, Error::NotApplicable(_)), "{failed}");
}
