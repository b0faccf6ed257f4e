use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use super::{
    Choice, Driver, Error, Flavor, Result, Selection,
    image::{self, Absent},
};
use crate::run::{engine, target_folder};

/// Names the binary of a server of the conduwuit family.
const BINARY: &str = "KNOCKPROOF_HOMESERVER_BIN";
/// Names the virtual environment that holds Synapse.
const SYNAPSE_VENV: &str = "KNOCKPROOF_SYNAPSE_VENV";

/// What is taken for a wish, and why. `image` is one that the caller wants.
pub(super) async fn select(choice: &Choice, image: Option<&str>, absent: Absent) -> Result<Selection> {
    let named = Named {
        image: image.map(str::to_owned).or_else(image::from_env),
        binary: path_in(BINARY),
        venv: path_in(SYNAPSE_VENV),
    };
    let any_flavor = *choice == Choice::Auto;
    let mut missing = Vec::new();
    for (flavor, driver) in named.ways(*choice) {
        match way(flavor, driver, any_flavor, &named, absent).await {
            Ok(found) => return Ok(found.explain(&missing)),
            Err(reason) => missing.push(reason),
        }
    }
    let variable = Choice::VARIABLE;
    Err(Error::NotAtHand(format!(
        "{variable}={choice} cannot be had: {}",
        missing.join("; ")
    )))
}

/// What somebody wants by name. Nothing else is ever taken in its place.
struct Named {
    image: Option<String>,
    binary: Option<PathBuf>,
    venv: Option<PathBuf>,
}

impl Named {
    /// The ways to go, the best first.
    fn ways(&self, choice: Choice) -> Vec<(Flavor, Driver)> {
        let (image, binary) = (self.image.as_deref(), self.binary.is_some());
        match (choice, image) {
            (Choice::Exactly(flavor, driver), _) => vec![(flavor, driver)],
            (Choice::Flavor(Flavor::Embedded), _) => vec![(Flavor::Embedded, Driver::Embedded)],
            (Choice::Flavor(flavor), Some(_)) => vec![(flavor, Driver::Container)],
            (Choice::Auto, Some(image)) => {
                let flavor = flavor_of(&image.to_lowercase()).unwrap_or(Flavor::Conduwuit);
                vec![(flavor, Driver::Container)]
            }
            (Choice::Flavor(Flavor::Synapse), None) if self.venv.is_some() => vec![(Flavor::Synapse, Driver::Process)],
            // A process starts faster and takes less than a container, and the virtual environment is what ci/test prepares.
            (Choice::Flavor(Flavor::Synapse), None) => {
                vec![(Flavor::Synapse, Driver::Process), (Flavor::Synapse, Driver::Container)]
            }
            (Choice::Flavor(flavor), None) if binary => vec![(flavor, Driver::Process)],
            (Choice::Flavor(flavor), None) => vec![(flavor, Driver::Container), (flavor, Driver::Process)],
            (Choice::Auto, None) if binary => vec![(Flavor::Conduwuit, Driver::Process)],
            (Choice::Auto, None) => vec![
                (Flavor::Conduwuit, Driver::Container),
                (Flavor::Conduwuit, Driver::Process),
                (Flavor::Embedded, Driver::Embedded),
            ],
        }
    }
}

