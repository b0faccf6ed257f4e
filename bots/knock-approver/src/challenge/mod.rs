//! What a newcomer is asked: a haiku about a random article.
//!
//! [`Source`] brings a [`Challenge`]; [`judge`] says whether an answer passes.

mod haiku;
mod keyword;
mod source;

pub use haiku::{Miss, judge};
pub use keyword::keyword_of;
pub use source::Source;

/// A title and the word that a haiku about it must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The article's title.
    pub title: String,
    /// The word, in lower case.
    pub keyword: String,
}

impl Challenge {
    /// What is asked where no article can be had.
    pub fn fall_back() -> Self {
        Self {
            title: "Wikipedia".to_owned(),
            keyword: "wikipedia".to_owned(),
        }
    }

    /// The message that asks.
    pub fn message(&self, greeting: &str, tries: u32) -> String {
        let Self { title, keyword } = self;
        let tries = match tries {
            1 => "1 try".to_owned(),
            tries => format!("{tries} tries"),
        };
        format!(
            "{greeting}\nwrite a 3-line haiku about: {title}\ninclude the word \"{keyword}\" somewhere\nyou have {tries}."
        )
    }
}
