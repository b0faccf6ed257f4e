use std::{env, fmt, str::FromStr};

use super::{Driver, Error, Flavor, Result};

/// Which homeserver is wished for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Choice {
    /// The best at hand: a conduwuit container, else a binary, else the embedded homeserver.
    #[default]
    Auto,
    /// This flavor, however it can be run here.
    Flavor(Flavor),
    /// This flavor, run this way.
    Exactly(Flavor, Driver),
}

impl Choice {
    /// The environment variable read by [`Self::from_env`].
    pub const VARIABLE: &str = "KNOCKPROOF_HOMESERVER";

    /// What `KNOCKPROOF_HOMESERVER` says; `auto` when it is empty or absent.
    ///
    /// # Errors
    ///
    /// When the name is unknown.
    pub fn from_env() -> Result<Self> {
        match env::var(Self::VARIABLE) {
            Ok(value) if !value.trim().is_empty() => value.parse(),
            _ => Ok(Self::Auto),
        }
    }

    /// Every value that can be written, in the order in which they are listed to people.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self::Auto];
        for flavor in Flavor::ALL {
            all.push(Self::Flavor(flavor));
            if flavor != Flavor::Embedded {
                all.push(Self::Exactly(flavor, Driver::Container));
                all.push(Self::Exactly(flavor, Driver::Process));
            }
        }
        all
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Flavor(flavor) => write!(f, "{flavor}"),
            Self::Exactly(Flavor::Embedded, _) => f.write_str("embedded"),
            Self::Exactly(flavor, driver) => write!(f, "{flavor}-{driver}"),
        }
    }
}

impl FromStr for Choice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wanted = text.trim().to_ascii_lowercase();
        Self::all()
            .into_iter()
            .find(|choice| choice.to_string() == wanted)
            .ok_or_else(|| Error::UnknownChoice {
                given: text.to_owned(),
                known: Self::all().iter().map(Self::to_string).collect::<Vec<_>>().join(", "),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_is_read_as_it_is_written() {
        for choice in Choice::all() {
            assert_eq!(choice.to_string().parse::<Choice>().unwrap(), choice);
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = "dendrite".parse::<Choice>().unwrap_err().to_string();
        assert!(
            error.contains("dendrite") && error.contains("synapse-container"),
            "{error}"
        );
    }
}
