//! The contract of a bot, drafted from what its folder shows.
//!
//! A draft is a guess that somebody reads: which library, which command, what the environment must hold. What cannot be seen is asked, or has a
//! default that `knockproof contract check` and the first drill put right.

mod folder;
mod variable;

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

pub use folder::Library;
pub use variable::Place;

/// What is known of a bot before its first drill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What people call it.
    pub name: String,
    /// The library that it stands on, where that shows.
    pub library: Option<Library>,
    /// The command that starts it, in its folder.
    pub command: String,
    /// What its environment has to hold: a place to be filled, by variable.
    pub environment: BTreeMap<String, Place>,
    /// What is said to it.
    pub say: String,
    /// What stands in its answer.
    pub expect: String,
    /// Whether it reads and writes in encrypted rooms.
    pub encryption: bool,
}

impl Draft {
    /// What a folder shows of a bot; `library` where somebody knows better.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn of(folder: &Path, library: Option<Library>) -> std::io::Result<Self> {
        let library = match library {
            Some(library) => Some(library),
            None => Library::of(folder)?,
        };
        let name = folder::name(folder);
        let mut environment = variable::read_in(folder)?;
        if environment.is_empty() {
            environment = Place::usual();
        }
        Ok(Self {
            command: folder::command(folder, library, &name),
            name,
            encryption: library.is_some() && folder::encrypts(folder, library)?,
            library,
            environment,
            say: "!ping".to_owned(),
            expect: "pong".to_owned(),
        })
    }

    fn uses(&self, place: Place) -> bool {
        self.environment.values().any(|one| *one == place)
    }

    /// Whether it can log in by itself.
    fn logs_in(&self) -> bool {
        self.uses(Place::Password) || self.uses(Place::PasswordFile)
    }

    /// The contract, with a word on what is to be looked at.
    pub fn toml(&self) -> String {
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let library = self.library.map_or("a library that was not recognised", Library::name);
        writeln!(
            text,
            "# How this bot on {library} is drilled. See `knockproof contract schema`.\n"
        )?;
        writeln!(text, "name = {}", quoted(&self.name))?;
        writeln!(text, "command = {}", quoted(&self.command))?;
        writeln!(text, "directory = \".\"")?;
        writeln!(
            text,
            "ready = \"ping\"            # it serves when it answers; or {{ http = \"/healthz\" }}, or {{ log = \"listening\" }}"
        )?;
        writeln!(text, "healing = \"by-restart\"    # or \"alone\", or \"says-so\"\n")?;
        let question = format!("{{ say = {}, expect = {} }}", quoted(&self.say), quoted(&self.expect));
        writeln!(text, "ping.plain = {question}")?;
        if self.encryption {
            writeln!(text, "ping.encrypted = {question}")?;
        }
        writeln!(text, "\n[environment]              # the only environment that it gets")?;
        for (name, place) in &self.environment {
            writeln!(text, "{} = \"{}\"", key(name), place.template())?;
        }
        writeln!(text, "\n[[identities]]\nname = \"bot\"\nlocalpart = \"bot\"")?;
        writeln!(
            text,
            "\n[state]                    # below its data directory, {{data}}: name what it keeps, and its loss is drilled"
        )?;
        if self.uses(Place::PasswordFile) {
            writeln!(text, "password_file = \"password\"")?;
        }
        writeln!(text, "# session = \"session.json\"\n# crypto_store = \"store\"")?;
        writeln!(text, "\n[capabilities]             # what it cannot do is not drilled")?;
        writeln!(text, "password_login = {}", self.logs_in())?;
        writeln!(text, "encryption = {}", self.encryption)
    }
}

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    // A JSON string is a basic string of TOML, but for DEL.
    serde_json::Value::from(text.replace('\u{7f}', "")).to_string()
}

/// A key, quoted where it has to be.
fn key(name: &str) -> String {
    let is_bare = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-');
    match !name.is_empty() && name.chars().all(is_bare) {
        true => name.to_owned(),
        false => quoted(name),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use harness::contract::Contract;
    use rstest::rstest;

    use super::*;

    /// A folder with these files.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[rstest]
    #[case::matrix_sdk(
        &[("Cargo.toml", "[package]\nname = \"hello\"\n[dependencies]\nmatrix-sdk = \"0.18\"\n"), ("src/main.rs", "std::env::var(\"MATRIX_PASSWORD\")")],
        Library::MatrixSdk, "./target/debug/hello"
    )]
    #[case::nio(
        &[("requirements.txt", "matrix-nio[e2e]==0.25\n"), ("main.py", "os.environ['PASSWORD']")],
        Library::Nio, "python3 main.py"
    )]
    #[case::mautrix(
        &[("pyproject.toml", "dependencies = [\"mautrix>=0.21\"]\n"), ("bot.py", "os.getenv(\"ACCESS_TOKEN\")")],
        Library::Mautrix, "python3 bot.py"
    )]
    #[case::bot_sdk(
        &[("package.json", r#"{ "main": "lib/index.js", "dependencies": { "matrix-bot-sdk": "^0.8" } }"#), ("lib/index.js", "process.env.TOKEN")],
        Library::BotSdk, "node lib/index.js"
    )]
    #[case::js_sdk(
        &[("package.json", r#"{ "dependencies": { "matrix-js-sdk": "^38" } }"#), ("bot.mjs", "process.env.TOKEN")],
        Library::JsSdk, "node bot.mjs"
    )]
    fn the_library_and_the_command_are_seen(
        #[case] files: &[(&str, &str)],
        #[case] library: Library,
        #[case] command: &str,
    ) {
        let folder = folder(files);
        let draft = Draft::of(folder.path(), None).unwrap();
        assert_eq!((draft.library, draft.command.as_str()), (Some(library), command));
        Contract::from_toml(&draft.toml()).unwrap();
    }

    #[test]
    fn what_the_environment_must_hold_is_read_in_the_source() {
        let source = r#"
            HOMESERVER = os.environ["MY_HOMESERVER_URL"]
            user, where = os.environ.get("BOT_MXID"), os.getenv('STORE_PATH')
            password = open(os.environ["PASSWORD_FILE"]).read(); os.environ["LOG_LEVEL"]
        "#;
        let folder = folder(&[
            ("requirements.txt", "matrix-nio\n"),
            ("bot.py", source),
            ("node_modules/x.py", "os.environ['TOKEN']"),
        ]);
        let draft = Draft::of(folder.path(), None).unwrap();
        let found: Vec<(&str, Place)> = draft
            .environment
            .iter()
            .map(|(name, place)| (name.as_str(), *place))
            .collect();
        assert_eq!(
            found,
            [
                ("BOT_MXID", Place::UserId),
                ("MY_HOMESERVER_URL", Place::Homeserver),
                ("PASSWORD_FILE", Place::PasswordFile),
                ("STORE_PATH", Place::Data),
            ]
        );
        let contract = Contract::from_toml(&draft.toml()).unwrap();
        assert!(contract.capabilities.password_login && contract.state.password_file.is_some());
    }

    #[test]
    fn nothing_that_is_known_is_still_a_contract_to_begin_with() {
        let folder = folder(&[]);
        let draft = Draft {
            name: "a \"bot\"\nof mine".to_owned(),
            ..Draft::of(folder.path(), None).unwrap()
        };
        assert_eq!(draft.library, None);
        let contract = Contract::from_toml(&draft.toml()).unwrap();
        assert_eq!(contract.name, "a \"bot\"\nof mine");
        assert!(contract.environment.contains_key("ACCESS_TOKEN"));
    }
}
