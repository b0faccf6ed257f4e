//! What must go together in a contract.

use std::collections::BTreeSet;

use super::{Contract, Error, Healing, Identity, Ping, Readiness, Variable};

impl Contract {
    /// The contract, if what stands in it goes together.
    pub(super) fn validated(self) -> Result<Self, Error> {
        self.starts()?;
        self.has_identities()?;
        for (place, identity) in self.identities.iter().enumerate() {
            self.fills(&format!("identities[{place}]"), identity)?;
        }
        self.environment_is_sound("environment", self.environment.keys())?;
        self.can_be_seen()?;
        Ok(self)
    }

    fn starts(&self) -> Result<(), Error> {
        if self.name.trim().is_empty() {
            return Err(Error::key("name", "it is empty"));
        }
        match (&self.command, &self.image) {
            (Some(words), None) if words.0.is_empty() => Err(Error::key("command", "it has no word")),
            (Some(_), Some(_)) => Err(Error::key("image", "there is a `command` too; leave one of them out")),
            (None, None) => Err(Error::key(
                "command",
                "there is none, and no `image` either; write one of them",
            )),
            (None, Some(image)) => self.is_in(image),
            _ => self.container.validated(),
        }
    }

    /// Whether a bot can be in this image.
    fn is_in(&self, image: &str) -> Result<(), Error> {
        if image.is_empty() || image.contains(char::is_whitespace) {
            return Err(Error::key("image", format!("{image:?} is no name of an image")));
        }
        if self.directory.is_some() {
            let problem = "a bot in an image starts in the image's own directory; leave it out";
            return Err(Error::key("directory", problem));
        }
        self.container.validated()
    }

    fn has_identities(&self) -> Result<(), Error> {
        if !(1..=2).contains(&self.identities.len()) {
            let count = self.identities.len();
            return Err(Error::key("identities", format!("there are {count}; write one or two")));
        }
        if self.identities[0].optional {
            return Err(Error::key(
                "identities[0].optional",
                "the first identity cannot be optional",
            ));
        }
        let names: BTreeSet<&String> = self.identities.iter().map(|identity| &identity.name).collect();
        let localparts: BTreeSet<&String> = self.identities.iter().map(|identity| &identity.localpart).collect();
        for (what, different) in [("name", names), ("localpart", localparts)] {
            if different.len() < self.identities.len() {
                return Err(Error::key("identities", format!("two have the same {what}")));
            }
        }
        Ok(())
    }

    fn fills(&self, key: &str, identity: &Identity) -> Result<(), Error> {
        // The characters of a user id's localpart (specification, appendix 4.2.1).
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._=-/+".contains(c);
        if identity.localpart.is_empty() || !identity.localpart.chars().all(fits) {
            let problem = format!(
                "{:?} is no localpart; it is made of a-z, 0-9 and ._=-/+",
                identity.localpart
            );
            return Err(Error::key(format!("{key}.localpart"), problem));
        }
        self.environment_is_sound(&format!("{key}.environment"), identity.environment.keys())?;
        let uses = |variable| self.templates_of(identity).any(|template| template.uses(variable));
        let has_file = self.state_of(identity).password_file.is_some();
        if uses(Variable::PasswordFile) && !has_file {
            let problem = "{password_file} is used, but no state.password_file says where it is";
            return Err(Error::key(key, problem));
        }
        if self.capabilities.password_login && !has_file && !uses(Variable::Password) {
            let problem = "it logs in with its password and never gets it; write {password} into its environment or a file, or name \
                           state.password_file";
            return Err(Error::key(key, problem));
        }
        Ok(())
    }

