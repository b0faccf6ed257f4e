//! Verifications in words, for a terminal and for the command room.

use std::fmt::Write;

use crate::{
    storage::verification::{Said, Verification},
    words,
};

/// Those that are under way, and the one that ended last where none is. `how` says what to do with the number of one that is shown.
pub fn shown(open: &[Verification], last: Option<&Verification>, how: impl Fn(i64) -> String) -> String {
    let mut text = String::new();
    for one in open {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{}: {}", one.id, who(one));
        let _ = match (&one.emoji, one.same) {
            (None, _) => writeln!(
                text,
                "  nothing to compare yet: go on in the app, and choose emoji where it asks"
            ),
            (Some(emoji), None) => writeln!(text, "  {}\n  {}", line(emoji), how(one.id)),
            (Some(_), Some(true)) => writeln!(text, "  confirmed here; it waits for the app"),
            (Some(_), Some(false)) => writeln!(text, "  denied here"),
        };
    }
    if open.is_empty() {
        text.push_str("nobody is verifying the bot: open its profile in your app and choose Verify\n");
        if let Some((last, ended)) = last.and_then(|last| Some((last, last.ended.as_deref()?))) {
            let _ = writeln!(text, "the last: {}: {}", who(last), words::line(ended));
        }
    }
    text
}

/// What came of a person's word.
pub fn taken(said: &Said, same: bool) -> String {
    match (said, same) {
        (Said::Of(one), true) => format!("{}: confirmed for {}", one.id, who(one)),
        (Said::Of(one), false) => format!("{}: denied for {}: it is cancelled", one.id, who(one)),
        (Said::OfNothing, _) => "there are no emoji that wait to be compared".to_owned(),
        (Said::OfSeveral, _) => "several wait to be compared: say the number of the one that you mean".to_owned(),
    }
}

fn who(one: &Verification) -> String {
    format!(
        "{} (device {}) verifies the {}",
        words::user(&one.mxid),
        words::name(&one.device),
        one.role
    )
}

fn line(emoji: &[(String, String)]) -> String {
    let emoji = emoji.iter().map(|(symbol, name)| format!("{symbol} {name}"));
    emoji.collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Role;

    #[test]
    fn what_is_compared_is_shown_with_what_to_do() {
        let mut one = Verification {
            id: 7,
            role: Role::Approver,
            mxid: "@ann:hs".to_owned(),
            device: "DEV".to_owned(),
            flow: "$flow".to_owned(),
            emoji: Some(vec![
                ("🐶".to_owned(), "Dog".to_owned()),
                ("🔒".to_owned(), "Lock".to_owned()),
            ]),
            same: None,
            ended: None,
            created: 0,
        };
        let how = |id| format!("do {id}");
        assert_eq!(
            shown(std::slice::from_ref(&one), None, how),
            "7: @ann:hs (device DEV) verifies the approver\n  🐶 Dog · 🔒 Lock\n  do 7\n"
        );
        one.ended = Some("verified".to_owned());
        assert!(
            shown(&[], Some(&one), how).ends_with("the last: @ann:hs (device DEV) verifies the approver: verified\n")
        );
    }
}
