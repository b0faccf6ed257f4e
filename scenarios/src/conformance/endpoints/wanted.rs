//! Where the embedded homeserver is meant to answer otherwise, and what no recording can hold.

use harness::homeserver::Flavor;

/// Answers that are meant to differ.
#[derive(Clone, Copy, Debug)]
pub struct WantedAnswer {
    /// The flavors it concerns; all when empty.
    pub flavors: &'static [Flavor],
    /// The endpoint.
    pub endpoint: &'static str,
    /// What the names of the cases begin with; all cases when empty.
    pub cases: &'static [&'static str],
    /// Why the embedded homeserver does it otherwise.
    pub reason: &'static str,
}

/// Every wanted difference.
pub const WANTED_ANSWERS: &[WantedAnswer] = &[
    all("get_supported_versions", CLAIMS),
    all("get_capabilities", VERSIONS),
    all("initial_sync", DEPRECATED),
    of(SYNAPSE, "listen_to_new_events", &[], DEPRECATED),
    of(SYNAPSE, "login_fallback", &[], PAGES),
    of(SYNAPSE, "discover_support", &[], PAGES),
    of(SYNAPSE, "discover_policy_server", &[], PAGES),
    all("get_pushrules_all", RULES),
    all("get_pushrules_global_scope", RULES),
    of(SYNAPSE, "add_backup_keys_for_room", &["malformed_"], IDS),
    of(SYNAPSE, "add_backup_keys_for_session", &["malformed_"], IDS),
    of(SYNAPSE, "delete_backup_keys_for_room", &["malformed_"], IDS),
    of(SYNAPSE, "delete_backup_keys_for_session", &["malformed_"], IDS),
    of(SYNAPSE, "get_backup_keys_for_room", &["malformed_"], IDS),
    of(SYNAPSE, "get_backup_keys_for_session", &["malformed_"], IDS),
    of(SYNAPSE, "get_backup_keys", &["right"], IDS),
    of(SYNAPSE, "delete_tag", &["malformed_"], IDS),
    of(SYNAPSE, "get_tags", &["malformed_"], IDS),
    of(SYNAPSE, "forget_room", &["malformed_"], IDS),
    of(SYNAPSE, "redact_event", &["malformed_"], IDS),
    of(SYNAPSE, "report_user", &["malformed_"], IDS),
];

const SYNAPSE: &[Flavor] = &[Flavor::Synapse];
const CLAIMS: &str = "unstable features are claimed only where they are here: a client would use them";
const VERSIONS: &str = "room versions 1 and 2 name their events otherwise than all later ones and are not offered, nor are experimental ones and delayed events";
const DEPRECATED: &str = "deprecated since the specification knows `/sync`, which tells the same";
const PAGES: &str = "pages for browsers are not made here";
const RULES: &str =
    "the rules from which users start are those of the specification's newest version, not those of the server's";
const IDS: &str = "an id that is none is refused here wherever it stands, and so nothing is kept under it";

const fn all(endpoint: &'static str, reason: &'static str) -> WantedAnswer {
    of(&[], endpoint, &[], reason)
}

const fn of(
    flavors: &'static [Flavor],
    endpoint: &'static str,
    cases: &'static [&'static str],
    reason: &'static str,
) -> WantedAnswer {
    WantedAnswer {
        flavors,
        endpoint,
        cases,
        reason,
    }
}

/// What a real server answered otherwise when it was asked again: flavor, endpoint, case.
pub const UNSTEADY: &[(Flavor, &str, &str)] = &[];

/// Why the answer to a case is meant to differ, if it is.
pub(super) fn wanted(flavor: Flavor, endpoint: &str, case: &str) -> Option<&'static str> {
    let concerns = |wanted: &&WantedAnswer| {
        wanted.endpoint == endpoint
            && (wanted.flavors.is_empty() || wanted.flavors.contains(&flavor))
            && (wanted.cases.is_empty() || wanted.cases.iter().any(|start| case.starts_with(start)))
    };
    WANTED_ANSWERS.iter().find(concerns).map(|wanted| wanted.reason)
}

/// Whether a real server is known to answer it now so and now otherwise.
pub(super) fn unsteady(flavor: Flavor, endpoint: &str, case: &str) -> bool {
    UNSTEADY.contains(&(flavor, endpoint, case))
}
