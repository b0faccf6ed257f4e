//! What the embedded homeserver does not yet answer as the real ones do.

use harness::homeserver::Flavor;

/// A step whose answer differs, or may differ, which is neither meant nor mended. Its test is listed as ignored: it never counts as passed.
#[derive(Clone, Copy, Debug)]
struct Open {
    flavors: &'static [Flavor],
    step: &'static str,
}

/// Whether a step (`area/step`) is known to differ from that flavor's recording. `--run-ignored only` runs those that do, so that a mended
/// one is seen and taken off the list.
pub fn is_open(flavor: Flavor, step: &str) -> bool {
    OPEN.iter()
        .any(|open| open.step == step && open.flavors.contains(&flavor))
}

const fn step(flavors: &'static [Flavor], step: &'static str) -> Open {
    Open { flavors, step }
}

const OPEN: &[Open] = &[
    step(&[Flavor::Synapse], "accounts/nobody_sets_the_name_of_another_user"),
    step(&[Flavor::Synapse], "accounts/register_with_a_wrong_token_is_refused"),
    step(
        &[Flavor::Conduwuit, Flavor::Continuwuity],
        "accounts/register_without_json_is_refused",
    ),
    step(
        &[Flavor::Synapse],
        "accounts/the_profile_of_an_unknown_user_is_not_found",
    ),
    step(
        &[Flavor::Conduwuit, Flavor::Continuwuity],
        "admin/a_user_that_exists_is_not_made",
    ),
    step(
        &[Flavor::Conduwuit, Flavor::Continuwuity],
        "admin/an_unknown_command_is_told",
    ),
    step(&[Flavor::Synapse], "aliases/a_listed_room_is_in_the_directory"),
    step(&[Flavor::Synapse], "aliases/a_room_is_listed"),
    step(&[Flavor::Synapse], "backup/a_key_for_an_unknown_version_is_refused"),
    step(&[Flavor::Conduwuit], "devices/deleting_a_device_asks_for_the_password"),
    step(&[Flavor::Synapse], "invites/an_invite_of_what_is_no_user_id_is_refused"),
    step(
        &[Flavor::Synapse],
        "keys/keys_of_a_device_that_is_not_the_callers_are_refused",
    ),
    step(&[Flavor::Synapse], "knocks/an_unknown_room_hears_no_knock"),
    step(&[Flavor::Synapse], "knocks/what_the_knockers_sync_shows"),
    step(&[Flavor::Synapse], "knocks/who_is_banned_cannot_knock"),
    step(
        &[Flavor::Conduwuit, Flavor::Synapse],
        "restricted/the_hierarchy_shows_the_child_to_the_newcomer",
    ),
    step(
        &[Flavor::Synapse],
        "restricted/the_hierarchy_shows_the_child_to_the_owner",
    ),
    step(
        &[Flavor::Synapse],
        "restricted/who_is_not_in_the_space_does_not_see_the_hierarchy",
    ),
    step(&[Flavor::Synapse], "rooms/an_unknown_preset_is_refused"),
    step(
        &[Flavor::Conduwuit, Flavor::Continuwuity, Flavor::Synapse],
        "rooms/joining_an_unknown_room_fails",
    ),
    step(&[Flavor::Synapse], "rooms/lifting_a_ban_that_is_not_there"),
    step(
        &[Flavor::Conduwuit, Flavor::Continuwuity],
        "rooms/strangers_cannot_read_a_private_room",
    ),
    step(&[Flavor::Synapse], "rooms/who_is_banned_cannot_join"),
    step(&[Flavor::Conduwuit], "sync/a_filter_in_the_url_works"),
    step(&[Flavor::Conduwuit], "sync/a_filter_limits_the_timeline"),
    step(&[Flavor::Conduwuit], "sync/a_left_room_is_not_in_a_first_sync"),
    step(
        &[Flavor::Conduwuit, Flavor::Continuwuity],
        "tokens/a_login_that_is_no_json_is_refused",
    ),
    step(&[Flavor::Synapse], "tokens/a_login_without_a_password_is_refused"),
    step(&[Flavor::Synapse], "tokens/an_empty_token_is_missing"),
    step(&[Flavor::Synapse], "tokens/an_unknown_login_type_is_refused"),
    step(
        &[Flavor::Conduwuit, Flavor::Continuwuity],
        "transactions/others_do_not_see_the_transaction_id",
    ),
    // The embedded homeserver is so fast that the probe's next request can overtake the poll, which then meets a dead token.
    step(
        &[Flavor::Conduwuit, Flavor::Continuwuity, Flavor::Synapse],
        "tokens/the_pending_poll_answers_after_all",
    ),
    step(
        &[Flavor::Conduwuit, Flavor::Continuwuity, Flavor::Synapse],
        "tokens/the_pending_poll_ends_with_the_logout",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::areas;

    #[test]
    fn every_open_step_is_a_step_of_the_probe() {
        let known: Vec<String> = areas()
            .iter()
            .flat_map(|area| {
                area.steps()
                    .into_iter()
                    .map(|step| format!("{}/{}", area.name, step.name()))
                    .collect::<Vec<_>>()
            })
            .collect();
        for open in OPEN {
            assert!(
                known.iter().any(|step| step == open.step),
                "there is no step {}",
                open.step
            );
        }
    }
}
