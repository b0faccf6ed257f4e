//! Two faults one after another: each is judged by what happened until the next, and none hides what the other led to.

use super::*;

/// Both heal, and all is well.
fn sound_of_two() -> Story {
    let mut story = sound();
    let healed = story.place(|event| matches!(event, Event::Whole)) + 1;
    let second = [
        look("before", snapshot(9, "D1", &["D1"])),
        breaking("another"),
        Event::Answer(exchange(10, Entrance::Public, "GET", "/_matrix/client/v3/sync", 200)),
        fired(NAME),
        Event::Whole,
    ];
    story.0.splice(healed..healed, second);
    story.look("after").seq = 20;
    story
}

fn judged(story: &Story, check: &str) -> Finding {
    let findings = super::super::Checks::standard().judge(story.record());
    findings.into_iter().find(|finding| finding.check == check).unwrap()
}

fn is_broken(finding: &Finding) -> bool {
    finding.verdict == super::super::Verdict::Broken
}

#[test]
fn where_both_heal_no_check_is_broken() {
    for finding in super::super::Checks::standard().judge(sound_of_two().record()) {
        assert!(!is_broken(&finding), "{finding:?}");
    }
}

#[test]
fn a_login_is_held_against_the_fault_after_which_it_was_made() {
    for (seq, fault) in [(5, "something"), (15, "another")] {
        let mut story = sound_of_two();
        let end = story.0.len();
        story.0.insert(end, Event::Answer(login(seq, 200)));
        let finding = judged(&story, "no-needless-login");
        assert!(is_broken(&finding), "{finding:?}");
        assert!(finding.evidence.starts_with(&format!("after {fault}: ")), "{finding:?}");
    }
}

#[test]
fn a_fault_that_did_not_heal_or_fire_is_seen_whichever_it_is() {
    for (place, fault) in [(0, "something"), (1, "another")] {
        for (check, is) in [
            (
                "in-time",
                (|event: &Event| matches!(event, Event::Whole)) as fn(&Event) -> bool,
            ),
            ("fault-fired", |event: &Event| matches!(event, Event::Fired { .. })),
        ] {
            let mut story = sound_of_two();
            let found: Vec<usize> = (0..story.0.len()).filter(|place| is(&story.0[*place])).collect();
            story.0.remove(found[place]);
            let finding = judged(&story, check);
            assert!(is_broken(&finding), "{fault}: {finding:?}");
            assert!(finding.evidence.starts_with(&format!("after {fault}: ")), "{finding:?}");
        }
    }
}

#[test]
fn a_device_that_changes_is_held_against_the_fault_after_which_it_did() {
    let mut story = sound_of_two();
    let looks: Vec<usize> = (0..story.0.len())
        .filter(|place| matches!(&story.0[*place], Event::Look { when, .. } if when == "before"))
        .collect();
    story.0[looks[1]] = look("before", snapshot(9, "D2", &["D2"]));
    *story.look("after") = snapshot(20, "D2", &["D2"]);
    let finding = judged(&story, "device-continuity");
    assert!(is_broken(&finding), "{finding:?}");
    assert!(finding.evidence.starts_with("after something: "), "{finding:?}");
}
