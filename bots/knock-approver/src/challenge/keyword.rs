//! Which word of a title is asked for.

use unicode_normalization::UnicodeNormalization;

const STOP_WORDS: [&str; 44] = [
    "about", "after", "also", "among", "and", "band", "been", "before", "between", "during", "film", "from", "have",
    "into", "list", "near", "only", "over", "same", "several", "some", "song", "such", "than", "that", "their", "them",
    "then", "there", "these", "they", "this", "those", "through", "under", "until", "upon", "were", "what", "when",
    "where", "which", "with", "within",
];

/// The longest alphabetic word of at least four letters that is no stop word, in lower case; the first of the longest.
pub fn keyword_of(title: &str) -> Option<String> {
    // A mark by itself is no letter, and would end the word.
    let title: String = title.nfc().collect();
    let words = title
        .split(|letter: char| !letter.is_alphabetic())
        .map(str::to_lowercase)
        .filter(|word| word.chars().count() >= 4 && !STOP_WORDS.contains(&word.as_str()));
    // `max_by_key` would take the last of the longest.
    words.fold(None, |longest: Option<String>, word| match longest {
        Some(longest) if longest.chars().count() >= word.chars().count() => Some(longest),
        _ => Some(word),
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Battle of Hastings", Some("hastings"))]
    #[case("1952 Grand Prix", Some("grand"))]
    #[case("List of them", None)]
    #[case("A-Ha", None)]
    #[case("", None)]
    #[case("12345 67890", None)]
    #[case("Żółty Staw", Some("żółty"))]
    #[case("Rock'n'Roll (album)", Some("album"))]
    #[case("Blue Moon", Some("blue"))]
    #[case("With Within Through", None)]
    #[case("Zo\u{301}lty Staw", Some("z\u{f3}lty"))]
    fn the_keyword_is_the_longest_telling_word(#[case] title: &str, #[case] keyword: Option<&str>) {
        assert_eq!(keyword_of(title).as_deref(), keyword);
    }
}
