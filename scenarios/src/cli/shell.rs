//! `knockproof completions` and `knockproof man`.

use std::io::{self, Write};

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Cli, Exit, args::ManArgs, refuse};

/// Writes what a shell needs to complete the command.
pub(super) fn completions(shell: Shell, out: &mut impl Write) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "knockproof", &mut text);
    written(out.write_all(&text))
}

/// Writes a manual page, or all of them into a folder.
pub(super) fn man(args: &ManArgs, out: &mut impl Write) -> Exit {
    if let Some(folder) = &args.dir {
        let made = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Cli::command(), folder));
        return match made {
            Ok(()) => Exit::Passed,
            Err(error) => refuse(&format!(
                "the manual cannot be written to {}: {error}",
                folder.display()
            )),
        };
    }
    let mut command = Cli::command();
    command.build();
    let of = match &args.command {
        None => Some(&command),
        Some(name) => command.find_subcommand(name),
    };
    match of {
        Some(of) => {
            let mut page = Vec::new();
            written(
                Man::new(of.clone())
                    .render(&mut page)
                    .and_then(|()| out.write_all(&page)),
            )
        }
        None => refuse(&format!(
            "there is no command {}",
            args.command.as_deref().unwrap_or_default()
        )),
    }
}

fn written(result: io::Result<()>) -> Exit {
    match result {
        // A closed pipe has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => refuse(&error.to_string()),
        _ => Exit::Passed,
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_gets_completions_that_know_the_commands() {
        for shell in Shell::value_variants() {
            let mut text = Vec::new();
            assert_eq!(completions(*shell, &mut text), Exit::Passed);
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains("drill") && text.contains("fail-fast"), "{shell}");
        }
    }

    #[test]
    fn the_manual_has_a_page_for_the_program_and_for_each_command() {
        let page = |command: Option<&str>| {
            let mut text = Vec::new();
            let args = ManArgs {
                command: command.map(str::to_owned),
                dir: None,
            };
            let exit = man(&args, &mut text);
            (exit, String::from_utf8(text).unwrap())
        };
        assert!(page(None).1.contains(".TH knockproof 1"));
        assert!(page(Some("drill")).1.contains("\\-\\-fail\\-fast"));
        assert_eq!(page(Some("dril")).0, Exit::CouldNotRun);
        let folder = tempfile::tempdir().unwrap();
        let dir = Some(folder.path().join("man1"));
        assert_eq!(man(&ManArgs { command: None, dir }, &mut Vec::new()), Exit::Passed);
        assert!(folder.path().join("man1/knockproof-drill.1").is_file());
    }
}
