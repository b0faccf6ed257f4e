use proptest::prelude::*;

use super::*;
use crate::fault::Call;

fn known() -> Known {
    Known {
        scenarios: vec![
            KnownScenario {
                name: "smoke",
                middle: &["token-logged-out"],
                drilled_with_every_fault: true,
            },
            KnownScenario {
                name: "errands",
                middle: &["token-logged-out"],
                drilled_with_every_fault: false,
            },
            KnownScenario {
                name: "space-rules",
                middle: &[],
                drilled_with_every_fault: false,
            },
        ],
        faults: vec![
            KnownFault {
                name: "env-token-empty".to_owned(),
                moments: vec![Moment::AtBoot],
                reach: Reach::Accounts,
                comes_first: false,
                is_helped: false,
            },
            KnownFault {
                name: "token-logged-out".to_owned(),
                moments: Moment::ALL.to_vec(),
                reach: Reach::Account,
                comes_first: false,
                is_helped: false,
            },
        ],
        passages: Passage::around(Call::Sync).to_vec(),
        identities: vec!["first".to_owned()],
        others: Vec::new(),
    }
}

fn names(wishes: &Wishes) -> Vec<String> {
    plan(&known(), wishes).unwrap().iter().map(Drill::name).collect()
}

fn wish(scenarios: &[&str], faults: &[&str], moments: &[&str]) -> Wishes {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Wishes {
        scenarios: owned(scenarios),
        faults: owned(faults),
        moments: owned(moments),
        ..Wishes::default()
    }
}

#[test]
fn without_wishes_every_fault_meets_one_scenario_and_every_scenario_heals_in_its_middle() {
    assert_eq!(
        names(&Wishes::default()),
        [
            "smoke/plain",
            "smoke/env-token-empty/at-boot",
            "smoke/token-logged-out/first-boot",
            "smoke/token-logged-out/at-boot",
            "smoke/token-logged-out/while-running",
            "smoke/token-logged-out/in-the-middle",
            "errands/plain",
            "errands/token-logged-out/in-the-middle",
            "space-rules/plain",
        ]
    );
}

#[test]
fn a_brief_run_breaks_each_scenario_but_the_first_once_in_its_middle() {
    let mut known = known();
    known.faults.push(KnownFault {
        name: "bot-killed".to_owned(),
        moments: vec![Moment::InTheMiddle],
        reach: Reach::Bot,
        comes_first: false,
        is_helped: false,
    });
    for scenario in &mut known.scenarios[..2] {
        scenario.middle = &["token-logged-out", "bot-killed"];
    }
    let middles = |brief| {
        let drills = plan(
            &known,
            &Wishes {
                brief,
                ..Wishes::default()
            },
        )
        .unwrap();
        let names = drills.iter().map(Drill::name);
        names.filter(|name| name.ends_with("in-the-middle")).collect::<Vec<_>>()
    };
    let brief = middles(true);
    assert_eq!(
        brief,
        [
            "smoke/token-logged-out/in-the-middle",
            "smoke/bot-killed/in-the-middle",
            "errands/token-logged-out/in-the-middle",
        ]
    );
    assert_eq!(
        middles(false),
        [brief, vec!["errands/bot-killed/in-the-middle".to_owned()]].concat()
    );
}

#[test]
fn a_wished_fault_meets_every_wished_scenario_at_every_moment() {
    assert_eq!(
        names(&wish(&["errands"], &["env-token-empty"], &[])),
        ["errands/env-token-empty/at-boot"]
    );
    assert_eq!(
        names(&wish(&["errands"], &["all"], &["at_boot"])),
        ["errands/env-token-empty/at-boot", "errands/token-logged-out/at-boot"]
    );
}