fn path_in(variable: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// A way that can be gone.
struct Found {
    flavor: Flavor,
    driver: Driver,
    source: String,
    exact: Option<String>,
    because: String,
}

impl Found {
    /// Says in one line what was taken and why: what is there, and what would have been preferred and is not.
    fn explain(self, missing: &[String]) -> Selection {
        let mut why = format!("{} ({}, {}): {}", self.flavor, self.driver, self.source, self.because);
        if !missing.is_empty() {
            why = format!("{why}; not taken: {}", missing.join("; "));
        }
        Selection {
            flavor: self.flavor,
            driver: self.driver,
            source: self.source,
            exact: self.exact,
            why: why.split_whitespace().collect::<Vec<_>>().join(" "),
        }
    }
}

/// Whether a way can be gone; the error says what is missing and how to get it.
async fn way(flavor: Flavor, driver: Driver, any_flavor: bool, named: &Named, absent: Absent) -> Result<Found, String> {
    match driver {
        Driver::Embedded => Ok(Found {
            flavor,
            driver,
            source: "in this process".to_owned(),
            exact: None,
            because: "it needs nothing".to_owned(),
        }),
        Driver::Container => {
            let docker = engine::docker().await?;
            let image = image::ensure(&docker, flavor, named.image.as_deref(), absent).await?;
            Ok(Found {
                flavor,
                driver,
                source: image.name,
                exact: image.exact,
                because: image.because,
            })
        }
        Driver::Process if flavor == Flavor::Synapse => Ok(Found {
            flavor,
            driver,
            source: synapse_venv(named.venv.as_deref(), &env::current_exe().unwrap_or_default())?
                .display()
                .to_string(),
            exact: None,
            because: "a virtual environment with Synapse is there".to_owned(),
        }),
        Driver::Process => {
            let (path, is) = binary(named.binary.as_deref()).await?;
            if is != flavor && !any_flavor {
                return Err(format!("{BINARY}={} is {is}, not {flavor}", path.display()));
            }
            Ok(Found {
                flavor: is,
                driver,
                source: path.display().to_string(),
                exact: None,
                because: format!("{BINARY} names it"),
            })
        }
    }
}

/// The binary that `KNOCKPROOF_HOMESERVER_BIN` names, and which flavor it says it is.
async fn binary(named: Option<&Path>) -> Result<(PathBuf, Flavor), String> {
    let path = named.ok_or_else(|| format!("{BINARY} names no binary"))?;
    let shown = path.display();
    let mut command = Command::new(path);
    command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    let output = match timeout(Duration::from_secs(10), command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(format!("{BINARY}={shown} cannot be run ({error})")),
        Err(_) => return Err(format!("{BINARY}={shown} --version does not end")),
    };
    let version = String::from_utf8_lossy(&output.stdout).to_lowercase();
    let known = flavor_of(&version).filter(|flavor| *flavor != Flavor::Synapse);
    let flavor = known.ok_or_else(|| {
        format!(
            "{BINARY}={shown} says '{}', which is none of conduwuit, continuwuity, tuwunel",
            version.trim()
        )
    })?;
    Ok((path.to_owned(), flavor))
}

/// The flavor named in a text of small letters: what a server says of itself, the name of an image.
pub(super) fn flavor_of(text: &str) -> Option<Flavor> {
    [
        Flavor::Continuwuity,
        Flavor::Tuwunel,
        Flavor::Conduwuit,
        Flavor::Synapse,
    ]
    .into_iter()
    .find(|flavor| text.contains(flavor.name()))
}

/// The virtual environment with Synapse: the one named, else the one that `ci/test` prepares where this program was built.
fn synapse_venv(named: Option<&Path>, program: &Path) -> Result<PathBuf, String> {
    if let Some(venv) = named {
        if has_synapse(venv) {
            return Ok(venv.to_owned());
        }
        return Err(format!(
            "{SYNAPSE_VENV}={} holds no Synapse: install matrix-synapse there with its pip, or unset it",
            venv.display()
        ));
    }
    let prepared = target_folder(program).map(|target| target.join("knockproof/synapse-venv"));
    prepared.filter(|venv| has_synapse(venv)).ok_or_else(|| {
        format!(
            "no virtual environment with Synapse: run ci/test once, which prepares one, or name one with {SYNAPSE_VENV}"
        )
    })
}

fn has_synapse(venv: &Path) -> bool {
    venv.join("bin/python").exists() && venv.join("bin/synapse_homeserver").exists()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("conduwuit 0.5.0 (d8311a5f)", Some(Flavor::Conduwuit))]
    #[case("continuwuity 26.7.3", Some(Flavor::Continuwuity))]
    #[case("tuwunel 1.4.0", Some(Flavor::Tuwunel))]
    #[case("dendrite 0.14", None)]
    fn a_binary_tells_its_flavor(#[case] version: &str, #[case] flavor: Option<Flavor>) {
        assert_eq!(flavor_of(version), flavor);
    }

    const NOTHING: Named = Named {
        image: None,
        binary: None,
        venv: None,
    };

    fn image(name: &str) -> Named {
        Named {
            image: Some(name.to_owned()),
            ..NOTHING
        }
    }

    #[rstest]
    #[case::an_image(image("somebody/server:7"), &[(Flavor::Conduwuit, Driver::Container)])]
    #[case::an_image_that_tells_its_flavor(image("somebody/continuwuity:7"), &[(Flavor::Continuwuity, Driver::Container)])]
    #[case::a_binary(Named { binary: Some("/bin/x".into()), ..NOTHING }, &[(Flavor::Conduwuit, Driver::Process)])]
    fn what_is_named_is_never_replaced_by_something_else(#[case] named: Named, #[case] ways: &[(Flavor, Driver)]) {
        assert_eq!(named.ways(Choice::Auto), ways);
    }

    #[test]
    fn a_named_image_or_environment_of_synapse_is_the_only_way() {
        let synapse = Choice::Flavor(Flavor::Synapse);
        assert_eq!(image("x").ways(synapse), [(Flavor::Synapse, Driver::Container)]);
        let venv = Named {
            venv: Some("/venv".into()),
            ..NOTHING
        };
        assert_eq!(venv.ways(synapse), [(Flavor::Synapse, Driver::Process)]);
        assert_eq!(NOTHING.ways(synapse).len(), 2);
    }

    #[rstest]
    #[case::of_a_program_in_it("target/debug/deps/program", true)]
    #[case::of_one_that_was_installed("bin/program", false)]
    fn the_prepared_environment_is_in_the_target_folder(#[case] program: &str, #[case] found: bool) {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("target");
        let venv = target.join("knockproof/synapse-venv");
        fs::create_dir_all(venv.join("bin")).unwrap();
        for file in [
            target.join("CACHEDIR.TAG"),
            venv.join("bin/python"),
            venv.join("bin/synapse_homeserver"),
        ] {
            fs::write(file, "").unwrap();
        }
        assert_eq!(
            synapse_venv(None, &place.path().join(program)).ok(),
            found.then_some(venv)
        );
    }

    #[test]
    fn what_was_taken_and_what_was_not_is_one_line() {
        let found = Found {
            flavor: Flavor::Synapse,
            driver: Driver::Process,
            source: "/venv".to_owned(),
            exact: None,
            because: "a virtual environment with Synapse is there".to_owned(),
        };
        let selection = found.explain(&["no Docker engine\nanswers".to_owned()]);
        assert_eq!(
            selection.why,
            "synapse (process, /venv): a virtual environment with Synapse is there; not taken: no Docker engine answers"
        );
    }
}
