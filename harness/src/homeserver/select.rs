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
use crate::run::engine;

/// Names the binary of a server of the conduwuit family.
const BINARY: &str = "KNOCKPROOF_HOMESERVER_BIN";
/// Names the virtual environment that holds Synapse.
const SYNAPSE_VENV: &str = "KNOCKPROOF_SYNAPSE_VENV";

/// What is taken for a wish, and why. `named` is an image that the caller wants.
pub(super) async fn select(choice: &Choice, named: Option<&str>, absent: Absent) -> Result<Selection> {
    let ways = match *choice {
        Choice::Auto => vec![
            (Flavor::Conduwuit, Driver::Container),
            (Flavor::Conduwuit, Driver::Process),
            (Flavor::Embedded, Driver::Embedded),
        ],
        Choice::Flavor(Flavor::Embedded) => vec![(Flavor::Embedded, Driver::Embedded)],
        // A process starts faster and takes less than a container, and the virtual environment is what ci/test prepares.
        Choice::Flavor(Flavor::Synapse) => {
            vec![(Flavor::Synapse, Driver::Process), (Flavor::Synapse, Driver::Container)]
        }
        Choice::Flavor(flavor) => vec![(flavor, Driver::Container), (flavor, Driver::Process)],
        Choice::Exactly(flavor, driver) => vec![(flavor, driver)],
    };
    let any_flavor = *choice == Choice::Auto;
    let named = named.map(str::to_owned).or_else(image::from_env);
    let mut missing = Vec::new();
    for (flavor, driver) in ways {
        match way(flavor, driver, any_flavor, named.as_deref(), absent).await {
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

/// A way that can be gone.
struct Found {
    flavor: Flavor,
    driver: Driver,
    source: String,
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
            why: why.split_whitespace().collect::<Vec<_>>().join(" "),
        }
    }
}

/// Whether a way can be gone; the error says what is missing and how to get it.
async fn way(
    flavor: Flavor,
    driver: Driver,
    any_flavor: bool,
    named: Option<&str>,
    absent: Absent,
) -> Result<Found, String> {
    match driver {
        Driver::Embedded => Ok(Found {
            flavor,
            driver,
            source: "in this process".to_owned(),
            because: "it needs nothing".to_owned(),
        }),
        Driver::Container => {
            let docker = engine::docker().await?;
            let (image, because) = image::ensure(&docker, flavor, named, absent).await?;
            Ok(Found {
                flavor,
                driver,
                source: image,
                because,
            })
        }
        Driver::Process if flavor == Flavor::Synapse => Ok(Found {
            flavor,
            driver,
            source: synapse_venv()?.display().to_string(),
            because: "a virtual environment with Synapse is there".to_owned(),
        }),
        Driver::Process => {
            let (path, is) = binary().await?;
            if is != flavor && !any_flavor {
                return Err(format!("{BINARY}={} is {is}, not {flavor}", path.display()));
            }
            Ok(Found {
                flavor: is,
                driver,
                source: path.display().to_string(),
                because: format!("{BINARY} names it"),
            })
        }
    }
}

/// The binary that `KNOCKPROOF_HOMESERVER_BIN` names, and which flavor it says it is.
async fn binary() -> Result<(PathBuf, Flavor), String> {
    let Some(path) = env::var_os(BINARY).filter(|value| !value.is_empty()).map(PathBuf::from) else {
        return Err(format!("{BINARY} names no binary"));
    };
    let shown = path.display();
    let mut command = Command::new(&path);
    command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    let output = match timeout(Duration::from_secs(10), command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(format!("{BINARY}={shown} cannot be run ({error})")),
        Err(_) => return Err(format!("{BINARY}={shown} --version does not end")),
    };
    let version = String::from_utf8_lossy(&output.stdout).to_lowercase();
    let flavor = flavor_of(&version).ok_or_else(|| {
        format!(
            "{BINARY}={shown} says '{}', which is none of conduwuit, continuwuity, tuwunel",
            version.trim()
        )
    })?;
    Ok((path, flavor))
}

/// The flavor named in the answer to `--version`.
fn flavor_of(version: &str) -> Option<Flavor> {
    [Flavor::Continuwuity, Flavor::Tuwunel, Flavor::Conduwuit]
        .into_iter()
        .find(|flavor| version.contains(flavor.name()))
}

/// The virtual environment with Synapse: the one named, else the one that `ci/test` prepares.
fn synapse_venv() -> Result<PathBuf, String> {
    if let Some(named) = env::var_os(SYNAPSE_VENV).filter(|value| !value.is_empty()) {
        let venv = PathBuf::from(named);
        if has_synapse(&venv) {
            return Ok(venv);
        }
        return Err(format!(
            "{SYNAPSE_VENV}={} holds no Synapse: install matrix-synapse there with its pip, or unset it",
            venv.display()
        ));
    }
    let prepared = workspace().join("target/knockproof/synapse-venv");
    if has_synapse(&prepared) {
        return Ok(prepared);
    }
    Err(format!(
        "no virtual environment with Synapse: run ci/test once, which prepares one, or name one with {SYNAPSE_VENV}"
    ))
}

/// The workspace this was built in.
fn workspace() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

fn has_synapse(venv: &Path) -> bool {
    venv.join("bin/python").exists() && venv.join("bin/synapse_homeserver").exists()
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn what_was_taken_and_what_was_not_is_one_line() {
        let found = Found {
            flavor: Flavor::Synapse,
            driver: Driver::Process,
            source: "/venv".to_owned(),
            because: "a virtual environment with Synapse is there".to_owned(),
        };
        let selection = found.explain(&["no Docker engine\nanswers".to_owned()]);
        assert_eq!(
            selection.why,
            "synapse (process, /venv): a virtual environment with Synapse is there; not taken: no Docker engine answers"
        );
    }
}
