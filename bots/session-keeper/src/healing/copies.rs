//! Several copies of one program on one account: a rolling update, a second volume, a server that was cloned.
//!
//! Each run of the program writes a [`Claim`] to the account. Whoever claims later serves; whoever finds a later claim
//! than its own steps back. No clock is compared: a claim counts one more than the one that it replaces.

use std::cmp::Ordering;

use ruma_common::OwnedDeviceId;
use serde::{Deserialize, Serialize};

/// What a running copy says of itself, for the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Claim {
    /// Names the run of the program; random.
    pub run: String,
    /// One more than in the claim that this one replaced.
    pub turn: u64,
    /// The device that the run uses.
    pub device: OwnedDeviceId,
    /// Whether the run has ended in good order.
    #[serde(default)]
    pub ended: bool,
    /// Shows to whoever has the account's recovery key that the device was made by somebody who had it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
}

impl Claim {
    /// The claim of a run that finds `before` on the account.
    pub fn after(before: Option<&Self>, run: &str, device: OwnedDeviceId, proof: Option<String>) -> Self {
        Self {
            run: run.to_owned(),
            turn: before.map_or(1, |before| before.turn.saturating_add(1)),
            device,
            ended: false,
            proof,
        }
    }

    /// The same claim, of a run that ends.
    pub fn ended(self) -> Self {
        Self { ended: true, ..self }
    }
}

/// How a claim on the account stands to one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// It is one's own.
    Own,
    /// Another copy began later, and runs as far as anybody knows: it serves.
    Later,
    /// Another copy's, which began earlier or has ended: one's own belongs in its place.
    Earlier,
}

/// Compares a claim on the account with one's own. Two that began at once are told apart by their names.
pub fn standing(own: &Claim, seen: &Claim) -> Standing {
    if own.run == seen.run {
        return Standing::Own;
    }
    match (seen.turn, &seen.run).cmp(&(own.turn, &own.run)) {
        Ordering::Greater if !seen.ended => Standing::Later,
        _ => Standing::Earlier,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn claim(run: &str, turn: u64) -> Claim {
        Claim {
            turn,
            ..Claim::after(None, run, "DEVICE".into(), None)
        }
    }

    #[rstest]
    #[case::own(claim("own", 5), Standing::Own)]
    #[case::own_from_an_older_server(claim("own", 4), Standing::Own)]
    #[case::began_later(claim("another", 6), Standing::Later)]
    #[case::began_later_and_ended(claim("another", 6).ended(), Standing::Earlier)]
    #[case::began_earlier(claim("another", 4), Standing::Earlier)]
    #[case::an_older_server(claim("zzz", 1), Standing::Earlier)]
    #[case::at_once(claim("zzz", 5), Standing::Later)]
    #[case::at_once_and_behind(claim("aaa", 5), Standing::Earlier)]
    #[case::at_once_and_ended(claim("zzz", 5).ended(), Standing::Earlier)]
    fn a_claim_is_compared_with_ones_own(#[case] seen: Claim, #[case] wanted: Standing) {
        assert_eq!(standing(&claim("own", 5), &seen), wanted);
    }

    #[test]
    fn of_two_copies_exactly_one_steps_back() {
        for (one, other) in [
            (claim("a", 1), claim("b", 1)),
            (claim("a", 2), claim("b", 1)),
            (claim("a", 1), claim("b", 2)),
        ] {
            let later = [standing(&one, &other), standing(&other, &one)];
            assert_eq!(
                later.iter().filter(|s| **s == Standing::Later).count(),
                1,
                "{one:?} {other:?}"
            );
        }
    }

    #[test]
    fn each_claim_counts_one_more_than_the_one_that_it_replaces() {
        let first = Claim::after(None, "a", "A".into(), None);
        let second = Claim::after(Some(&first), "b", "B".into(), Some("proof".to_owned()));
        assert_eq!((first.turn, second.turn), (1, 2));
        assert_eq!(second.proof.as_deref(), Some("proof"));
        assert!(!second.ended && second.clone().ended().ended);
        let last = Claim {
            turn: u64::MAX,
            ..first
        };
        assert_eq!(Claim::after(Some(&last), "c", "C".into(), None).turn, u64::MAX);
    }

    #[test]
    fn what_is_not_said_is_neither_ended_nor_proven() {
        let claim: Claim = serde_json::from_str(r#"{"run":"a","turn":3,"device":"A","later":"words"}"#).unwrap();
        assert_eq!(
            claim,
            Claim {
                turn: 3,
                ..Claim::after(None, "a", "A".into(), None)
            }
        );
        assert!(!serde_json::to_string(&claim).unwrap().contains("proof"));
    }
}
