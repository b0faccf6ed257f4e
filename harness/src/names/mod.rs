//! Answers an unknown name with the nearest known ones.

/// How alike two names have to be to be worth naming (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.75;

/// How many names are offered at most.
const OFFERED: usize = 3;

/// A name that nothing has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {kind} {name:?}; {}", offer(.nearest, .kind))]
pub struct Unknown {
    /// What kind of thing was asked for: `scenario`, `fault`, …
    pub kind: &'static str,
    /// The name that was asked for.
    pub name: String,
    /// Known names like it, nearest first; empty when none is alike.
    pub nearest: Vec<String>,
}

fn offer(nearest: &[String], kind: &str) -> String {
    match nearest {
        [] => format!("`knockproof list` names every {kind}"),
        [one] => format!("did you mean {one}?"),
        [rest @ .., last] => format!("did you mean {} or {last}?", rest.join(", ")),
    }
}

/// Finds `name` among `known`; underscores count as hyphens, so that the name of a test works too.
///
/// # Errors
/// [`Unknown`] with the nearest known names.
pub fn find<'k>(kind: &'static str, name: &str, known: &[&'k str]) -> Result<&'k str, Unknown> {
    let wanted = name.replace('_', "-").to_lowercase();
    if let Some(found) = known
        .iter()
        .find(|candidate| [name, wanted.as_str()].contains(candidate))
    {
        return Ok(found);
    }
    let mut alike: Vec<(f64, &str)> = known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(&wanted, candidate), *candidate))
        .filter(|(likeness, candidate)| *likeness >= ALIKE || candidate.contains(&wanted))
        .collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0));
    let nearest = alike
        .into_iter()
        .take(OFFERED)
        .map(|(_, candidate)| candidate.to_owned())
        .collect();
    Err(Unknown {
        kind,
        name: name.to_owned(),
        nearest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &[
        "env-token-clobbered",
        "env-token-empty",
        "device-deleted",
        "all-devices-deleted",
    ];

    #[test]
    fn a_known_name_is_found_however_it_is_joined() {
        assert_eq!(find("fault", "env-token-empty", KNOWN), Ok("env-token-empty"));
        assert_eq!(find("fault", "env_token_empty", KNOWN), Ok("env-token-empty"));
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest_first() {
        let unknown = find("fault", "env-token-cloberd", KNOWN).unwrap_err();
        assert_eq!(unknown.nearest[0], "env-token-clobbered");
        assert!(
            unknown
                .to_string()
                .starts_with("unknown fault \"env-token-cloberd\"; did you mean env-token-clobbered")
        );
    }

    #[test]
    fn a_part_of_a_name_is_enough_to_be_offered_the_whole() {
        let unknown = find("fault", "device", KNOWN).unwrap_err();
        assert_eq!(unknown.nearest, ["device-deleted", "all-devices-deleted"]);
    }

    #[test]
    fn a_name_like_none_is_sent_to_the_list() {
        let unknown = find("fault", "xyzzy", KNOWN).unwrap_err();
        assert!(unknown.nearest.is_empty());
        assert_eq!(
            unknown.to_string(),
            "unknown fault \"xyzzy\"; `knockproof list` names every fault"
        );
    }
}
