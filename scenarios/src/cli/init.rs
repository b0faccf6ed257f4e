//! `knockproof init`.

use std::{
    fs::File,
    io::{self, BufRead, Write},
    path::Path,
};

use harness::contract::Contract;

use super::{Exit, args::InitArgs, refuse};
use crate::draft::Draft;

/// Drafts a contract, asks about it where it was not told not to, and writes it.
pub(super) fn run(args: &InitArgs, answers: &mut impl BufRead, out: &mut impl Write) -> Exit {
    match written(args, answers, out) {
        Ok(said) => {
            // A closed pipe changes nothing of what was written.
            let _ = writeln!(out, "{said}");
            Exit::Passed
        }
        Err(why) => refuse(&why),
    }
}

fn written(args: &InitArgs, answers: &mut impl BufRead, out: &mut impl Write) -> Result<String, String> {
    let folder = &args.folder;
    let file = folder.join(&args.output);
    if file.exists() && !args.force {
        return Err(format!("{} is there already; --force writes it anew", file.display()));
    }
    let draft = Draft::of(folder, args.library).map_err(|error| format!("{}: {error}", folder.display()))?;
    let draft = asked(draft, args, answers, out).map_err(|error| format!("cannot ask: {error}"))?;
    let text = draft.toml();
    // What is written is a contract, or nothing is.
    Contract::from_toml(&text).map_err(|error| format!("what was answered makes no contract: {error}"))?;
    put(&file, &text, args.force).map_err(|error| format!("{}: {error}", file.display()))?;
    let library = draft.library.map_or("no library was recognised".to_owned(), |library| {
        format!("a bot on {library}")
    });
    let name = file.display();
    Ok(format!(
        "{name}: {library}.\nLook at it, then\n  knockproof contract check {name}\n  knockproof drill --contract {name} --fault none"
    ))
}

fn put(file: &Path, text: &str, force: bool) -> io::Result<()> {
    let mut options = File::options();
    options.write(true);
    match force {
        true => options.create(true).truncate(true),
        false => options.create_new(true),
    };
    options.open(file)?.write_all(text.as_bytes())
}

/// The draft with what the command line says, and what is answered to the rest.
fn asked(draft: Draft, args: &InitArgs, answers: &mut impl BufRead, out: &mut impl Write) -> io::Result<Draft> {
    let mut ask = |question: &str, given: &Option<String>, default: String| match (given, args.yes) {
        (Some(given), _) => Ok(given.clone()),
        (None, true) => Ok(default),
        (None, false) => answered(question, default, answers, out),
    };
    let encryption = args
        .encryption
        .map(|wanted| if wanted { "yes" } else { "no" }.to_owned());
    Ok(Draft {
        name: ask("What is the bot called?", &args.name, draft.name)?,
        command: ask("Which command starts it, in its folder?", &args.command, draft.command)?,
        say: ask("What can be said to it in a room?", &args.say, draft.say)?,
        expect: ask("What stands in its answer?", &args.expect, draft.expect)?,
        encryption: ask(
            "Does it read and write in encrypted rooms (yes, no)?",
            &encryption,
            yes_or_no(draft.encryption),
        )?
        .to_lowercase()
        .starts_with('y'),
        ..draft
    })
}

fn yes_or_no(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

/// One answer; the default where there is none.
fn answered(question: &str, default: String, answers: &mut impl BufRead, out: &mut impl Write) -> io::Result<String> {
    write!(out, "{question} [{default}] ")?;
    out.flush()?;
    let mut line = String::new();
    answers.read_line(&mut line)?;
    Ok(match line.trim() {
        "" => default,
        answer => answer.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;

    fn args(folder: &Path) -> InitArgs {
        InitArgs {
            folder: folder.to_owned(),
            output: PathBuf::from("knockproof.toml"),
            library: None,
            name: None,
            command: None,
            say: None,
            expect: None,
            encryption: None,
            yes: false,
            force: false,
        }
    }

    fn init(args: &InitArgs, answers: &str) -> (Exit, String) {
        let mut out = Vec::new();
        let exit = run(args, &mut answers.as_bytes(), &mut out);
        (exit, String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_is_answered_stands_in_the_contract_and_what_is_not_has_its_default() {
        let folder = tempfile::tempdir().unwrap();
        let (exit, said) = init(&args(folder.path()), "echo\n\n!echo hello\nhello\nyes\n");
        assert_eq!(exit, Exit::Passed, "{said}");
        let contract = Contract::read(&folder.path().join("knockproof.toml")).unwrap();
        assert_eq!(
            (contract.name.as_str(), contract.capabilities.encryption),
            ("echo", true)
        );
        let question = contract.ping.encrypted.unwrap();
        assert_eq!(
            (question.say.as_str(), question.expect.as_str()),
            ("!echo hello", "hello")
        );
    }

    #[test]
    fn nothing_is_asked_of_whoever_says_yes_and_nothing_is_overwritten_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let mut args = InitArgs {
            yes: true,
            name: Some("mine".to_owned()),
            ..args(folder.path())
        };
        let (exit, said) = init(&args, "");
        assert_eq!(exit, Exit::Passed);
        assert!(
            !said.contains('?') && said.contains("knockproof contract check"),
            "{said}"
        );
        let file = folder.path().join("knockproof.toml");
        fs::write(&file, "mine").unwrap();
        assert_eq!(init(&args, "").0, Exit::CouldNotRun);
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
        args.force = true;
        assert_eq!(init(&args, "").0, Exit::Passed);
        assert_eq!(Contract::read(&file).unwrap().name, "mine");
    }
}
