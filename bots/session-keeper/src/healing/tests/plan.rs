//! The order of sources, played through every combination of what can be at hand and what can be answered.

use std::time::Duration;

use rstest::rstest;
use ruma_common::{OwnedDeviceId, owned_user_id};

use crate::{
    healing::{
        AccountBlock, Ask, Blocker, Class, HealBlocker, Mark, Password, Plan, Situation, Source, Step, Target, Token,
    },
    secret::Secret,
};

pub(super) fn alive(device: &str) -> Class {
    Class::Alive {
        user: owned_user_id!("@bot:x"),
        device: Some(device.into()),
    }
}

pub(super) fn logged_in(device: &str) -> Class {
    Class::LoggedIn {
        user: owned_user_id!("@bot:x"),
        device: device.into(),
        token: Secret::new("t"),
        refresh: None,
    }
}

pub(super) fn refreshed() -> Class {
    Class::Refreshed {
        token: Secret::new("t"),
        refresh: None,
    }
}

pub(super) fn wrong_user() -> Class {
    Class::WrongUser {
        user: owned_user_id!("@other:x"),
        token: None,
    }
}

pub(super) fn other() -> Class {
    Class::Other {
        status: 400,
        errcode: "M_UNKNOWN".to_owned(),
        body: serde_json::Value::Null,
    }
}

pub(super) fn unreachable() -> Class {
    Class::Unreachable("cannot connect".to_owned())
}

#[derive(Clone, Debug)]
pub(super) struct Answers {
    pub(super) saved: Class,
    pub(super) refresh: Class,
    pub(super) given: Class,
    pub(super) on_saved: Class,
    pub(super) on_new: Class,
}

impl Answers {
    fn to(&self, ask: Ask) -> &Class {
        match ask {
            Ask::Whoami(Token::Saved) => &self.saved,
            Ask::Whoami(Token::Given) => &self.given,
            Ask::Refresh => &self.refresh,
            Ask::Login(Target::Saved) => &self.on_saved,
            Ask::Login(Target::New) => &self.on_new,
        }
    }
}

