//! The pages of the guide that the code knows best: faults, checks, scenarios, and every key of a contract.
//!
//! They are kept in `docs/src`, so that the guide can be read without building anything. A test holds them to the code; `knockproof guide
//! docs/src` writes them anew.

mod contract_keys;

use std::{fs, io, path::Path};

use harness::{
    check::Checks,
    contract::Contract,
    fault::{Call, Fault, Faults, Outcome, Passage},
    homeserver::Flavor,
    plan::{Moment, meaning},
};

use crate::catalogue;

/// A page of the guide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The name of its file.
    pub file: &'static str,
    /// What stands in it: Markdown.
    pub text: String,
}

/// Every page that is made from the code.
pub fn pages() -> Vec<Page> {
    vec![
        Page {
            file: "faults.md",
            text: faults(),
        },
        Page {
            file: "checks.md",
            text: checks(),
        },
        Page {
            file: "scenarios.md",
            text: scenarios(),
        },
        Page {
            file: "contract-keys.md",
            text: contract_keys::page(&Contract::schema()),
        },
    ]
}

/// Writes them into a folder.
///
/// # Errors
/// When one cannot be written; the error names it.
pub fn write(folder: &Path) -> io::Result<()> {
    for page in pages() {
        let path = folder.join(page.file);
        fs::write(&path, page.text)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    }
    Ok(())
}

/// A bot of which nothing is known: what a fault needs, it lacks.
const BARE: &str = r#"
name = "the bot"
command = "bot"
ready = { log = "up" }
identities = [{ name = "bot", localpart = "bot" }]
"#;

fn faults() -> String {
    let mut text = heading(
        "Faults",
        "Things broken on purpose, one in each drill, at a moment. `--fault NAME` chooses, `--moment NAME` likewise.",
    );
    text.push_str("## Moments\n\n| moment | is |\n|---|---|\n");
    for moment in Moment::ALL {
        text.push_str(&row(&[&format!("`{moment}`"), meaning(moment)]));
    }
    text.push_str(&passages());
    text.push_str("\n## Of any bot\n\n");
    let standard = Faults::standard();
    text.push_str(&fault_table(standard.iter()));
    text.push_str("\n## Of knock-approver alone\n\n");
    let own = catalogue::all_faults()
        .iter()
        .filter(|fault| standard.named(fault.name()).is_none());
    text.push_str(&fault_table(own));
    text
}

/// The requests at which a bot can be held.
fn passages() -> String {
    let calls = Call::ALL.map(|call| {
        let [before, after] = Passage::around(call);
        format!("`{before}`, `{after}`")
    });
    format!(
        "\nWhat can happen to a bot that runs can also happen at a request: {}. The bot has worked, is stopped and starts again; the first such \
         request of that start (or the second: `after-sync-2`) is held, before the homeserver sees it or before the bot sees the reply, while \
         the fault happens. `--moment traffic` is all of these to which every start of the bot comes.\n",
        calls.join(", ")
    )
}

fn fault_table<'f>(faults: impl Iterator<Item = &'f Fault>) -> String {
    let mut text = "| fault | breaks | moments | the bot | not applicable where |\n|---|---|---|---|---|\n".to_owned();
    for fault in faults {
        let moments: Vec<String> = fault.moments().iter().map(|moment| format!("`{moment}`")).collect();
        let name = format!("`{}`", fault.name());
        text.push_str(&row(&[
            &name,
            fault.summary(),
            &moments.join(" "),
            &expected(fault),
            &lacking(fault),
        ]));
    }
    text
}

