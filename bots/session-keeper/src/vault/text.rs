//! Text out of files that people write, with whatever editor.

/// Why bytes are no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Some encoding of old, or no text at all.
    #[error("it is not UTF-8")]
    Encoding,
    /// Text has none; UTF-16 without a byte order mark has.
    #[error("it holds NUL bytes (UTF-16 without a byte order mark?)")]
    Nul,
}

/// Decodes UTF-8, and UTF-16 where a byte order mark says so; the mark is no part of the text. The error never shows
/// the bytes.
///
/// # Errors
///
/// Where the bytes are no text.
pub fn decode(bytes: &[u8]) -> Result<String, TextError> {
    let text = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest)?,
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        all => utf8(all)?,
    };
    match text.contains('\0') {
        true => Err(TextError::Nul),
        false => Ok(text),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, TextError> {
    // The error of `from_utf8` would carry the bytes.
    std::str::from_utf8(bytes)
        .map(ToOwned::to_owned)
        .map_err(|_| TextError::Encoding)
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, TextError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(TextError::Encoding);
    }
    let units = pairs.iter().map(|pair| unit(*pair));
    char::decode_utf16(units)
        .collect::<Result<_, _>>()
        .map_err(|_| TextError::Encoding)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain(b"word\n", Ok("word\n"))]
    #[case::empty(b"", Ok(""))]
    #[case::beyond_ascii("wörd".as_bytes(), Ok("wörd"))]
    #[case::marked(b"\xEF\xBB\xBFword\r\n", Ok("word\r\n"))]
    #[case::only_a_mark(b"\xEF\xBB\xBF", Ok(""))]
    #[case::little(b"\xFF\xFEw\0o\0", Ok("wo"))]
    #[case::big(b"\xFE\xFF\0w\0o", Ok("wo"))]
    #[case::cut_off(b"\xFF\xFEw\0o", Err(TextError::Encoding))]
    #[case::half_a_pair(b"\xFF\xFE\x00\xD8", Err(TextError::Encoding))]
    #[case::latin(b"w\xF6rd", Err(TextError::Encoding))]
    #[case::unmarked_utf_16(b"w\0o\0", Err(TextError::Nul))]
    #[case::zeros(b"\0\0\0\0", Err(TextError::Nul))]
    fn bytes_are_text(#[case] bytes: &[u8], #[case] text: Result<&str, TextError>) {
        assert_eq!(decode(bytes), text.map(ToOwned::to_owned));
    }
}
