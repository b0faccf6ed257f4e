//! What is to be done about a verification. No I/O.

use crate::config::Confirm;

/// A symbol and its name.
pub(super) type Emoji = (String, String);

/// What the SDK shows of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It knows of none: its client began after it, or has forgotten it.
    Nothing,
    /// The other side asks.
    Asked,
    /// Both want it, and nothing has begun.
    Ready,
    /// The other side begins.
    Begun,
    /// Keys are exchanged.
    Exchanging,
    /// Both sides know what is to be compared.
    Comparing(Vec<Emoji>),
    /// Both sides can do nothing that people could compare.
    Incomparable,
    /// This side has said that it is the same.
    Confirmed,
    /// Both sides have.
    Done,
    /// One side gave up, with its reason.
    Cancelled(String),
}

/// What is kept of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// What a person was shown.
    pub(super) shown: Option<Vec<Emoji>>,
    /// What they said to it.
    pub(super) same: Option<bool>,
    /// It has been under way for too long.
    pub(super) late: bool,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Nothing, until something changes.
    Wait,
    /// Say that this side wants it, too.
    Accept,
    /// Go along with what the other side begins.
    GoAlong,
    /// Show a person what is to be compared.
    Show(Vec<Emoji>),
    /// Say that it is the same.
    Confirm,
    /// Say that it is not.
    Deny,
    /// Give up, for this reason.
    Cancel(&'static str),
    /// It is over, in these words.
    End(String),
}

/// Decides.
pub(super) fn next(seen: Seen, kept: &Kept, confirm: Confirm) -> Act {
    match seen {
        Seen::Nothing => Act::End("lost: the bot took up a new session meanwhile; begin anew".to_owned()),
        Seen::Done => Act::End("verified".to_owned()),
        Seen::Cancelled(why) => Act::End(format!("cancelled: {why}")),
        _ if kept.late => Act::Cancel("nobody went on with it in time"),
        Seen::Asked => Act::Accept,
        Seen::Begun => Act::GoAlong,
        Seen::Incomparable => Act::Cancel("the other side can show no emoji"),
        Seen::Comparing(emoji) => match (&kept.shown, kept.same) {
            (None, _) => Act::Show(emoji),
            (Some(shown), _) if *shown != emoji => Act::Cancel("what is to be compared has changed"),
            (Some(_), Some(true)) => Act::Confirm,
            (Some(_), Some(false)) => Act::Deny,
            (Some(_), None) if confirm == Confirm::Auto => Act::Confirm,
            (Some(_), None) => Act::Wait,
        },
        Seen::Ready | Seen::Exchanging | Seen::Confirmed => Act::Wait,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn dog() -> Vec<Emoji> {
        vec![("🐶".to_owned(), "Dog".to_owned())]
    }

    fn cat() -> Vec<Emoji> {
        vec![("🐱".to_owned(), "Cat".to_owned())]
    }

    fn kept(shown: Option<Vec<Emoji>>, same: Option<bool>) -> Kept {
        Kept {
            shown,
            same,
            late: false,
        }
    }

    #[rstest]
    #[case::asked(Seen::Asked, kept(None, None), Act::Accept)]
    #[case::ready(Seen::Ready, kept(None, None), Act::Wait)]
    #[case::begun(Seen::Begun, kept(None, None), Act::GoAlong)]
    #[case::keys(Seen::Exchanging, kept(None, None), Act::Wait)]
    #[case::first_shown(Seen::Comparing(dog()), kept(None, None), Act::Show(dog()))]
    #[case::nobody_has_looked(Seen::Comparing(dog()), kept(Some(dog()), None), Act::Wait)]
    #[case::the_same(Seen::Comparing(dog()), kept(Some(dog()), Some(true)), Act::Confirm)]
    #[case::not_the_same(Seen::Comparing(dog()), kept(Some(dog()), Some(false)), Act::Deny)]
    #[case::a_word_on_something_else(
        Seen::Comparing(dog()),
        kept(Some(cat()), Some(true)),
        Act::Cancel("what is to be compared has changed")
    )]
    #[case::a_word_before_anything_was_shown(Seen::Comparing(dog()), kept(None, Some(true)), Act::Show(dog()))]
    #[case::said(Seen::Confirmed, kept(Some(dog()), Some(true)), Act::Wait)]
    #[case::done(Seen::Done, kept(Some(dog()), Some(true)), Act::End("verified".to_owned()))]
    #[case::no_emoji(
        Seen::Incomparable,
        kept(None, None),
        Act::Cancel("the other side can show no emoji")
    )]
    #[case::cancelled(Seen::Cancelled("a mismatch".to_owned()), kept(None, None), Act::End("cancelled: a mismatch".to_owned()))]
    fn step_by_step(#[case] seen: Seen, #[case] kept: Kept, #[case] act: Act) {
        assert_eq!(next(seen, &kept, Confirm::Ask), act);
    }

    #[test]
    fn nobody_says_yes_but_a_person_unless_the_operator_wants_it() {
        let shown = kept(Some(dog()), None);
        assert_eq!(next(Seen::Comparing(dog()), &shown, Confirm::Ask), Act::Wait);
        assert_eq!(next(Seen::Comparing(dog()), &shown, Confirm::Auto), Act::Confirm);
        let denied = kept(Some(dog()), Some(false));
        assert_eq!(next(Seen::Comparing(dog()), &denied, Confirm::Auto), Act::Deny);
    }

    #[rstest]
    #[case(Seen::Asked, false)]
    #[case(Seen::Ready, false)]
    #[case(Seen::Comparing(dog()), false)]
    #[case(Seen::Confirmed, false)]
    #[case(Seen::Nothing, true)]
    #[case(Seen::Done, true)]
    fn what_takes_too_long_is_given_up_unless_it_is_over(#[case] seen: Seen, #[case] over: bool) {
        let late = Kept {
            late: true,
            ..Kept::default()
        };
        let act = next(seen, &late, Confirm::Auto);
        assert_eq!(matches!(act, Act::End(_)), over);
        assert_eq!(matches!(act, Act::Cancel(_)), !over);
    }
}
