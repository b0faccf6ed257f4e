//! How glibc's allocator is set for a process that mostly waits.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    os::unix::process::CommandExt,
    process::Command,
};

/// What is large is given back as soon as it is free, and there is one arena. By itself glibc raises its limits to the
/// largest that it has seen freed: what one big sync took once would stay with the process.
const SETTINGS: [(&str, &str); 3] = [
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_MMAP_THRESHOLD_", "131072"),
    ("MALLOC_TRIM_THRESHOLD_", "131072"),
];

/// Starts this program anew, in this process, with the settings: they are read when a program begins, and only then.
/// Returns where the environment has settings of its own, where there is no glibc, or where it failed.
pub(super) fn settle() -> io::Result<()> {
    if !cfg!(all(target_os = "linux", target_env = "gnu")) || is_set(|name| env::var_os(name)) {
        return Ok(());
    }
    let mut arguments = env::args_os();
    let mut anew = Command::new(env::current_exe()?);
    if let Some(name) = arguments.next() {
        anew.arg0(name);
    }
    Err(anew.args(arguments).envs(SETTINGS).exec())
}

/// Whether somebody has already decided, this program or the operator.
fn is_set(variable: impl Fn(&OsStr) -> Option<OsString>) -> bool {
    let names = SETTINGS.iter().map(|(name, _)| *name).chain(["GLIBC_TUNABLES"]);
    names.into_iter().any(|name| variable(name.as_ref()).is_some())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing("PATH", false)]
    #[case::one_of_the_settings("MALLOC_TRIM_THRESHOLD_", true)]
    #[case::the_newer_way_to_set_them("GLIBC_TUNABLES", true)]
    fn it_is_decided_if_the_environment_has(#[case] present: &str, #[case] decided: bool) {
        assert_eq!(is_set(|name| (name == present).then(OsString::new)), decided);
    }
}
