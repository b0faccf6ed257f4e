//! Words of strangers, made harmless: shown, not obeyed.

use std::borrow::Cow;

/// How long a name may be, in characters.
const NAME: usize = 64;
/// How long an id may be, in characters.
const ID: usize = 255;
/// How long a message may be, in bytes.
const MESSAGE: usize = 24 * 1024;

/// A name as one line of bounded length, every character of which can be seen.
pub fn name(text: &str) -> String {
    let mut letters = text.trim().chars();
    let mut shown: String = letters.by_ref().take(NAME).map(visible).collect();
    if letters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// The beginning of a text.
pub fn beginning(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// One line of any length, every character of which can be seen.
pub fn line(text: &str) -> String {
    text.chars().map(visible).collect()
}

/// The id of somebody as one line of bounded length, every character of which can be seen: homeservers let all but two characters into it.
pub fn user(id: impl AsRef<str>) -> String {
    line(&beginning(id.as_ref(), ID))
}

/// A text without what surrounds it and is not seen: white space, and the marks that editors and clipboards leave.
pub fn bare(text: &str) -> &str {
    text.trim_matches(is_nothing)
}

/// Whether there is nothing to be seen in a text.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(is_nothing)
}

fn is_nothing(letter: char) -> bool {
    letter.is_whitespace() || is_unseen(letter)
}

/// The lines of a text in which there is something to be seen, whatever breaks them.
pub fn rows(text: &str) -> impl Iterator<Item = &str> {
    let breaks = ['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];
    text.split(breaks).filter(|line| !is_blank(line))
}

/// Several lines, of which none is empty and every character can be seen.
pub fn lines(text: &str) -> String {
    let lines = rows(text).map(str::trim);
    lines.map(line).collect::<Vec<_>>().join("\n")
}

/// Several lines as a quotation, so that none of them is taken for a line of whoever quotes.
pub fn quotation(text: &str) -> String {
    let quoted = lines(text).lines().map(|line| format!("> {line}")).collect::<Vec<_>>();
    quoted.join("\n")
}

/// A message that a homeserver takes: events have at most 65,536 bytes, and encryption makes them longer by half.
pub fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= MESSAGE {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}…", &text[..text.floor_char_boundary(MESSAGE)]))
}

/// The first of a list, and how many more there are.
pub fn first_of(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(most) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

/// The character, or a picture of it where it would do something instead of being seen.
fn visible(letter: char) -> char {
    match letter {
        // The control pictures of Unicode are in the order of the controls.
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(letter)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => '\u{fffd}',
        letter if is_unseen(letter) => '\u{fffd}',
        letter => letter,
    }
}

/// Characters that turn the direction of text, or that nobody sees. The joiner and the selectors that emoji are made of
/// stay: they do no harm by themselves.
fn is_unseen(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A message without the quotation that older clients put before a reply: lines beginning with `>` and the empty line
/// after them.
pub fn without_quotation(body: &str) -> Cow<'_, str> {
    if !body.starts_with('>') {
        return Cow::Borrowed(body);
    }
    let said: Vec<&str> = body
        .lines()
        .skip_while(|line| line.starts_with('>'))
        .skip_while(|line| line.trim().is_empty())
        .collect();
    Cow::Owned(said.join("\n"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain("Bashō 🌸", "Bashō 🌸")]
    #[case::forged_line("Bob\n🎉 Eve (@eve:hs) joined", "Bob␊🎉 Eve (@eve:hs) joined")]
    #[case::carriage_return("a\rb", "a␍b")]
    #[case::line_separator("a\u{2028}b\u{2029}c\u{85}d", "a\u{fffd}b\u{fffd}c\u{fffd}d")]
    #[case::turned_round("\u{202e}nimda", "\u{fffd}nimda")]
    #[case::isolated("a\u{2066}b\u{2069}", "a\u{fffd}b\u{fffd}")]
    #[case::nothing_to_see("a\u{200b}\u{feff}b", "a\u{fffd}\u{fffd}b")]
    #[case::notes_of_music("a\u{1d173}b\u{1d17a}", "a\u{fffd}b\u{fffd}")]
    #[case::escape("\u{1b}[31mred", "␛[31mred")]
    #[case::family("👨\u{200d}👩\u{200d}👧", "👨\u{200d}👩\u{200d}👧")]
    fn a_name_is_one_line_that_can_be_seen(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(name(text), shown);
    }

    #[test]
    fn a_name_has_a_bounded_length() {
        assert_eq!(name(&"ü".repeat(64)), "ü".repeat(64));
        assert_eq!(name(&"ü".repeat(100_000)), format!("{}…", "ü".repeat(64)));
    }

    #[test]
    fn several_lines_stay_lines() {
        assert_eq!(
            lines("one\r\n\n two\u{202e}\n\t\nthree\u{0}"),
            "one\ntwo\u{fffd}\nthree␀"
        );
    }

    #[test]
    fn a_quotation_has_no_line_of_its_own() {
        let forged = "one\n🎉 Eve (@eve:hs) joined pond\r\n\n⚠️ three";
        assert_eq!(quotation(forged), "> one\n> 🎉 Eve (@eve:hs) joined pond\n> ⚠️ three");
    }

    #[test]
    fn a_message_has_a_bounded_length() {
        assert_eq!(bounded("short"), "short");
        let bounded = bounded(&"ü€".repeat(100_000)).into_owned();
        assert!(bounded.ends_with('…') && bounded.len() <= MESSAGE + 3);
    }

    #[rstest]
    #[case(0, "")]
    #[case(2, "a, b")]
    #[case(3, "a, b and 1 more")]
    #[case(5, "a, b and 3 more")]
    fn a_long_list_is_cut(#[case] count: usize, #[case] shown: &str) {
        let names = ["a", "b", "c", "d", "e"].map(str::to_owned);
        assert_eq!(first_of(&names[..count], 2), shown);
    }

    #[rstest]
    #[case("> <@bot:hs> write\n> a haiku\n\none\ntwo\nthree", "one\ntwo\nthree")]
    #[case("> only a quotation", "")]
    #[case("no quotation\n> here", "no quotation\n> here")]
    #[case("", "")]
    fn a_quotation_before_a_reply_is_left_out(#[case] body: &str, #[case] said: &str) {
        assert_eq!(without_quotation(body), said);
    }
}
