//! The phrases of the bot's contract, read the way people's scripts read them, and the haikus that answer them.

use url::Url;

/// What a challenge asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The title of the article.
    pub title: String,
    /// The word that has to be in the haiku.
    pub keyword: String,
}

impl Challenge {
    /// The challenge in a message, if it is one: `write a 3-line haiku about: TITLE` and `include the word "KEYWORD" somewhere`.
    pub fn read(message: &str) -> Option<Self> {
        let title = message
            .split_once("write a 3-line haiku about: ")?
            .1
            .lines()
            .next()?
            .trim();
        let keyword = message
            .split_once("include the word \"")?
            .1
            .split_once("\" somewhere")?
            .0;
        let plain = |text: &str| text.trim_matches(['*', '_', '`']).to_owned();
        (!title.is_empty() && !keyword.is_empty()).then(|| Self {
            title: plain(title),
            keyword: plain(keyword),
        })
    }

    /// A haiku that passes.
    pub fn haiku(&self) -> String {
        haiku(&self.keyword)
    }
}

/// A haiku about `keyword`: three lines, between 30 and 400 characters.
pub fn haiku(keyword: &str) -> String {
    format!("somebody knocks twice\n{keyword} waits by the old door\nthe lock turns at last")
}

/// What the bot says to somebody who passed.
pub const PASSED: &str = "nice — invited you to ";

/// What the bot says in a lobby to somebody who is a member already.
pub const ALREADY_IN: &str = "you're already in ";

/// What the bot says after a haiku that does not pass.
pub const NOT_YET: &str = "not yet — ";

/// What the bot says when no try is left.
pub const OUT_OF_TRIES: &str = "out of tries";

/// The first URL in `message` whose path ends in `path` and which carries a code: the code.
pub fn code_in_link(message: &str, path: &str) -> Option<String> {
    urls(message).find_map(|url| {
        let is_wanted = url.path().trim_end_matches('/').ends_with(path);
        let code = url
            .query_pairs()
            .find(|(key, _)| key == "code")
            .map(|(_, code)| code.into_owned());
        code.filter(|code| is_wanted && !code.is_empty())
    })
}

/// The URL behind `onboarding doc: `.
pub fn onboarding_doc(message: &str) -> Option<Url> {
    urls(message.split_once("onboarding doc: ")?.1).next()
}

/// How many tries a refusal says are left: `N tries left.` (or `1 try left.`).
pub fn tries_left(message: &str) -> Option<u32> {
    let words: Vec<&str> = message.split_whitespace().collect();
    words.windows(3).find_map(|window| {
        let [number, tries, left] = window else { return None };
        let counted = matches!(*tries, "tries" | "try") && left.starts_with("left");
        counted.then(|| number.parse().ok()).flatten()
    })
}

fn urls(text: &str) -> impl Iterator<Item = Url> + '_ {
    text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')' | '"'))
        .filter(|word| word.starts_with("http"))
        .filter_map(|word| Url::parse(word.trim_end_matches(['.', ',', ';'])).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_from_its_two_phrases() {
        let message = "hi!\nwrite a 3-line haiku about: Lighthouse of Alexandria\ninclude the word \"lighthouse\" somewhere. 3 tries.";
        let challenge = Challenge::read(message).unwrap();
        assert_eq!(
            challenge,
            Challenge {
                title: "Lighthouse of Alexandria".to_owned(),
                keyword: "lighthouse".to_owned()
            }
        );
        assert_eq!(Challenge::read("write a 3-line haiku about: Lighthouse"), None);
        assert_eq!(Challenge::read("not yet — no keyword. 2 tries left."), None);
    }

    #[test]
    fn a_haiku_keeps_the_rules() {
        for keyword in ["moss", "lighthouse", "Antidisestablishmentarianism"] {
            let haiku = haiku(keyword);
            assert_eq!(haiku.lines().filter(|line| !line.trim().is_empty()).count(), 3);
            assert!((30..=400).contains(&haiku.chars().count()));
            assert!(haiku.contains(keyword));
        }
    }

    #[test]
    fn the_code_of_a_link_is_found_by_its_path() {
        let message = "nice — invited you to shape rotator\nonboarding doc: https://docs.example/start.\n\
                       invite friends: http://127.0.0.1:4/signup?code=ab-12";
        assert_eq!(code_in_link(message, "/signup").as_deref(), Some("ab-12"));
        assert_eq!(code_in_link(message, "/join"), None);
        assert_eq!(onboarding_doc(message).unwrap().as_str(), "https://docs.example/start");
    }

    #[test]
    fn a_refusal_says_how_many_tries_are_left() {
        assert_eq!(tries_left("not yet — needs exactly 3 lines. 2 tries left."), Some(2));
        assert_eq!(tries_left("not yet — no keyword. 1 try left."), Some(1));
        assert_eq!(tries_left("out of tries"), None);
    }
}
