//! The order of sources, played through every combination of what can be at hand and what can be answered.

mod ends;

use std::time::Duration;

use rstest::rstest;
use ruma_common::{OwnedDeviceId, owned_user_id};
use session_keeper::{
    healing::{
        AccountBlock, Ask, Blocker, Class, HealBlocker, Mark, Password, Plan, Situation, Source, Step, Target, Token,
    },
    secret::Secret,
};

fn alive(device: &str) -> Class {
    Class::Alive {
        user: owned_user_id!("@bot:x"),
        device: Some(device.into()),
    }
}

fn logged_in(device: &str) -> Class {
    Class::LoggedIn {
        user: owned_user_id!("@bot:x"),
        device: device.into(),
        token: Secret::new("t"),
        refresh: None,
    }
}

fn refreshed() -> Class {
    Class::Refreshed {
        token: Secret::new("t"),
        refresh: None,
    }
}

fn wrong_user() -> Class {
    Class::WrongUser {
        user: owned_user_id!("@other:x"),
        token: None,
    }
}

fn other() -> Class {
    Class::Other {
        status: 400,
        errcode: "M_UNKNOWN".to_owned(),
        body: serde_json::Value::Null,
    }
}

fn unreachable() -> Class {
    Class::Unreachable("cannot connect".to_owned())
}

#[derive(Clone, Debug)]
struct Answers {
    saved: Class,
    refresh: Class,
    env: Class,
    on_saved: Class,
    on_new: Class,
}

impl Answers {
    fn to(&self, ask: Ask) -> &Class {
        match ask {
            Ask::Whoami(Token::Saved) => &self.saved,
            Ask::Whoami(Token::Env) => &self.env,
            Ask::Refresh => &self.refresh,
            Ask::Login(Target::Saved) => &self.on_saved,
            Ask::Login(Target::New) => &self.on_new,
        }
    }
}

fn play(situation: &Situation, answers: &Answers) -> (Vec<Ask>, Step, Vec<Mark>) {
    let mut plan = Plan::new(situation.clone());
    let mut asked = Vec::new();
    loop {
        match plan.next() {
            Step::Ask(ask) => {
                assert!(
                    !asked.contains(&ask),
                    "{ask:?} asked twice in {situation:?} with {answers:?}"
                );
                asked.push(ask);
                plan.saw(ask, answers.to(ask));
            }
            end => return (asked, end, plan.marks()),
        }
    }
}

fn situations() -> Vec<Situation> {
    let mut all = Vec::new();
    for saved_device in [None, Some(OwnedDeviceId::from("SAVED"))] {
        for (saved_token, refresh_token) in [(false, false), (true, false), (true, true), (false, true)] {
            for env_token in [false, true] {
                for password in [Password::Missing, Password::Ready, Password::Spent] {
                    for contested in [false, true] {
                        let saved_device = saved_device.clone();
                        all.push(Situation {
                            saved_device,
                            saved_token,
                            refresh_token,
                            env_token,
                            password,
                            contested,
                        });
                    }
                }
            }
        }
    }
    all
}

fn answers() -> Vec<Answers> {
    let limited = Class::Limited(Duration::from_secs(7));
    let barred = Class::AccountBlocked(AccountBlock::Locked);
    let tokens = [
        alive("SAVED"),
        alive("OTHER"),
        Class::Dead,
        wrong_user(),
        unreachable(),
        limited.clone(),
        barred.clone(),
    ];
    let logins = |device| {
        [
            logged_in(device),
            Class::Refused("no".to_owned()),
            other(),
            unreachable(),
            wrong_user(),
            barred.clone(),
        ]
    };
    let mut all = Vec::new();
    for saved in &tokens {
        for env in &tokens {
            for on_saved in &logins("SAVED") {
                for on_new in &logins("NEW") {
                    for refresh in [refreshed(), Class::Dead, unreachable()] {
                        all.push(Answers {
                            saved: saved.clone(),
                            refresh,
                            env: env.clone(),
                            on_saved: on_saved.clone(),
                            on_new: on_new.clone(),
                        });
                    }
                }
            }
        }
    }
    all
}

