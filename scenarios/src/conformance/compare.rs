//! Judges whether two homeservers answered a step alike.

use std::fmt;

use harness::homeserver::Flavor;
use serde_json::Value;

use super::recording::Answer;

/// A difference between the embedded homeserver and a real one that is meant to be.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The flavors it concerns; all when empty.
    pub flavors: &'static [Flavor],
    /// `area/step`.
    pub step: &'static str,
    /// Why the embedded homeserver does it otherwise.
    pub reason: &'static str,
}

/// Every wanted difference. Besides these, the text under `error` is prose for people and is not compared: clients decide by `errcode`
/// (Matrix specification, client-server API, section "Standard error response").
pub const WANTED: &[Wanted] = &[];

/// Two answers that should be one.
#[derive(Clone, Debug)]
pub struct Difference {
    /// `area/step`.
    pub step: String,
    /// The real server whose recording it is.
    pub flavor: Flavor,
    /// What the real server answered.
    pub recorded: Answer,
    /// What the embedded homeserver answered.
    pub given: Answer,
    /// The dialect switch that could be missing or wrong.
    pub switch: Option<&'static str>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: the embedded homeserver answers otherwise than {}",
            self.step, self.flavor
        )?;
        writeln!(f, "  asked      {}", self.given.request)?;
        writeln!(
            f,
            "  {:<10} {} {}",
            self.flavor.name(),
            self.recorded.status,
            pretty(&self.recorded.body)
        )?;
        writeln!(f, "  embedded   {} {}", self.given.status, pretty(&self.given.body))?;
        match self.switch {
            Some(switch) => write!(f, "  decided by the dialect's `{switch}`"),
            None => f.write_str("  no dialect switch decides this step: either one is missing, or the embedded homeserver is wrong for all"),
        }
    }
}

/// The difference between a recorded and a given answer, if there is one that is not wanted.
pub fn compare(
    step: &str,
    switch: Option<&'static str>,
    flavor: Flavor,
    recorded: &Answer,
    given: &Answer,
) -> Option<Difference> {
    let same = recorded.status == given.status && without_prose(&recorded.body) == without_prose(&given.body);
    let wanted = WANTED
        .iter()
        .any(|wanted| wanted.step == step && (wanted.flavors.is_empty() || wanted.flavors.contains(&flavor)));
    (!same && !wanted).then(|| Difference {
        step: step.to_owned(),
        flavor,
        recorded: recorded.clone(),
        given: given.clone(),
        switch,
    })
}

fn without_prose(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|key, _| key != "error" && key != "/error");
    }
    body
}

fn pretty(body: &Value) -> String {
    serde_json::to_string_pretty(body)
        .unwrap_or_default()
        .replace('\n', "\n             ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: Value) -> Answer {
        Answer {
            request: "GET /x".to_owned(),
            status,
            body,
        }
    }

    #[test]
    fn another_status_is_a_difference_that_names_both_answers_and_the_switch() {
        let found = compare(
            "a/b",
            Some("kills_old_token"),
            Flavor::Synapse,
            &answer(200, json!({})),
            &answer(401, json!({})),
        );
        let text = found.unwrap().to_string();
        assert!(
            text.contains("a/b") && text.contains("200") && text.contains("401") && text.contains("kills_old_token"),
            "{text}"
        );
    }

    #[test]
    fn another_errcode_is_a_difference() {
        let (recorded, given) = (json!({"errcode": "M_FORBIDDEN"}), json!({"errcode": "M_UNKNOWN"}));
        assert!(
            compare(
                "a/b",
                None,
                Flavor::Synapse,
                &answer(403, recorded),
                &answer(403, given)
            )
            .is_some()
        );
    }

    #[test]
    fn another_wording_of_an_error_is_none() {
        let (recorded, given) = (
            json!({"errcode": "M_X", "error": "one"}),
            json!({"errcode": "M_X", "error": "two"}),
        );
        assert!(
            compare(
                "a/b",
                None,
                Flavor::Synapse,
                &answer(403, recorded),
                &answer(403, given)
            )
            .is_none()
        );
    }
}
