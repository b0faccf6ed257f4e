//! The table of endpoints and cases in the guide, made from recordings and answers.

use std::collections::{BTreeMap, BTreeSet};

use harness::homeserver::Flavor;

use super::{
    case::{Kind, kind_of},
    table::endpoints,
    verdict::{Finding, Verdict},
};

const BEGIN: &str = "<!-- Made from the recordings; see \"How the table is made\". -->";
const END: &str = "<!-- The end of what is made. -->";

/// The part of a text between the marks, with them.
pub fn between_marks(text: &str) -> Option<&str> {
    let begin = text.find(BEGIN)?;
    let end = text.find(END)?;
    text.get(begin..end + END.len())
}

/// The text with another part between the marks.
pub fn put_between_marks(text: &str, part: &str) -> String {
    match between_marks(text) {
        Some(old) => text.replacen(old, part, 1),
        None => format!("{}\n\n{part}\n", text.trim_end()),
    }
}

/// The part that is made: counts, the table, what is meant to differ, what does and is not meant to, what was not copied.
pub fn page(sides: &[(Flavor, Vec<Finding>)]) -> String {
    let parts = [
        counts(sides),
        table(sides),
        wanted(sides),
        open(sides),
        not_copied(sides),
    ];
    format!("{BEGIN}\n\n{}\n{END}", parts.join("\n"))
}

fn counts(sides: &[(Flavor, Vec<Finding>)]) -> String {
    let mut text = "| dialect | asked | same | meant to differ | not there | differs | not copied |\n|---|---|---|---|---|---|---|\n".to_owned();
    for (flavor, findings) in sides {
        let count = |is: fn(&Verdict) -> bool| findings.iter().filter(|finding| is(&finding.verdict)).count();
        text.push_str(&format!(
            "| {flavor} | {} | {} | {} | {} | {} | {} |\n",
            findings.len(),
            count(|verdict| *verdict == Verdict::Same),
            count(|verdict| matches!(verdict, Verdict::Wanted(_))),
            count(|verdict| *verdict == Verdict::NotThere),
            count(|verdict| *verdict == Verdict::Differs),
            count(|verdict| *verdict == Verdict::NotCopied),
        ));
    }
    text
}

/// A row an endpoint and a column a kind of case: how often each verdict, in the order of the flavors.
fn table(sides: &[(Flavor, Vec<Finding>)]) -> String {
    let names: Vec<String> = sides.iter().map(|(flavor, _)| flavor.to_string()).collect();
    let mut text = format!("In each cell: {}. ", names.join(" / "));
    text.push_str("`=` all the same, `w` meant to differ, `–` not there, `≠` differs, `×` not copied; a number says how many of several.\n\n");
    let titles: Vec<&str> = Kind::ALL.iter().map(|kind| kind.title()).collect();
    text.push_str(&format!(
        "| endpoint | {} |\n|---|{}\n",
        titles.join(" | "),
        "---|".repeat(titles.len())
    ));
    for endpoint in endpoints() {
        let cells = Kind::ALL.map(|kind| cell(sides, endpoint.name(), kind));
        text.push_str(&format!(
            "| {} `{}` | {} |\n",
            endpoint.name(),
            endpoint.label(),
            cells.join(" | ")
        ));
    }
    text
}

fn cell(sides: &[(Flavor, Vec<Finding>)], endpoint: &str, kind: Kind) -> String {
    let each: Vec<String> = sides
        .iter()
        .map(|(_, findings)| marks(findings, endpoint, kind))
        .collect();
    if each.iter().all(|marks| marks == "=") {
        return "=".to_owned();
    }
    if each.iter().all(String::is_empty) {
        return String::new();
    }
    each.join(" / ")
}

fn marks(findings: &[Finding], endpoint: &str, kind: Kind) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let of_cell = findings
        .iter()
        .filter(|finding| finding.endpoint == endpoint && kind_of(&finding.case) == kind);
    for finding in of_cell {
        *counts.entry(mark(finding.verdict)).or_default() += 1;
    }
    let all: usize = counts.values().sum();
    let one = |(mark, count): (&&str, &usize)| {
        if all == *count {
            (*mark).to_owned()
        } else {
            format!("{count}{mark}")
        }
    };
    counts.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Same => "=",
        Verdict::Wanted(_) => "w",
        Verdict::NotCopied => "×",
        Verdict::NotThere => "–",
        Verdict::Differs => "≠",
    }
}

/// The reasons, each with where it counts.
fn wanted(sides: &[(Flavor, Vec<Finding>)]) -> String {
    let mut reasons: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for finding in sides.iter().flat_map(|(_, findings)| findings) {
        if let Verdict::Wanted(reason) = finding.verdict {
            reasons.entry(reason).or_default().insert(&finding.endpoint);
        }
    }
    let mut text = "### Meant to differ\n\n".to_owned();
    for (reason, endpoints) in reasons {
        let endpoints: Vec<String> = endpoints.into_iter().map(|endpoint| format!("`{endpoint}`")).collect();
        text.push_str(&format!("- {reason}: {}.\n", endpoints.join(", ")));
    }
    text
}

/// What differs and is not meant to, by flavor and by what was answered in its place.
fn open(sides: &[(Flavor, Vec<Finding>)]) -> String {
    let mut text = "### Not mended yet\n\n".to_owned();
    for (flavor, findings) in sides {
        let open: Vec<&Finding> = findings
            .iter()
            .filter(|finding| matches!(finding.verdict, Verdict::Differs | Verdict::NotThere))
            .collect();
        text.push_str(&format!("{flavor}:\n\n"));
        for finding in open {
            let (real, embedded) = (short(&finding.recorded), short(&finding.given));
            let embedded = if real == embedded {
                format!("{embedded}, of another shape")
            } else {
                embedded
            };
            text.push_str(&format!(
                "- `{}/{}`: {real}, here {embedded}\n",
                finding.endpoint, finding.case
            ));
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn short(reply: &super::Reply) -> String {
    match reply.body["errcode"].as_str() {
        Some(errcode) => format!("{} `{errcode}`", reply.status),
        None => reply.status.to_string(),
    }
}

/// Where the real servers failed or were unsteady.
fn not_copied(sides: &[(Flavor, Vec<Finding>)]) -> String {
    let mut text = "### Failures and moods of the real ones, not copied\n\n".to_owned();
    for (flavor, findings) in sides {
        let all = findings.iter().filter(|finding| finding.verdict == Verdict::NotCopied);
        let each: Vec<String> = all
            .map(|finding| match finding.recorded.status {
                0 => format!("`{}/{}` (now so, now otherwise)", finding.endpoint, finding.case),
                status => format!("`{}/{}` ({status})", finding.endpoint, finding.case),
            })
            .collect();
        text.push_str(&format!(
            "- {flavor}: {}\n",
            if each.is_empty() {
                "none".to_owned()
            } else {
                each.join(", ")
            }
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_takes_the_place_of_what_was_made() {
        let first = put_between_marks("# Title\n\ntext\n", &format!("{BEGIN}\nold\n{END}"));
        let second = put_between_marks(&format!("{first}\nafter\n"), &format!("{BEGIN}\nnew\n{END}"));
        assert!(second.starts_with("# Title\n\ntext\n") && second.contains("new") && second.ends_with("\nafter\n"));
        assert!(!second.contains("old"), "{second}");
    }
}
