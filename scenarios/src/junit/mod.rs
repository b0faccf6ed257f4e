//! A run as JUnit XML, for what shows tests.

use std::time::Duration;

use quick_junit::{NonSuccessKind, SerializeError, TestCase, TestCaseStatus, TestSuite, XmlString};

use harness::report::{Record, Report, Verdict};

/// The XML: a suite for each homeserver, a test case for each drill.
///
/// # Errors
///
/// When it cannot be written down.
pub fn junit(report: &Report) -> Result<String, SerializeError> {
    let mut suites: Vec<(&str, TestSuite)> = Vec::new();
    for record in &report.drills {
        let case = case(record);
        match suites
            .iter_mut()
            .find(|(homeserver, _)| *homeserver == record.homeserver)
        {
            Some((_, suite)) => {
                suite.add_test_case(case);
            }
            None => {
                let mut suite = TestSuite::new(format!("drills on {}", record.homeserver));
                suite.add_property(("seed", report.seed.to_string().as_str()));
                suite.add_test_case(case);
                suites.push((&record.homeserver, suite));
            }
        }
    }
    let mut whole = quick_junit::Report::new("knockproof");
    whole.set_time(Duration::from_millis(report.summary.took_ms));
    whole.add_test_suites(suites.into_iter().map(|(_, suite)| suite));
    whole.to_string()
}

fn case(record: &Record) -> TestCase {
    let mut status = match &record.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::Failed { .. } => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::NotRun { .. } => TestCaseStatus::skipped(),
    };
    if let Verdict::Failed { why } | Verdict::NotRun { why } = &record.verdict {
        status.set_message(why.lines().next().unwrap_or_default());
    }
    if matches!(record.verdict, Verdict::Failed { .. }) {
        status
            .set_type("drill")
            .set_description(XmlString::new(record.narrative()));
    }
    let mut case = TestCase::new(record.name.as_str(), status);
    case.set_classname(record.scenario.as_str());
    case.set_time(Duration::from_millis(record.took_ms));
    case
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{failed, not_run, record};

    fn xml(drills: Vec<Record>) -> String {
        junit(&Report::new(7, Vec::new(), drills, Vec::new(), 1_500)).unwrap()
    }

    #[test]
    fn every_drill_is_a_case_with_its_reason() {
        let text = xml(vec![
            record("a", Verdict::Passed),
            record("b", failed("no answer\nmore")),
            record("c", not_run("no image")),
        ]);
        assert!(
            text.contains(r#"tests="3" skipped="1" failures="1" errors="0""#),
            "{text}"
        );
        assert!(text.contains(r#"<failure message="no answer" type="drill">"#), "{text}");
        assert!(text.contains(r#"<skipped message="no image"/>"#), "{text}");
        assert!(text.contains(r#"<property name="seed" value="7"/>"#), "{text}");
    }

    /// What a bot prints may be anything; the file has to stay one that can be read.
    #[test]
    fn it_is_whole_whatever_a_bot_has_printed() {
        let hostile = "]]></failure><script>\"&'\u{0}\u{1b}[31m red \u{ffff}";
        let text = xml(vec![record("b", failed(hostile))]);
        let read = quick_junit::Report::deserialize_from_str(&text).unwrap();
        assert_eq!((read.tests, read.failures), (1, 1));
        assert!(
            !text.contains("<script>") && !text.contains('\u{0}') && !text.contains('\u{1b}'),
            "{text}"
        );
    }
}
