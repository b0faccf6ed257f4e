//! Whether an answer passes.

use std::ops::RangeInclusive;

use unicode_normalization::UnicodeNormalization;

use crate::words;

/// How long an answer may be, in characters.
const LENGTH: RangeInclusive<usize> = 30..=400;

/// Why an answer does not pass: its `Display` is the reason in chat.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Miss {
    /// The user has no display name.
    #[error("set a display name first, so that people know what to call you")]
    NoDisplayName,
    /// Not three lines.
    #[error("a haiku has exactly 3 lines, yours has {0}")]
    Lines(usize),
    /// Too short or too long.
    #[error("it should be 30–400 characters long, yours has {0}")]
    Length(usize),
    /// The word is missing.
    #[error("the word \"{0}\" is missing")]
    Keyword(String),
}

/// Judges an answer to a challenge with this keyword.
pub fn judge(text: &str, keyword: &str, display_name: Option<&str>) -> Result<(), Miss> {
    if display_name.is_none_or(words::is_blank) {
        return Err(Miss::NoDisplayName);
    }
    let lines = words::rows(text).count();
    if lines != 3 {
        return Err(Miss::Lines(lines));
    }
    let length = text.trim().chars().count();
    if !LENGTH.contains(&length) {
        return Err(Miss::Length(length));
    }
    if !folded(text).contains(&folded(keyword)) {
        return Err(Miss::Keyword(keyword.to_owned()));
    }
    Ok(())
}

/// The same for all ways to write a text: in any case, and with letters and their marks in one character or in several.
fn folded(text: &str) -> String {
    let lower: String = text.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    // The dotted capital of Turkish, which most keyboards do not have, is an `i` with a dot of its own in lower case.
    lower.replace("i\u{307}", "i")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const GOOD: &str = "An old silent pond\nA frog jumps into the pond\nSplash! Silence again";

    #[rstest]
    #[case::plain(GOOD, "frog", Some("Basho"), Ok(()))]
    #[case::any_case(GOOD, "SILENCE", Some("Basho"), Ok(()))]
    #[case::blank_lines_do_not_count("\n\nAn old silent pond\n\nA frog jumps into the pond\n \nSplash!\n", "frog", Some("B"), Ok(()))]
    #[case::windows_line_ends("An old silent pond\r\nA frog jumps into the pond\r\nSplash!", "frog", Some("B"), Ok(()))]
    #[case::no_name(GOOD, "frog", None, Err(Miss::NoDisplayName))]
    #[case::blank_name(GOOD, "frog", Some(" "), Err(Miss::NoDisplayName))]
    #[case::two_lines(
        "An old silent pond with a frog\nand another line",
        "frog",
        Some("B"),
        Err(Miss::Lines(2))
    )]
    #[case::four_lines("a frog\nb frog frog\nc frog frog frog\nd", "frog", Some("B"), Err(Miss::Lines(4)))]
    #[case::nothing("", "frog", Some("B"), Err(Miss::Lines(0)))]
    #[case::short("frog\nfrog\nfrog", "frog", Some("B"), Err(Miss::Length(14)))]
    #[case::composed_otherwise("An o\u{301}ld silent pond\nA frog jumps into the pond\nSplash!", "\u{f3}ld", Some("B"), Ok(()))]
    #[case::decomposed_in_the_title("An \u{f3}ld silent pond\nA frog jumps into the pond\nSplash!", "o\u{301}ld", Some("B"), Ok(()))]
    #[case::a_dotted_capital("Istanbul lies silent\nA frog jumps into the sea\nSplash!", "i\u{307}stanbul", Some("B"), Ok(()))]
    #[case::old_line_ends("An old silent pond\rA frog jumps into the pond\rSplash!", "frog", Some("B"), Ok(()))]
    #[case::lines_apart("An old silent pond\u{2028}A frog jumps into the pond\u{2028}Splash!", "frog", Some("B"), Ok(()))]
    #[case::a_line_with_nothing_to_see("An old silent pond\nA frog jumps into the pond\nSplash!\n\u{200b}", "frog", Some("B"), Ok(()))]
    #[case::a_name_with_nothing_to_see(GOOD, "frog", Some("\u{200b}\u{3164}"), Err(Miss::NoDisplayName))]
    #[case::no_keyword(GOOD, "toad", Some("B"), Err(Miss::Keyword("toad".to_owned())))]
    fn a_haiku_passes_or_is_told_why_not(
        #[case] text: &str,
        #[case] keyword: &str,
        #[case] name: Option<&str>,
        #[case] verdict: Result<(), Miss>,
    ) {
        assert_eq!(judge(text, keyword, name), verdict);
    }

    #[rstest]
    #[case(29, false)]
    #[case(30, true)]
    #[case(400, true)]
    #[case(401, false)]
    fn the_bounds_of_the_length_belong_to_it(#[case] length: usize, #[case] passes: bool) {
        let text = format!("frog\nü\n{}", "x".repeat(length - 7));
        assert_eq!(text.chars().count(), length);
        assert_eq!(judge(&text, "frog", Some("B")).is_ok(), passes);
    }
}
