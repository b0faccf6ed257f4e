use crate::homeserver::Options;

/// Where the server keeps its data and listens, as it sees it.
pub(crate) struct Place<'a> {
    pub(crate) database: &'a str,
    pub(crate) address: &'a str,
    pub(crate) port: u16,
}

/// The `CONDUWUIT_*` variables, which all three flavors read.
pub(crate) fn environment(options: &Options, place: &Place<'_>, registration_token: &str) -> Vec<(String, String)> {
    let port = place.port.to_string();
    let own = [
        ("server_name", options.server_name.as_str()),
        ("database_path", place.database),
        ("address", place.address),
        ("port", &port),
        ("allow_registration", "true"),
        ("registration_token", registration_token),
        ("allow_federation", "false"),
        ("trusted_servers", "[]"),
        // The suffix would make display names that no test chose.
        ("new_user_displayname_suffix", ""),
        ("allow_announcements_check", "false"),
        ("startup_netburst", "false"),
        ("log", "info"),
        ("log_colors", "false"),
        // Small: many servers live side by side on a machine for tests.
        ("db_cache_capacity_mb", "8"),
        ("rocksdb_parallelism_threads", "2"),
    ];
    let named = |(name, value): (&str, &str)| (format!("CONDUWUIT_{}", name.to_ascii_uppercase()), value.to_owned());
    let mut environment: Vec<(String, String)> = own.into_iter().map(named).collect();
    for (name, value) in &options.settings {
        let (name, value) = named((name, value));
        environment.retain(|(known, _)| *known != name);
        environment.push((name, value));
    }
    environment
}