#[test]
fn a_fault_of_a_running_bot_can_be_wished_for_at_any_request() {
    assert_eq!(
        names(&wish(&["errands"], &["all"], &["traffic"])),
        [
            "errands/token-logged-out/before-sync",
            "errands/token-logged-out/after-sync"
        ]
    );
    assert_eq!(
        names(&wish(&["errands"], &["token-logged-out"], &["after-devices-2"])),
        ["errands/token-logged-out/after-devices-2"]
    );
    let mut helped = known();
    helped.faults[1].is_helped = true;
    assert!(plan(&helped, &wish(&[], &["token-logged-out"], &["traffic"])).is_err());
    // One of a stopped bot cannot.
    let refused = plan(&known(), &wish(&[], &["env-token-empty"], &["before-sync"])).unwrap_err();
    assert!(refused.to_string().contains("only at-boot"), "{refused}");
    let unknown = plan(&known(), &wish(&[], &[], &["before-sink"])).unwrap_err();
    assert!(unknown.to_string().contains("before-sync"), "{unknown}");
}

#[test]
fn no_fault_can_be_wished_for_by_name() {
    assert_eq!(names(&wish(&["smoke"], &["none"], &[])), ["smoke/plain"]);
}

#[test]
fn a_scenario_without_a_middle_is_not_broken_there() {
    assert_eq!(
        plan(&known(), &wish(&["space-rules"], &[], &["in-the-middle"])),
        Err(BadWish::Empty)
    );
}

#[test]
fn a_fault_at_a_moment_where_it_makes_no_sense_is_refused_with_those_where_it_does() {
    let refused = plan(&known(), &wish(&[], &["env-token-empty"], &["while-running"])).unwrap_err();
    assert!(
        refused.to_string().contains("env-token-empty makes sense only at-boot"),
        "{refused}"
    );
}

#[test]
fn a_fault_named_beside_others_is_not_dropped_where_it_makes_no_sense() {
    let wishes = wish(&[], &["env-token-empty", "token-logged-out"], &["while-running"]);
    let refused = plan(&known(), &wishes).unwrap_err();
    assert!(
        refused.to_string().contains("env-token-empty makes sense only at-boot"),
        "{refused}"
    );
    let all = wish(&[], &["all"], &["while-running"]);
    assert!(plan(&known(), &all).is_ok());
    assert_eq!(left_out(&known(), &all), Ok(Vec::new()));
}

#[test]
fn what_is_left_out_of_named_faults_moments_and_scenarios_is_said() {
    let wishes = wish(
        &["smoke", "space-rules"],
        &["env-token-empty"],
        &["at-boot", "in-the-middle"],
    );
    assert_eq!(
        names(&wishes),
        ["smoke/env-token-empty/at-boot", "space-rules/env-token-empty/at-boot"]
    );
    assert_eq!(
        left_out(&known(), &wishes).unwrap(),
        [
            "env-token-empty: not drilled in-the-middle, it makes sense only at-boot",
            "space-rules: not drilled in-the-middle, it has no middle",
        ]
    );
}

#[test]
fn the_main_job_drills_every_fault_at_every_moment() {
    let mut known = known();
    known.faults.push(KnownFault {
        name: "bot-frozen".to_owned(),
        moments: vec![Moment::InTheMiddle],
        reach: Reach::Bot,
        comes_first: false,
        is_helped: false,
    });
    let brief = Wishes {
        brief: true,
        ..Wishes::default()
    };
    let drills = plan(&known, &brief).unwrap();
    for fault in &known.faults {
        for moment in &fault.moments {
            let name = format!("smoke/{}/{moment}", fault.name);
            assert!(drills.iter().any(|drill| drill.name() == name), "{name} is not planned");
        }
    }
}

#[test]
fn an_unknown_name_is_refused() {
    assert!(matches!(
        plan(&known(), &wish(&["smokey"], &[], &[])),
        Err(BadWish::Unknown(_))
    ));
    assert!(matches!(
        plan(&known(), &wish(&[], &["env-token"], &[])),
        Err(BadWish::Unknown(_))
    ));
    assert!(matches!(
        plan(&known(), &wish(&[], &[], &["boot"])),
        Err(BadWish::Unknown(_))
    ));
}

#[test]
fn every_wished_homeserver_gets_all_drills() {
    let wishes = Wishes {
        homeservers: vec!["synapse".to_owned(), "conduwuit".to_owned()],
        ..wish(&["smoke"], &["none"], &[])
    };
    let drills = plan(&known(), &wishes).unwrap();
    let homeservers: Vec<&str> = drills.iter().map(|drill| drill.homeserver.as_str()).collect();
    assert_eq!(homeservers, ["synapse", "conduwuit"]);
}