#[test]
fn whatever_is_at_hand_and_whatever_is_answered_no_rule_is_broken() {
    let answers = answers();
    let mut ends = std::collections::BTreeSet::new();
    for situation in situations() {
        for answers in &answers {
            let (asked, end, marks) = play(&situation, answers);
            let context = format!("{situation:?} {answers:?} asked {asked:?} end {end:?}");
            let logins = asked
                .iter()
                .filter(|ask| matches!(ask, Ask::Login(_)))
                .collect::<Vec<_>>();

            if !logins.is_empty() {
                assert!(
                    situation.password == Password::Ready && !situation.contested,
                    "needless login: {context}"
                );
                let saved_lives = situation.saved_token && matches!(answers.saved, Class::Alive { .. });
                assert!(!saved_lives, "login while the saved token lives: {context}");
                let env_lives = situation.env_token
                    && (answers.env == alive("SAVED")
                        || situation.saved_device.is_none() && matches!(answers.env, Class::Alive { .. }));
                assert!(!env_lives, "login while the environment's token lives: {context}");
                for token in asked.iter().filter(|ask| matches!(ask, Ask::Whoami(_))) {
                    let proves = matches!(
                        answers.to(*token),
                        Class::Dead | Class::WrongUser { .. } | Class::Alive { .. }
                    );
                    assert!(proves, "login in an outage: {context}");
                }
            }
            if asked.contains(&Ask::Refresh) {
                let of_the_device = !situation.saved_token || answers.saved == Class::Dead;
                assert!(of_the_device && !situation.contested, "needless refresh: {context}");
            }
            if logins.len() > 1 {
                assert!(
                    matches!(answers.on_saved, Class::Other { .. }),
                    "password tried twice: {context}"
                );
            }
            match &end {
                Step::Go(source) => {
                    let class = answers.to(match source {
                        Source::SavedSession => Ask::Whoami(Token::Saved),
                        Source::Refreshed => Ask::Refresh,
                        Source::EnvToken | Source::EnvTokenOnOther => Ask::Whoami(Token::Env),
                        Source::LoginOnSaved => Ask::Login(Target::Saved),
                        Source::LoginOnNew => Ask::Login(Target::New),
                    });
                    assert!(
                        matches!(
                            class,
                            Class::Alive { .. } | Class::LoggedIn { .. } | Class::Refreshed { .. }
                        ),
                        "no session: {context}"
                    );
                    assert!(marks.contains(&source.mark()), "the branch is not named: {context}");
                }
                Step::Wait(..) => {
                    let last = asked.last().map(|ask| answers.to(*ask));
                    assert!(
                        matches!(
                            last,
                            Some(Class::Unreachable(_) | Class::Limited(_) | Class::Other { .. })
                        ),
                        "waits for nothing: {context}"
                    );
                }
                Step::Blocked(_) => assert!(!marks.is_empty(), "the branch is not named: {context}"),
                Step::Ask(_) => unreachable!("play ends with no ask"),
            }
            ends.insert(format!("{end:?}"));
        }
    }
    assert!(ends.len() >= 10, "the enumeration is too tame: {ends:?}");
}

#[rstest]
#[case::saved_first(Some("SAVED"), alive("SAVED"), alive("SAVED"), Step::Go(Source::SavedSession))]
#[case::env_on_saved(Some("SAVED"), Class::Dead, alive("SAVED"), Step::Go(Source::EnvToken))]
#[case::env_without_saved(None, Class::Dead, alive("OTHER"), Step::Go(Source::EnvToken))]
#[case::login_before_env_elsewhere(Some("SAVED"), Class::Dead, alive("OTHER"), Step::Go(Source::LoginOnSaved))]
#[case::login(Some("SAVED"), Class::Dead, Class::Dead, Step::Go(Source::LoginOnSaved))]
#[case::new_device(None, Class::Dead, Class::Dead, Step::Go(Source::LoginOnNew))]
#[case::another_user(Some("SAVED"), Class::Dead, wrong_user(), Step::Go(Source::LoginOnSaved))]
fn sources_come_in_order(
    #[case] saved_device: Option<&str>,
    #[case] saved: Class,
    #[case] env: Class,
    #[case] end: Step,
) {
    let situation = Situation {
        saved_device: saved_device.map(Into::into),
        saved_token: true,
        refresh_token: false,
        env_token: true,
        password: Password::Ready,
        contested: false,
    };
    let answers = Answers {
        saved,
        refresh: refreshed(),
        env,
        on_saved: logged_in("SAVED"),
        on_new: logged_in("NEW"),
    };
    assert_eq!(play(&situation, &answers).1, end);
}

#[test]
fn without_a_password_the_environments_other_device_is_better_than_nothing() {
    let situation = Situation {
        saved_device: Some("SAVED".into()),
        saved_token: true,
        refresh_token: false,
        env_token: true,
        password: Password::Missing,
        contested: false,
    };
    let answers = Answers {
        saved: Class::Dead,
        refresh: refreshed(),
        env: alive("OTHER"),
        on_saved: other(),
        on_new: other(),
    };
    assert_eq!(play(&situation, &answers).1, Step::Go(Source::EnvTokenOnOther));
}

#[test]
fn without_anything_the_operator_learns_whose_token_was_found() {
    let situation = Situation {
        saved_device: None,
        saved_token: false,
        refresh_token: false,
        env_token: true,
        password: Password::Missing,
        contested: false,
    };
    let answers = Answers {
        saved: Class::Dead,
        refresh: refreshed(),
        env: wrong_user(),
        on_saved: other(),
        on_new: other(),
    };
    let heal_blocker = HealBlocker::NoPassword {
        wrong_user: Some(owned_user_id!("@other:x")),
    };
    assert_eq!(play(&situation, &answers).1, Step::Blocked(heal_blocker));
}

