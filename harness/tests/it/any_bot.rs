//! A bot that the harness was not made for, in another language, drilled by the harness alone.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::path::Path;

use knockproof_harness::{
    check::{Check, Checks, Finding},
    contract::{Contract, Template},
    drill,
    fault::{Call, Fault, Faults, Fired, Moment, Passage},
    front_door::Point,
    plan::Drill,
    report::{FindingRecord, Record, Verdict},
    step::Outcome,
    suite::Suite,
};
use rstest::{fixture, rstest};

fn contract(name: &str) -> Contract {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/any_bot");
    Contract::read(&folder.join(name).with_extension("toml")).unwrap()
}

async fn drilled(suite: &Suite, fault: &str, moment: Moment) -> Record {
    drill::alone(suite, &Drill::plain("ping").broken(fault, moment))
        .await
        .unwrap()
}

fn finding<'r>(record: &'r Record, check: &str) -> &'r FindingRecord {
    record.findings.iter().find(|finding| finding.check == check).unwrap()
}

#[rstest]
#[case("env-token-clobbered", Moment::FirstBoot)]
#[case("device-deleted", Moment::AtBoot)]
#[case("device-deleted", Moment::WhileRunning)]
#[case("device-deleted", Moment::InTheMiddle)]
#[case("bot-killed", Moment::WhileRunning)]
#[case("front-door-502", Moment::WhileRunning)]
#[tokio::test(flavor = "multi_thread")]
async fn it_heals(#[case] fault: &str, #[case] moment: Moment) {
    let record = drilled(&Suite::of(contract("pong")), fault, moment).await;
    assert_eq!(record.verdict, Verdict::Passed, "{}", record.narrative());
    // What it cannot show is said, and not counted as shown.
    let trust = finding(&record, "trust");
    assert!(
        !trust.applies && trust.what.starts_with("not applicable, because"),
        "{trust:?}"
    );
}

/// The token dies while the bot is held at a request of its start.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn it_heals_from_any_request_of_its_start(#[values(0, 1)] side: usize) {
    let held = Passage::around(Call::Sync)[side];
    let record = drilled(&Suite::of(contract("pong")), "device-deleted", Moment::Passage(held)).await;
    assert_eq!(record.verdict, Verdict::Passed, "{}", record.narrative());
    let fired = &finding(&record, "fault-fired").what;
    assert!(fired.contains("/sync") && fired.contains("was held"), "{fired}");
}

/// A request that never comes is no moment: the drill has not passed.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_comes_fails_the_drill() {
    let never = Passage::first(Call::KeysQuery, Point::BeforeForward);
    let mut impatient = contract("ten_lines");
    impatient.boot_seconds = 5;
    let record = drilled(&Suite::of(impatient), "bot-killed", Moment::Passage(never)).await;
    let Verdict::Failed { why } = &record.verdict else {
        panic!("{}", record.narrative());
    };
    assert!(why.contains("/keys/query") && why.contains("no such request"), "{why}");
}

/// Ten lines of Python, without a way back from a dead token.
#[rstest]
#[case("bot-killed", Moment::WhileRunning)]
#[case("homeserver-killed", Moment::WhileRunning)]
#[case("front-door-502", Moment::AtBoot)]
#[tokio::test(flavor = "multi_thread")]
async fn ten_lines_are_a_bot(#[case] fault: &str, #[case] moment: Moment) {
    let ten_lines = Suite::of(contract("ten_lines"));
    let record = drilled(&ten_lines, fault, moment).await;
    assert_eq!(record.verdict, Verdict::Passed, "{}", record.narrative());
    let refused = drilled(&ten_lines, "device-deleted", moment).await;
    let why = "ten-lines does not log in with its password".to_owned();
    assert_eq!(refused.verdict, Verdict::NotRun { why });
}

/// As the documentation of the crate has it.
#[fixture]
fn mine() -> Suite {
    Suite::of(contract("pong"))
}

#[rstest]
#[case::killed("bot-killed", Moment::InTheMiddle)]
#[case::without_its_device("all-devices-deleted", Moment::WhileRunning)]
#[tokio::test(flavor = "multi_thread")]
async fn it_survives(mine: Suite, #[case] fault: &str, #[case] moment: Moment) {
    let record = drilled(&mine, fault, moment).await;
    assert_eq!(record.verdict, Verdict::Passed, "{}", record.narrative());
}

/// A bot that does not have what a fault breaks is not drilled with it.
#[tokio::test(flavor = "multi_thread")]
async fn what_it_does_not_have_is_not_broken() {
    let record = drilled(&Suite::of(contract("pong")), "wrong-password", Moment::AtBoot).await;
    let why = "pong has no file with its password".to_owned();
    assert_eq!(record.verdict, Verdict::NotRun { why });
}

/// The same bot, without its way back.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_heal_is_seen_not_to() {
    let mut deaf = contract("pong");
    deaf.environment
        .insert("PASSWORD".to_owned(), Template::literal("wrong"));
    let record = drilled(&Suite::of(deaf), "device-deleted", Moment::AtBoot).await;
    let failed = record
        .steps
        .iter()
        .find(|step| step.outcome == Outcome::Failed)
        .unwrap();
    assert_eq!(failed.name, "fault: device-deleted at-boot");
    assert!(failed.evidence.starts_with("it never healed: waited 60"), "{failed:?}");
}

/// What somebody adds to the harness's faults and checks is drilled and judged like those.
#[tokio::test(flavor = "multi_thread")]
async fn faults_and_checks_of_ones_own_are_drilled_and_judged() {
    let restarted = Fault::new("bot-restarted", "it is started again", &[Moment::WhileRunning]).injected(|world| {
        Box::pin(async move {
            world.bot.restart().await?;
            Ok(Fired::with("it was started again"))
        })
    });
    let mut checks = Checks::standard();
    checks.add(Check::new("idle", "the bot asks for nothing", &[], |evidence| {
        Finding::broken("idle", format!("{} requests", evidence.exchanges.len()))
    }));
    let suite = Suite::of(contract("pong"))
        .with_faults(Faults::standard().with(restarted))
        .judged_by(checks);
    let record = drilled(&suite, "bot-restarted", Moment::WhileRunning).await;
    let broken: Vec<&str> = record
        .findings
        .iter()
        .filter(|finding| !finding.held)
        .map(|finding| finding.check.as_str())
        .collect();
    assert_eq!(broken, ["idle"], "{}", record.narrative());
    assert!(finding(&record, "fault-fired").what.contains("it was started again"));
}
