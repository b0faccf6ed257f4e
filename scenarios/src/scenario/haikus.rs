//! Haikus at the edges of the rules, and what the bot has to make of them.

/// A text and whether it passes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    /// What is wrong with it, or right.
    pub(super) what: &'static str,
    /// The text; `KEYWORD` stands for the keyword of the challenge.
    pub(super) text: &'static str,
}

impl Attempt {
    /// The text for a challenge with `keyword`.
    pub(super) fn about(&self, keyword: &str) -> String {
        self.text.replace("KEYWORD", keyword)
    }
}

/// Texts that do not pass, each for one reason alone.
pub(super) const REFUSED: [Attempt; 5] = [
    Attempt {
        what: "two lines",
        text: "somebody knocks twice at night\nKEYWORD waits by the old door",
    },
    Attempt {
        what: "four lines",
        text: "somebody knocks twice\nKEYWORD waits by the door\nthe lock turns at last\nand nobody enters",
    },
    Attempt {
        what: "no keyword",
        text: "somebody knocks twice\nnobody waits by the door\nthe lock turns at last",
    },
    Attempt {
        what: "under 30 characters",
        text: "a\nKEYWORD\nb",
    },
    Attempt {
        what: "over 400 characters",
        text: "KEYWORD knocks and knocks and knocks and knocks and knocks and knocks and knocks and knocks and knocks and knocks and knocks \
               and knocks and knocks and knocks and knocks\nand knocks and knocks and knocks and knocks and knocks and knocks and knocks \
               and knocks and knocks and knocks and knocks and knocks and knocks and knocks\nand knocks and knocks and knocks and knocks \
               and knocks and knocks and knocks and knocks and knocks and knocks and knocks and knocks",
    },
];

/// A text that passes although it looks odd: another case, empty lines between, blanks around.
pub(super) const ODD_BUT_RIGHT: &str =
    "\n  Somebody Knocks Twice  \n\n KEYWORD waits by the old door\n\n\nthe lock turns at last\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> usize {
        text.lines().filter(|line| !line.trim().is_empty()).count()
    }

    /// The keyword has at least four letters; a short one makes "too short" hold and a long one must not.
    #[test]
    fn every_refused_text_breaks_exactly_one_rule() {
        for attempt in REFUSED {
            for keyword in ["moss", "lighthouses"] {
                let text = attempt.about(keyword);
                let length = text.chars().count();
                let broken = [
                    lines(&text) != 3,
                    !(30..=400).contains(&length),
                    !text.contains(keyword),
                ];
                assert_eq!(
                    broken.iter().filter(|broken| **broken).count(),
                    1,
                    "{}: {length} characters",
                    attempt.what
                );
            }
        }
    }

    #[test]
    fn the_odd_text_keeps_every_rule() {
        assert_eq!(lines(ODD_BUT_RIGHT), 3);
        assert!((30..=400).contains(&ODD_BUT_RIGHT.chars().count()));
    }
}
