use std::path::Path;

/// What cargo leaves in the folder that it builds into. The tag only where it made the folder itself.
const MARKS: [&str; 2] = [".rustc_info.json", "CACHEDIR.TAG"];

/// The folder of cargo's (`target`) that a program lies in; none for a program that was installed.
pub fn target_folder(program: &Path) -> Option<&Path> {
    let marked = |folder: &&Path| MARKS.iter().any(|mark| folder.join(mark).is_file());
    program.ancestors().find(marked)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::that_cargo_made("CACHEDIR.TAG", true)]
    #[case::that_was_there_before(".rustc_info.json", true)]
    #[case::of_something_else("README.md", false)]
    fn a_target_folder_is_known_by_what_cargo_leaves_in_it(#[case] mark: &str, #[case] known: bool) {
        let place = tempfile::TempDir::new().unwrap();
        let target = place.path().join("target");
        fs::create_dir_all(target.join("debug")).unwrap();
        fs::write(target.join(mark), "").unwrap();
        let program = target.join("debug/program");
        assert_eq!(target_folder(&program), known.then_some(target.as_path()));
    }
}
