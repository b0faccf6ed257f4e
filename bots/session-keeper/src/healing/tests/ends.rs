//! How a plan ends, and what is waited out.

use std::time::Duration;

use rstest::rstest;
use ruma_common::owned_user_id;

use super::plan::{Answers, everything, logged_in, nothing_good, other, play, unreachable, wrong_user};
use crate::healing::{AccountBlock, Ask, Class, HealBlocker, Mark, Password, Plan, Situation, Source, Step, Target};

#[test]
fn what_a_server_says_to_a_login_on_any_device_is_handed_on() {
    let odd = Class::Other {
        status: 400,
        errcode: "M_ODD".to_owned(),
        body: serde_json::json!({ "errcode": "M_ODD", "error": "M_ODD: not now" }),
    };
    let answers = Answers {
        on_saved: odd.clone(),
        on_new: odd,
        ..nothing_good()
    };
    let (asked, end, marks) = play(&everything(Password::Ready), &answers);
    assert_eq!(
        end,
        Step::Blocked(HealBlocker::LoginRefused("HTTP 400 M_ODD not now".to_owned()))
    );
    assert_eq!(asked.last(), Some(&Ask::Login(Target::New)));
    assert_eq!(
        marks,
        [
            Mark::SavedSessionDead,
            Mark::GivenTokenDead,
            Mark::SavedDeviceRefused,
            Mark::PasswordRefused
        ]
    );
}

/// The device that the saved token is of is known without the server; that of any other token is not.
#[test]
fn a_token_of_no_device_is_of_use_only_where_its_device_is_saved() {
    let nowhere = Class::Alive {
        user: owned_user_id!("@bot:x"),
        device: None,
    };
    let answers = |saved: Class, given: Class| Answers {
        saved,
        given,
        on_saved: logged_in("SAVED"),
        on_new: logged_in("NEW"),
        ..nothing_good()
    };
    let end = |situation: &Situation, answers: &Answers| play(situation, answers).1;
    let (with, mut without) = (everything(Password::Ready), everything(Password::Ready));
    without.saved_device = None;
    assert_eq!(
        end(&with, &answers(nowhere.clone(), Class::Dead)),
        Step::Go(Source::SavedSession)
    );
    assert_eq!(
        end(&without, &answers(nowhere.clone(), Class::Dead)),
        Step::Go(Source::LoginOnNew)
    );
    assert_eq!(
        end(&with, &answers(Class::Dead, nowhere.clone())),
        Step::Go(Source::LoginOnSaved)
    );
    assert_eq!(
        end(&without, &answers(Class::Dead, nowhere)),
        Step::Go(Source::LoginOnNew)
    );
}

#[rstest]
#[case::limited(
    Class::Limited(Duration::from_secs(7)),
    Duration::from_secs(7),
    "the homeserver limits requests",
    Mark::Limited
)]
#[case::unreachable(unreachable(), Duration::ZERO, "cannot connect", Mark::Unreachable)]
#[case::redirected(
    Class::Redirected("https://elsewhere/".to_owned()),
    Duration::ZERO,
    "it redirects to https://elsewhere/, where no secret is sent: is the base URL right?",
    Mark::Unreachable
)]
#[case::odd(other(), Duration::ZERO, "HTTP 400 M_UNKNOWN", Mark::Unreachable)]
#[case::of_another_question(
    Class::Done(serde_json::Value::Null),
    Duration::ZERO,
    "an answer to another question",
    Mark::Unreachable
)]
fn what_proves_nothing_is_waited_out(
    #[case] saved: Class,
    #[case] delay: Duration,
    #[case] why: &str,
    #[case] mark: Mark,
) {
    let answers = Answers {
        saved,
        ..nothing_good()
    };
    let (asked, end, marks) = play(&everything(Password::Ready), &answers);
    assert_eq!(end, Step::Wait(delay, why.to_owned()));
    assert_eq!((asked.len(), marks), (1, vec![mark]));
}

#[rstest]
#[case::missing(Password::Missing, false, HealBlocker::NoPassword { wrong_user: None }, Some(Mark::NoPassword))]
#[case::spent(
    Password::Spent,
    false,
    HealBlocker::PasswordRefused(None),
    Some(Mark::PasswordSpent)
)]
#[case::contested(Password::Ready, true, HealBlocker::Contested, Some(Mark::DeviceContested))]
#[case::refused(Password::Ready, false, HealBlocker::PasswordRefused(Some("no".to_owned())), Some(Mark::PasswordRefused))]
fn each_end_has_its_name(
    #[case] password: Password,
    #[case] contested: bool,
    #[case] blocker: HealBlocker,
    #[case] mark: Option<Mark>,
) {
    let situation = Situation {
        contested,
        ..everything(password)
    };
    let (_, end, marks) = play(&situation, &nothing_good());
    assert_eq!(end, Step::Blocked(blocker));
    let wanted = [Some(Mark::SavedSessionDead), Some(Mark::GivenTokenDead), mark];
    assert_eq!(marks, wanted.into_iter().flatten().collect::<Vec<_>>());
}

#[rstest]
#[case(AccountBlock::Deactivated, Mark::Deactivated)]
#[case(AccountBlock::Locked, Mark::Locked)]
#[case(AccountBlock::Suspended, Mark::Suspended)]
fn each_block_of_the_account_has_its_name(#[case] block: AccountBlock, #[case] mark: Mark) {
    let answers = Answers {
        saved: Class::AccountBlocked(block),
        ..nothing_good()
    };
    assert_eq!(
        play(&everything(Password::Ready), &answers).2,
        [Mark::GivenTokenDead, mark]
    );
}

#[test]
fn whose_tokens_were_met_is_named() {
    let answers = Answers {
        saved: wrong_user(),
        given: wrong_user(),
        on_saved: wrong_user(),
        ..nothing_good()
    };
    assert_eq!(
        play(&everything(Password::Ready), &answers).2,
        [
            Mark::SavedSessionWrongUser,
            Mark::GivenTokenWrongUser,
            Mark::LoginWrongUser
        ]
    );
    let answers = Answers {
        on_new: wrong_user(),
        ..nothing_good()
    };
    let without = Situation {
        saved_device: None,
        ..everything(Password::Ready)
    };
    assert_eq!(
        play(&without, &answers).2,
        [Mark::SavedSessionDead, Mark::GivenTokenDead, Mark::LoginWrongUser]
    );
}

/// Asked before anything is known, a plan has gone through no branch.
#[test]
fn a_plan_that_has_not_ended_names_no_end() {
    assert_eq!(Plan::new(everything(Password::Ready)).marks(), [] as [Mark; 0]);
}
