//! Nothing twice.

use rstest::rstest;

use super::*;
use crate::check::Verdict;

#[rstest]
#[case::message_twice(vec![room("!r", vec![message(BOT, "hello"), message(BOT, "hello")])])]
#[case::message_twice_with_another_between(vec![room("!r", vec![message(BOT, "a"), message(BOT, "b"), message(BOT, "a")])])]
#[case::message_twice_after_a_question(vec![room("!r", vec![
    message("@a:hs", "?"), message(BOT, "hello"), message(BOT, "hello"),
])])]
#[case::message_twice_after_two_questions(vec![room("!r", vec![
    message("@a:hs", "?"), message("@a:hs", "!"), message(BOT, "hello"), message(BOT, "hello"),
])])]
#[case::answered_more_often_than_asked(vec![room("!r", vec![
    message("@a:hs", "?"), message("@a:hs", "?"), message(BOT, "a"), message(BOT, "a"), message(BOT, "a"),
])])]
#[case::invited_twice(vec![room("!space", vec![member(BOT, "@a:hs", "invite"), member(BOT, "@a:hs", "invite")])])]
#[case::two_rooms(vec![room_for_one("!v1"), room_for_one("!v2")])]
#[case::encrypted_twice(vec![room("!r", vec![encrypted("hello"), encrypted("hello")])])]
#[case::cannot_be_decrypted(vec![RoomRecord { unreadable: vec!["$1".to_owned()], ..room("!r", vec![message(BOT, "hello")]) }])]
#[case::nothing_seen(Vec::new())]
#[case::nothing_of_the_bot_seen(vec![room("!r", vec![message("@a:hs", "hello")])])]
fn what_happened_twice_is_found(#[case] rooms: Vec<RoomRecord>) {
    let mut story = sound();
    story.rooms(rooms);
    let finding = story.judge("exactly-once");
    assert!(finding.is_broken(), "{finding:?}");
}

#[rstest]
#[case::same_answer_to_two_questions(vec![room("!r", vec![message(BOT, "not yet"), message("@a:hs", "?"), message(BOT, "not yet")])])]
#[case::same_question_twice_before_the_first_answer(vec![room("!r", vec![
    message("@a:hs", "?"), message("@a:hs", "?"), message(BOT, "a"), message("@a:hs", "?"), message(BOT, "a"), message(BOT, "a"),
])])]
#[case::invited_again_after_leaving(vec![room("!space", vec![
    member(BOT, "@a:hs", "invite"), member("@a:hs", "@a:hs", "leave"), member(BOT, "@a:hs", "invite"),
])])]
#[case::one_room(vec![room_for_one("!v1")])]
fn what_happened_once_is_fine(#[case] rooms: Vec<RoomRecord>) {
    let mut story = sound();
    story.rooms(rooms);
    let finding = story.judge("exactly-once");
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:?}");
}

#[test]
fn a_room_that_nobody_can_read_is_a_failure() {
    let mut story = sound();
    story.0.push(Event::Sight(Seen {
        rooms: vec![room("!r", vec![message(BOT, "hello")])],
        errors: vec!["nobody can read !x".to_owned()],
    }));
    assert!(story.judge("exactly-once").is_broken());
}