proptest! {
    /// What a replay line says, read back as wishes, plans that one drill with the same world.
    #[test]
    fn a_replay_plans_exactly_the_drill_it_was_made_for(seed: u64) {
        for drill in plan(&of_two(), &Wishes { seed, ..Wishes::default() }).unwrap() {
            let (fault, moment) = drill.injection.as_ref().map_or(("none", None), |s| (s.fault.as_str(), Some(s.moment.to_string())));
            let again = Wishes {
                seed,
                identities: drill.identities().to_vec(),
                ..wish(&[&drill.scenario], &[fault], moment.as_deref().as_slice())
            };
            let replayed = plan(&of_two(), &again).unwrap();
            prop_assert_eq!(replayed.len(), 1);
            prop_assert_eq!(replayed[0].world_seed(), drill.world_seed());
        }
    }
}

/// The same bot with a second identity, for which a brief run drills little.
fn of_two() -> Known {
    let little = |scenario, fault: &str, moment| {
        let injection = Injection::new(fault, moment).hitting(&["second".to_owned()]);
        (scenario, injection)
    };
    Known {
        identities: ["first", "second"].map(str::to_owned).to_vec(),
        others: vec![
            little("smoke", "env-token-empty", Moment::AtBoot),
            little("errands", "token-logged-out", Moment::InTheMiddle),
        ],
        ..known()
    }
}

/// The drills that hit others than the first identity.
fn of_others(wishes: &Wishes) -> Vec<String> {
    let drills = plan(&of_two(), wishes).unwrap();
    let of_others = drills.iter().filter(|drill| !drill.identities().is_empty());
    of_others.map(Drill::name).collect()
}

#[test]
fn a_brief_run_drills_little_for_others_than_the_first_identity() {
    let brief = Wishes {
        brief: true,
        ..Wishes::default()
    };
    assert_eq!(
        of_others(&brief),
        [
            "smoke/env-token-empty/at-boot/second",
            "errands/token-logged-out/in-the-middle/second",
        ]
    );
}

#[test]
fn a_whole_run_drills_every_fault_that_hits_identities_for_each_of_them_and_where_it_can_for_all_at_once() {
    assert_eq!(
        of_others(&Wishes::default()),
        [
            "smoke/env-token-empty/at-boot/second",
            "smoke/env-token-empty/at-boot/first+second",
            "smoke/token-logged-out/first-boot/second",
            "smoke/token-logged-out/at-boot/second",
            "smoke/token-logged-out/while-running/second",
            "smoke/token-logged-out/in-the-middle/second",
            "errands/token-logged-out/in-the-middle/second",
        ]
    );
}

#[test]
fn wished_identities_are_hit_all_at_once_and_no_others() {
    let hitting = |fault: &str, identities: &[&str]| Wishes {
        identities: identities.iter().map(|name| (*name).to_owned()).collect(),
        ..wish(&["smoke"], &[fault], &["at-boot"])
    };
    let named = |wishes: &Wishes| {
        let drills = plan(&of_two(), wishes)?;
        Ok(drills.iter().map(Drill::name).collect::<Vec<_>>())
    };
    let both = named(&hitting("env-token-empty", &["second", "first"]));
    assert_eq!(both, Ok(vec!["smoke/env-token-empty/at-boot/first+second".to_owned()]));
    let first = named(&hitting("env-token-empty", &["first"]));
    assert_eq!(first, Ok(vec!["smoke/env-token-empty/at-boot".to_owned()]));
    let too_many: Result<_, BadWish> = named(&hitting("token-logged-out", &["first", "second"]));
    let said = too_many.unwrap_err().to_string();
    assert!(said.contains("token-logged-out hits one identity at a time"), "{said}");
    let unknown = named(&hitting("env-token-empty", &["secnd"])).unwrap_err().to_string();
    assert!(unknown.contains("did you mean second"), "{unknown}");
    let none = hitting("none", &["second"]);
    let left_out = left_out(&of_two(), &none).unwrap();
    assert_eq!(left_out, ["none: without a fault no identity is hit"]);
}