#[rstest]
#[case::expired(Some("SAVED"), true, Class::Dead, refreshed(), false, Step::Go(Source::Refreshed))]
#[case::no_token_at_hand(Some("SAVED"), false, Class::Dead, refreshed(), false, Step::Go(Source::Refreshed))]
#[case::alive(
    Some("SAVED"),
    true,
    alive("SAVED"),
    refreshed(),
    false,
    Step::Go(Source::SavedSession)
)]
#[case::lost_rotation(Some("SAVED"), true, Class::Dead, Class::Dead, false, Step::Go(Source::LoginOnSaved))]
#[case::somebody_elses(
    Some("SAVED"),
    true,
    wrong_user(),
    refreshed(),
    false,
    Step::Go(Source::LoginOnSaved)
)]
#[case::of_no_device(None, true, Class::Dead, refreshed(), false, Step::Go(Source::LoginOnNew))]
#[case::contested(
    Some("SAVED"),
    true,
    Class::Dead,
    refreshed(),
    true,
    Step::Blocked(HealBlocker::Contested)
)]
#[case::outage(
    Some("SAVED"),
    true,
    Class::Dead,
    unreachable(),
    false,
    Step::Wait(Duration::ZERO, "cannot connect".to_owned())
)]
#[case::locked(
    Some("SAVED"),
    true,
    Class::Dead,
    Class::AccountBlocked(AccountBlock::Locked),
    false,
    Step::Blocked(HealBlocker::AccountBlocked(AccountBlock::Locked))
)]
fn a_refresh_token_comes_right_after_its_own_token(
    #[case] saved_device: Option<&str>,
    #[case] saved_token: bool,
    #[case] saved: Class,
    #[case] refresh: Class,
    #[case] contested: bool,
    #[case] end: Step,
) {
    let situation = Situation {
        saved_device: saved_device.map(Into::into),
        saved_token,
        refresh_token: true,
        env_token: false,
        password: Password::Ready,
        contested,
    };
    let answers = Answers {
        saved,
        refresh,
        env: other(),
        on_saved: logged_in("SAVED"),
        on_new: logged_in("NEW"),
    };
    assert_eq!(play(&situation, &answers).1, end);
}

/// Everything at hand, and nothing of it good, but for what a case says.
fn nothing_good() -> Answers {
    Answers {
        saved: Class::Dead,
        refresh: Class::Dead,
        env: Class::Dead,
        on_saved: Class::Refused("no".to_owned()),
        on_new: Class::Refused("no".to_owned()),
    }
}

fn everything(password: Password) -> Situation {
    Situation {
        saved_device: Some("SAVED".into()),
        saved_token: true,
        refresh_token: true,
        env_token: true,
        password,
        contested: false,
    }
}

/// What bars the account, or the way to the homeserver, counts wherever it is met: nothing further is asked.
#[test]
fn what_no_other_source_helps_against_ends_the_plan_wherever_it_is_met() {
    let consent = Blocker::Consent { uri: None };
    let cases = [
        (
            Class::AccountBlocked(AccountBlock::Locked),
            HealBlocker::AccountBlocked(AccountBlock::Locked),
        ),
        (Class::Blocked(consent.clone()), HealBlocker::AccountWaits(consent)),
        (
            Class::WayBroken("words".to_owned()),
            HealBlocker::WayBroken("words".to_owned()),
        ),
    ];
    for (class, blocker) in cases {
        for place in 0..5 {
            let mut answers = nothing_good();
            answers.on_saved = other();
            *[
                &mut answers.saved,
                &mut answers.refresh,
                &mut answers.env,
                &mut answers.on_saved,
                &mut answers.on_new,
            ][place] = class.clone();
            let (asked, end, _) = play(&everything(Password::Ready), &answers);
            assert_eq!(end, Step::Blocked(blocker.clone()), "at {place}");
            // Only another token may still be looked at.
            let further = &asked[asked.len().min(place + 1)..];
            assert!(further.iter().all(|ask| *ask == Ask::Whoami(Token::Env)), "{asked:?}");
        }
    }
}

#[rstest]
#[case::no_passwords(
    Class::NoPasswords(vec!["m.login.sso".to_owned()]),
    HealBlocker::NoPasswordLogin(vec!["m.login.sso".to_owned()])
)]
#[case::refused(Class::Refused("no".to_owned()), HealBlocker::PasswordRefused(Some("no".to_owned())))]
#[case::another_user(wrong_user(), HealBlocker::WrongUser(owned_user_id!("@other:x")))]
fn why_a_login_was_refused_is_said(#[case] on_saved: Class, #[case] blocker: HealBlocker) {
    let answers = Answers {
        on_saved,
        ..nothing_good()
    };
    let (asked, end, _) = play(&everything(Password::Ready), &answers);
    assert_eq!(end, Step::Blocked(blocker));
    assert_eq!(asked.last(), Some(&Ask::Login(Target::Saved)));
}