    fn environment_is_sound<'n>(&self, key: &str, names: impl Iterator<Item = &'n String>) -> Result<(), Error> {
        for name in names {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(Error::key(key, format!("{name:?} is no name of a variable")));
            }
        }
        Ok(())
    }

    fn can_be_asked(&self, key: &str, ping: &Ping) -> Result<(), Error> {
        if ping.encrypted.is_some() && !self.capabilities.encryption {
            let problem = "capabilities.encryption is not true";
            return Err(Error::key(format!("{key}.encrypted"), problem));
        }
        for (kind, question) in [("plain", &ping.plain), ("encrypted", &ping.encrypted)] {
            if question.as_ref().is_some_and(|question| question.expect.is_empty()) {
                return Err(Error::key(
                    format!("{key}.{kind}.expect"),
                    "any message at all would do; write words of the answer",
                ));
            }
        }
        Ok(())
    }

    fn can_be_seen(&self) -> Result<(), Error> {
        if self.ready == Readiness::Ping && self.ping.plain.is_none() && self.ping.encrypted.is_none() {
            return Err(Error::key(
                "ready",
                "it is seen by a ping, but there is neither ping.plain nor ping.encrypted",
            ));
        }
        self.can_be_asked("ping", &self.ping)?;
        for (place, identity) in self.identities.iter().enumerate() {
            let own = identity.ping.as_ref();
            own.map_or(Ok(()), |ping| {
                self.can_be_asked(&format!("identities[{place}].ping"), ping)
            })?;
        }
        if self.healing == Healing::SaysSo && !self.tells_operator() {
            return Err(Error::key(
                "healing",
                "it says so, but neither status.needs_operator nor operator_log says how",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const SOUND: &str = r#"
name = "pong"
command = ["python3", "pong.py"]
ready = "ping"
ping.plain = { say = "!ping", expect = "pong" }

[environment]
HOMESERVER = "{homeserver}"

[[identities]]
name = "pong"
localpart = "pong"
environment = { TOKEN = "{token}" }
"#;

    fn said(text: &str) -> String {
        Contract::from_toml(text).unwrap_err().to_string()
    }

    #[test]
    fn a_sound_contract_is_read() {
        let contract = Contract::from_toml(SOUND).unwrap();
        assert_eq!(contract.command.as_ref().unwrap().0.len(), 2);
        assert!(!contract.capabilities.password_login && !contract.tells_operator());
        let shell = SOUND.replace(r#"["python3", "pong.py"]"#, r#""python3 'pong.py'""#);
        assert_eq!(Contract::from_toml(&shell).unwrap(), contract);
    }

    #[rstest]
    #[case::unknown_key("name = \"pong\"", "name = \"pong\"\nnmae = 1", 3, "nmae")]
    #[case::unknown_key_deep("expect = \"pong\"", "expct = \"pong\"", 5, "expct")]
    #[case::unknown_variable("{homeserver}", "{homesrver}", 8, "{homesrver}")]
    #[case::wrong_kind("\"pong\"\nlocal", "7\nlocal", 11, "expected a string")]
    #[case::unknown_readiness("\"ping\"", "\"pings\"", 4, "pings")]
    #[case::open_quote("[\"python3\", \"pong.py\"]", "\"python3 'pong.py\"", 3, "quote")]
    #[case::no_toml("ready =", "ready", 4, "ready")]
    #[case::way_out("[environment]", "[files]\n\"../x\" = \"\"\n[environment]", 8, "../x")]
    #[case::missing_key("ready = \"ping\"", "", 1, "missing field `ready`")]
    #[case::missing_key_deep("localpart = \"pong\"", "", 10, "missing field `localpart`")]
    fn what_is_wrong_in_a_line_is_said_with_its_number(
        #[case] right: &str,
        #[case] wrong: &str,
        #[case] line: usize,
        #[case] words: &str,
    ) {
        assert!(SOUND.contains(right));
        let said = said(&SOUND.replacen(right, wrong, 1));
        assert!(
            said.starts_with(&format!("line {line} of the contract")) && said.contains(words),
            "{said}"
        );
    }

    #[rstest]
    #[case::two_starts("ready", "image = \"pong:1\"\nready", "image")]
    #[case::no_name("command = [\"python3\", \"pong.py\"]", "image = \"my bot\"", "image")]
    #[case::image_elsewhere(
        "command = [\"python3\", \"pong.py\"]",
        "image = \"pong\"\ndirectory = \".\"",
        "directory"
    )]
    #[case::data_anywhere("ready", "container.data = \"data\"\nready", "container.data")]
    #[case::data_everywhere("ready", "container.data = \"/\"\nready", "container.data")]
    #[case::data_outside("ready", "container.data = \"/a/../b\"\nready", "container.data")]
    #[case::data_for_a_while("ready", "container.data = \"/tmp\"\nready", "container.data")]
    #[case::no_arguments("ready", "container.arguments = []\nready", "container.arguments")]
    #[case::no_memory("ready", "container.memory_mib = 0\nready", "container.memory_mib")]
    #[case::no_start("command", "directory = \"x\"\n#", "command")]
    #[case::no_words("[\"python3\", \"pong.py\"]", "[]", "command")]
    #[case::no_ping("ping.plain", "#", "ready")]
    #[case::any_answer("expect = \"pong\"", "expect = \"\"", "ping.plain.expect")]
    #[case::encrypted_ping("ping.plain", "ping.encrypted", "ping.encrypted")]
    #[case::encrypted_ping_of_one(
        "localpart",
        "ping.encrypted = { say = \"a\", expect = \"b\" }\nlocalpart",
        "identities[0].ping.encrypted"
    )]
    #[case::any_answer_of_one(
        "localpart",
        "ping.plain = { say = \"a\", expect = \"\" }\nlocalpart",
        "identities[0].ping.plain.expect"
    )]
    #[case::bad_localpart("localpart = \"pong\"", "localpart = \"Pong\"", "identities[0].localpart")]
    #[case::optional_first("localpart", "optional = true\nlocalpart", "identities[0].optional")]
    #[case::no_password(
        "[environment]",
        "[capabilities]\npassword_login = true\n[environment]",
        "identities[0]"
    )]
    #[case::no_password_file("{token}", "{password_file}", "identities[0]")]
    #[case::says_nothing("ready", "healing = \"says-so\"\nready", "healing")]
    #[case::bad_variable("HOMESERVER", "\"A=B\"", "environment")]
    fn what_does_not_go_together_is_said_with_its_key(#[case] right: &str, #[case] wrong: &str, #[case] key: &str) {
        assert!(SOUND.contains(right));
        let said = said(&SOUND.replacen(right, wrong, 1));
        assert!(said.starts_with(&format!("{key} in the contract: ")), "{said}");
    }

    #[test]
    fn a_bot_in_an_image_needs_no_command() {
        let text = SOUND.replace(
            r#"command = ["python3", "pong.py"]"#,
            "image = \"pong:1\"\ncontainer.data = \"/data\"",
        );
        let text = text.replace("ready =", "container.arguments = \"--as {localpart}\"\nready =");
        let contract = Contract::from_toml(&text).unwrap();
        assert_eq!(contract.image.as_deref(), Some("pong:1"));
        assert!(!contract.container.hardened);
        let first = &contract.identities[0];
        assert!(
            contract
                .templates_of(first)
                .any(|template| template.uses(Variable::Localpart))
        );
    }

    #[test]
    fn three_identities_or_two_of_a_name_are_too_many() {
        let more = |name: &str| format!("\n[[identities]]\nname = \"{name}\"\nlocalpart = \"{name}\"\n");
        Contract::from_toml(&format!("{SOUND}{}", more("other"))).unwrap();
        assert!(said(&format!("{SOUND}{}", more("pong"))).contains("the same name"));
        assert!(said(&format!("{SOUND}{}{}", more("b"), more("c"))).contains("there are 3"));
    }
}