pub(super) fn play(situation: &Situation, answers: &Answers) -> (Vec<Ask>, Step, Vec<Mark>) {
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
            for given_token in [false, true] {
                for password in [Password::Missing, Password::Ready, Password::Spent, Password::Barred] {
                    for contested in [false, true] {
                        let saved_device = saved_device.clone();
                        all.push(Situation {
                            saved_device,
                            saved_token,
                            refresh_token,
                            given_token,
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

/// What can be answered to a request.
fn possible(ask: Ask) -> Vec<Class> {
    let limited = Class::Limited(Duration::from_secs(7));
    let locked = Class::AccountBlocked(AccountBlock::Locked);
    let login = |device| {
        let refused = Class::Refused("no".to_owned());
        let locked = locked.clone();
        vec![logged_in(device), refused, other(), unreachable(), wrong_user(), locked]
    };
    match ask {
        Ask::Whoami(_) => {
            let (saved, elsewhere) = (alive("SAVED"), alive("OTHER"));
            vec![
                saved,
                elsewhere,
                Class::Dead,
                wrong_user(),
                unreachable(),
                limited,
                locked,
                other(),
            ]
        }
        Ask::Refresh => vec![refreshed(), Class::Dead, unreachable()],
        Ask::Login(Target::Saved) => login("SAVED"),
        Ask::Login(Target::New) => login("NEW"),
    }
}

/// One play: what was at hand, what was asked and answered, and how it ended.
#[derive(Debug)]
struct Play<'a> {
    situation: &'a Situation,
    heard: Vec<(Ask, Class)>,
    end: Step,
    marks: Vec<Mark>,
}

/// Every play there is from a situation: each request is answered in each possible way.
fn plays(situation: &Situation) -> Vec<Play<'_>> {
    let mut going = vec![(Plan::new(situation.clone()), Vec::<(Ask, Class)>::new())];
    let mut ended = Vec::new();
    while let Some((plan, heard)) = going.pop() {
        let ask = match plan.next() {
            Step::Ask(ask) => ask,
            end => {
                ended.push(Play {
                    situation,
                    heard,
                    end,
                    marks: plan.marks(),
                });
                continue;
            }
        };
        let twice = heard.iter().any(|(asked, _)| *asked == ask);
        assert!(!twice, "{ask:?} asked twice in {situation:?} after {heard:?}");
        for class in possible(ask) {
            let (mut plan, mut heard) = (plan.clone(), heard.clone());
            plan.saw(ask, &class);
            heard.push((ask, class));
            going.push((plan, heard));
        }
    }
    ended
}

impl Play<'_> {
    fn answer_to(&self, ask: Ask) -> Option<&Class> {
        self.heard
            .iter()
            .find(|(asked, _)| *asked == ask)
            .map(|(_, class)| class)
    }

    fn obeys_every_rule(&self) {
        if self.heard.iter().any(|(ask, _)| matches!(ask, Ask::Login(_))) {
            self.logs_in_for_need();
        }
        if self.answer_to(Ask::Refresh).is_some() {
            let saved_is_dead = self.answer_to(Ask::Whoami(Token::Saved)) == Some(&Class::Dead);
            let of_the_device = !self.situation.saved_token || saved_is_dead;
            assert!(of_the_device && !self.situation.contested, "needless refresh: {self:?}");
        }
        match &self.end {
            Step::Go(source) => self.goes_with_a_session(*source),
            Step::Wait(..) => assert!(
                matches!(
                    self.heard.last(),
                    Some((_, Class::Unreachable(_) | Class::Limited(_) | Class::Other { .. }))
                ),
                "waits for nothing: {self:?}"
            ),
            Step::Blocked(_) => assert!(!self.marks.is_empty(), "the branch is not named: {self:?}"),
            Step::Ask(_) => unreachable!("a play ends with no ask"),
        }
    }

    fn logs_in_for_need(&self) {
        let situation = self.situation;
        assert!(
            situation.password == Password::Ready && !situation.contested,
            "needless login: {self:?}"
        );
        if situation.saved_token {
            let proves = matches!(
                self.answer_to(Ask::Whoami(Token::Saved)),
                Some(Class::Dead | Class::WrongUser { .. })
            );
            assert!(proves, "login while the saved token may live: {self:?}");
        }
        if situation.given_token {
            let proves = match self.answer_to(Ask::Whoami(Token::Given)) {
                Some(Class::Dead | Class::WrongUser { .. } | Class::Other { .. }) => true,
                Some(class) => situation.saved_device.is_some() && *class == alive("OTHER"),
                None => false,
            };
            assert!(proves, "login while the given token may be of use: {self:?}");
        }
        let logins = self.heard.iter().filter(|(ask, _)| matches!(ask, Ask::Login(_)));
        let other_device = matches!(self.answer_to(Ask::Login(Target::Saved)), Some(Class::Other { .. }));
        assert!(logins.count() == 1 || other_device, "password tried twice: {self:?}");
    }

    fn goes_with_a_session(&self, source: Source) {
        let may_wait = self.situation.saved_device.is_some() && !self.situation.contested;
        let waits = self.situation.password == Password::Barred && may_wait;
        assert!(!waits || source != Source::GivenTokenOnOther, "it may wait: {self:?}");
        let class = self.answer_to(match source {
            Source::SavedSession => Ask::Whoami(Token::Saved),
            Source::Refreshed => Ask::Refresh,
            Source::GivenToken | Source::GivenTokenOnOther => Ask::Whoami(Token::Given),
            Source::LoginOnSaved => Ask::Login(Target::Saved),
            Source::LoginOnNew => Ask::Login(Target::New),
        });
        assert!(
            matches!(
                class,
                Some(Class::Alive { .. } | Class::LoggedIn { .. } | Class::Refreshed { .. })
            ),
            "no session: {self:?}"
        );
        assert!(self.marks.contains(&source.mark()), "the branch is not named: {self:?}");
    }
}

#[test]
fn whatever_is_at_hand_and_whatever_is_answered_no_rule_is_broken() {
    let situations = situations();
    let mut ends = Vec::new();
    for play in situations.iter().flat_map(plays) {
        play.obeys_every_rule();
        if !ends.contains(&play.end) {
            ends.push(play.end);
        }
    }
    assert!(ends.len() >= 10, "the enumeration is too tame: {ends:?}");
}

#[rstest]
#[case::saved_first(Some("SAVED"), alive("SAVED"), alive("SAVED"), Step::Go(Source::SavedSession))]
#[case::env_on_saved(Some("SAVED"), Class::Dead, alive("SAVED"), Step::Go(Source::GivenToken))]
#[case::env_without_saved(None, Class::Dead, alive("OTHER"), Step::Go(Source::GivenToken))]
#[case::login_before_env_elsewhere(Some("SAVED"), Class::Dead, alive("OTHER"), Step::Go(Source::LoginOnSaved))]
#[case::login(Some("SAVED"), Class::Dead, Class::Dead, Step::Go(Source::LoginOnSaved))]
#[case::new_device(None, Class::Dead, Class::Dead, Step::Go(Source::LoginOnNew))]
#[case::another_user(Some("SAVED"), Class::Dead, wrong_user(), Step::Go(Source::LoginOnSaved))]
fn sources_come_in_order(
    #[case] saved_device: Option<&str>,
    #[case] saved: Class,
    #[case] given: Class,
    #[case] end: Step,
) {
    let situation = Situation {
        saved_device: saved_device.map(Into::into),
        saved_token: true,
        refresh_token: false,
        given_token: true,
        password: Password::Ready,
        contested: false,
    };
    let answers = Answers {
        saved,
        refresh: refreshed(),
        given,
        on_saved: logged_in("SAVED"),
        on_new: logged_in("NEW"),
    };
    assert_eq!(play(&situation, &answers).1, end);
}

#[test]
fn without_a_password_the_given_tokens_other_device_is_better_than_nothing() {
    let situation = Situation {
        saved_device: Some("SAVED".into()),
        saved_token: true,
        refresh_token: false,
        given_token: true,
        password: Password::Missing,
        contested: false,
    };
    let answers = Answers {
        saved: Class::Dead,
        refresh: refreshed(),
        given: alive("OTHER"),
        on_saved: other(),
        on_new: other(),
    };
    assert_eq!(play(&situation, &answers).1, Step::Go(Source::GivenTokenOnOther));
}

#[test]
fn without_anything_the_operator_learns_whose_token_was_found() {
    let situation = Situation {
        saved_device: None,
        saved_token: false,
        refresh_token: false,
        given_token: true,
        password: Password::Missing,
        contested: false,
    };
    let answers = Answers {
        saved: Class::Dead,
        refresh: refreshed(),
        given: wrong_user(),
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
        given_token: false,
        password: Password::Ready,
        contested,
    };
    let answers = Answers {
        saved,
        refresh,
        given: other(),
        on_saved: logged_in("SAVED"),
        on_new: logged_in("NEW"),
    };
    assert_eq!(play(&situation, &answers).1, end);
}

/// Everything at hand, and nothing of it good, but for what a case says.
pub(super) fn nothing_good() -> Answers {
    Answers {
        saved: Class::Dead,
        refresh: Class::Dead,
        given: Class::Dead,
        on_saved: Class::Refused("no".to_owned()),
        on_new: Class::Refused("no".to_owned()),
    }
}

pub(super) fn everything(password: Password) -> Situation {
    Situation {
        saved_device: Some("SAVED".into()),
        saved_token: true,
        refresh_token: true,
        given_token: true,
        password,
        contested: false,
    }
}

/// What blocks the account, or the way to the homeserver, counts wherever it is met: nothing further is asked.
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
                &mut answers.given,
                &mut answers.on_saved,
                &mut answers.on_new,
            ][place] = class.clone();
            let (asked, end, _) = play(&everything(Password::Ready), &answers);
            assert_eq!(end, Step::Blocked(blocker.clone()), "at {place}");
            // Only another token may still be looked at.
            let further = &asked[asked.len().min(place + 1)..];
            assert!(further.iter().all(|ask| *ask == Ask::Whoami(Token::Given)), "{asked:?}");
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