/// What is expected of the bot, at each moment where that differs.
fn expected(fault: &Fault) -> String {
    let at = |moment: &Moment| match fault.expectation(*moment).outcome {
        Outcome::Heals => "heals",
        Outcome::NeedsOperator { .. } => "calls its operator",
        Outcome::ServesDegraded { .. } => "serves on, and says what is weaker",
    };
    let mut all: Vec<&str> = fault.moments().iter().map(at).collect();
    all.dedup();
    match all.as_slice() {
        [one] => (*one).to_owned(),
        _ => {
            let each = fault.moments().iter().map(|moment| format!("{moment}: {}", at(moment)));
            each.collect::<Vec<_>>().join("; ")
        }
    }
}

/// Where a fault says nothing of a bot.
fn lacking(fault: &Fault) -> String {
    let Ok(bare) = Contract::from_toml(BARE) else {
        return String::new();
    };
    let each = fault
        .needs()
        .iter()
        .filter_map(|need| need.lacking(&bare, Flavor::Synapse));
    each.collect::<Vec<_>>().join("; ")
}

fn checks() -> String {
    let mut text = heading(
        "Checks",
        "What must hold after every drill. Each is a pure function of the drill's history.",
    );
    text.push_str("| check | demands | not applicable where |\n|---|---|---|\n");
    for check in Checks::standard().iter() {
        let needs: Vec<&str> = check.needs.iter().map(|need| need.missing()).collect();
        text.push_str(&row(&[&format!("`{}`", check.name), &check.summary, &needs.join("; ")]));
    }
    text
}

fn scenarios() -> String {
    let mut text = heading(
        "Scenarios",
        "What people do with knock-approver. Each is drilled plain, and with faults in its middle; `smoke` with every fault at every moment.",
    );
    for scenario in catalogue::scenarios() {
        text.push_str(&format!(
            "## {}\n\n{}\n\n",
            scenario.name(),
            sentence(scenario.summary())
        ));
        for (number, step) in scenario.steps().iter().enumerate() {
            text.push_str(&format!("{}. {}\n", number + 1, escaped(step)));
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn heading(title: &str, lead: &str) -> String {
    format!("<!-- Made from the code by `knockproof guide docs/src`. -->\n\n# {title}\n\n{lead}\n\n")
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), escaped(letters.as_str()))
}

/// A row of a table.
fn row(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// What Markdown would take for a table's border or for HTML.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/src");

    #[test]
    fn the_guide_says_what_the_code_says() {
        for page in pages() {
            let kept = fs::read_to_string(Path::new(FOLDER).join(page.file)).unwrap_or_default();
            assert!(
                kept == page.text,
                "docs/src/{} is not what the code says: `cargo knockproof guide docs/src` writes it anew",
                page.file
            );
        }
    }

    #[test]
    fn every_page_of_the_guide_is_in_its_summary_and_every_link_leads_to_one() {
        let summary = fs::read_to_string(Path::new(FOLDER).join("SUMMARY.md")).unwrap();
        let files: Vec<String> = fs::read_dir(FOLDER)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".md"))
            .collect();
        for file in files.iter().filter(|file| *file != "SUMMARY.md") {
            assert!(summary.contains(&format!("({file})")), "{file} is not in the summary");
        }
        for file in &files {
            let text = fs::read_to_string(Path::new(FOLDER).join(file)).unwrap();
            for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let page = link.split('#').next().unwrap_or_default();
                let leads = page.is_empty() || page.contains("://") || files.iter().any(|known| known == page);
                assert!(leads, "{file} has a link to {link:?}, which is nowhere");
            }
        }
    }

    #[test]
    fn what_markdown_would_take_for_its_own_is_escaped() {
        assert_eq!(row(&["a|b", "<b>\nc"]), "| a\\|b | &lt;b> c |\n");
        assert_eq!(sentence("a bot is asked"), "A bot is asked.");
    }

    #[test]
    fn a_fault_that_needs_something_says_where_it_is_not_applicable() {
        let text = faults();
        let line = text.lines().find(|line| line.starts_with("| `crypto-store-lost`"));
        assert!(
            line.is_some_and(|line| line.contains("the bot names no place for its keys")),
            "{line:?}"
        );
    }
}
