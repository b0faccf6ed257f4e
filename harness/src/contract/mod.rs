//! What one has to know of a bot to drill it: how it is started, how one sees that it serves, what it keeps where, and what it can do at
//! all. The harness knows nothing else of a bot.
//!
//! ```
//! use knockproof_harness::contract::Contract;
//!
//! let contract = Contract::from_toml(r#"
//!     name = "pong"
//!     command = "python3 pong.py"             # words as in a shell, or a list
//!     ready = { log = "listening" }           # or { http = "/healthz" }, or "ping"
//!     ping.plain = { say = "!ping", expect = "pong" }
//!
//!     [environment]                           # the only environment that it gets
//!     HOMESERVER = "{homeserver}"
//!
//!     [files]                                 # written into its data directory before its first start
//!     "config.json" = '{ "room": "{room}" }'
//!
//!     [[identities]]
//!     name = "pong"
//!     localpart = "pong"
//!     environment = { TOKEN = "{token}", PASSWORD = "{password}" }
//!
//!     [state]                                 # below its data directory
//!     session = "session.json"
//!
//!     [capabilities]                          # what it cannot do is not drilled
//!     password_login = true
//! "#)?;
//! assert_eq!(contract.identities[0].localpart, "pong");
//! # Ok::<(), knockproof_harness::contract::Error>(())
//! ```

mod container;
mod document;
mod error;
mod state;
mod status;
mod template;
mod valid;

pub use container::Container;
pub use document::{Capabilities, Contract, Healing, Identity, Ping, Question, Readiness, Words};
pub use error::Error;
pub use state::{BadPath, DataPath, State};
pub use status::{HttpPath, NoSlash, Pointer, Status};
pub use template::{Template, UnknownVariable, Variable};

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISHED: &str = include_str!("../../contract.schema.json");

    #[test]
    fn the_published_schema_is_of_the_contracts_that_are_read() {
        let schema = format!("{:#}\n", Contract::schema());
        assert!(
            schema == PUBLISHED,
            "harness/contract.schema.json is of another contract: write it anew with `knockproof contract schema`"
        );
    }

    #[test]
    fn the_schema_refuses_unknown_keys_and_asks_for_what_each_bot_has() {
        let schema = Contract::schema();
        assert_eq!(schema["additionalProperties"], false);
        let required = schema["required"].as_array().unwrap();
        for key in ["name", "identities", "ready"] {
            assert!(required.iter().any(|required| required == key), "{key} is not required");
        }
        assert!(
            !required.iter().any(|required| required == "image"),
            "an image is no must"
        );
    }
}
