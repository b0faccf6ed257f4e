use harness::{
    report::FindingRecord,
    step::{Outcome, Step},
    timeline::{Kind, Lane, Point, Printed, Timeline},
};

use super::*;
use crate::sample::{failed, not_run, record};

/// What a bot might print to take over the page.
const HOSTILE: &str =
    "</noscript></script><script>alert(1)</script><img src=x onerror=alert(1)> \" ' & \u{1b}[31mred\u{1b}[0m";

const TELLING: drill::Telling = drill::Telling {
    homeserver: true,
    short: true,
};

fn report(drills: Vec<Record>) -> Report {
    Report::new(7, Vec::new(), drills, Vec::new(), 61_000)
}

/// A drill in which everything that can be told is this text.
fn told(fault: &str, text: &str) -> Record {
    let point = |kind, lane| Point {
        at_ms: 40,
        lane,
        kind,
        what: text.to_owned(),
    };
    Record {
        name: text.to_owned(),
        scenario: text.to_owned(),
        homeserver: text.to_owned(),
        moment: Some(text.to_owned()),
        healed_in_ms: Some(300),
        steps: vec![Step {
            name: text.to_owned(),
            outcome: Outcome::Failed,
            took_ms: 12,
            evidence: text.to_owned(),
        }],
        findings: vec![FindingRecord {
            check: text.to_owned(),
            held: false,
            applies: true,
            what: text.to_owned(),
        }],
        marks: vec![text.to_owned()],
        replay: text.to_owned(),
        artifacts: Some(text.to_owned()),
        timeline: Some(Timeline {
            from_ms: 10,
            until_ms: 90,
            points: vec![point(Kind::Fault, Lane::Operator), point(Kind::Requests, Lane::Bot)],
            log: vec![Printed {
                at_ms: 30,
                text: text.to_owned(),
            }],
        }),
        ..record(fault, failed(text))
    }
}

#[test]
fn whatever_a_bot_prints_stays_text() {
    let mut of_it = report(vec![told(HOSTILE, HOSTILE)]);
    of_it.interrupted = Some(HOSTILE.to_owned());
    of_it.at = Some(HOSTILE.to_owned());
    let comparison = Comparison::of(&report(vec![told("other", "other")]), &of_it);
    let text = page(&of_it, Some(&comparison));
    // Its own, and the one around each drill.
    assert_eq!(text.matches("<script").count(), 1);
    assert_eq!(text.matches("</script").count(), 1);
    assert_eq!(text.matches("<noscript>").count(), 1);
    assert_eq!(text.matches("</noscript").count(), 1);
    assert!(!text.contains("<img") && !text.contains('\u{1b}'));
    // In an attribute it would end at a quote.
    assert!(!text.contains("x onerror=alert(1)> \""), "a quote stands in the open");
    assert!(text.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
}

#[test]
fn the_policy_lets_only_its_own_script_run_and_nothing_be_loaded() {
    let text = page(&report(vec![record("a", Verdict::Passed)]), None);
    let script = text
        .split_once("<script>")
        .unwrap()
        .1
        .split_once("</script>")
        .unwrap()
        .0;
    let hash = STANDARD.encode(Sha256::digest(script));
    assert!(
        text.contains(&format!("script-src 'sha256-{hash}'")),
        "the hash is of another script"
    );
    for load in ["http://", "https://", "url(", "@import", "src="] {
        assert!(!text.contains(load), "{load} would be loaded");
    }
}

#[test]
fn counts_and_words_are_those_of_the_run() {
    let drills = vec![
        record("a", Verdict::Passed),
        record("b", failed("no answer")),
        record("c", not_run("no image")),
    ];
    let text = page(&report(drills), None);
    assert!(text.contains("<h1>1 of 2 drills failed</h1>"));
    for count in ["Failed (1)", "Passed (1)", "Not run (1)"] {
        assert!(text.contains(count), "{count} is not said");
    }
    assert!(text.contains("1 drill, because no image"));
    assert_eq!(text.matches("<details class=\"drill\"").count(), 3);
    // Each row leads to its drill.
    for number in 1..=3 {
        assert!(text.contains(&format!("href=\"#d{number}\"")) && text.contains(&format!("id=\"d{number}\"")));
    }
    let all = |verdict: fn() -> Verdict| top::title(&report(vec![record("a", verdict()), record("b", verdict())]));
    assert_eq!(all(|| Verdict::Passed), "All 2 drills passed");
    assert_eq!(all(|| not_run("no image")), "No drill could be run");
}

/// Each part of the inside of a drill, as somebody without JavaScript reads it.
#[test]
fn a_failed_drill_tells_everything() {
    let telling = drill::Telling {
        homeserver: true,
        short: false,
    };
    let record = Record {
        replay: "knockproof drill --seed 7".to_owned(),
        artifacts: Some("artifacts/bot-killed".to_owned()),
        marks: vec!["token-dead".to_owned()],
        ..told("bot-killed", "said")
    };
    let text = drill::details(0, &record, telling).into_string();
    let parts = [
        "What happened",
        "<svg viewBox=\"0 0 1000 30\"",
        "<title>0.0 s  said</title>",
        "<summary>Requests</summary>",
        "aria-label=\"The bot's log\"",
        "<h3>Steps</h3>",
        "<h3>Checks</h3>",
        "token-dead",
        "<code>knockproof drill --seed 7</code>",
        "<code>artifacts/bot-killed</code>",
    ];
    for part in parts {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn a_page_compared_with_another_run_begins_with_what_got_worse() {
    let old = report(vec![record("a", Verdict::Passed)]);
    let new = report(vec![record("a", failed("no answer"))]);
    let text = page(&new, Some(&Comparison::of(&old, &new)));
    let (worse, wrong) = (
        text.find("1 drill got worse").unwrap(),
        text.find("What went wrong").unwrap(),
    );
    assert!(worse < wrong);
    assert!(text.contains("FAILED: no answer") && !page(&new, None).contains("got worse"));
}

/// A browser with JavaScript parses what is outside of `noscript` when the page is opened, and reads over the rest.
#[test]
fn a_page_of_many_drills_is_little_until_one_is_opened() {
    let text = "what somebody does, and what is seen of it then";
    let drill = |number: usize| Record {
        verdict: Verdict::Passed,
        ..told(&format!("fault-{}", number % 40), text)
    };
    let text = page(&report((0..1_500).map(drill).collect()), None);
    assert!(text.len() < 1_500 * 6_000, "{} bytes", text.len());
    let outside = text
        .split("<noscript>")
        .map(|part| part.split("</noscript>").last().unwrap());
    let tags: usize = outside.map(|part| part.matches('<').count()).sum();
    assert!(tags < 1_500 * 16, "{tags} tags");
}

#[test]
fn a_drill_of_many_that_passed_is_told_in_short_and_one_that_failed_is_not() {
    let failed = told("bot-killed", "said");
    let passed = Record {
        verdict: Verdict::Passed,
        ..failed.clone()
    };
    let inside = |record: &Record| drill::details(0, record, TELLING).into_string();
    assert!(inside(&failed).contains("<table") && inside(&failed).contains("The bot's log"));
    assert!(!inside(&passed).contains("<table") && inside(&passed).contains("What happened"));
}
