//! Which homeserver is asked, and the answers of a whole area.

use std::{fmt, fs, fs::File, path::PathBuf};

use harness::{
    homeserver::{self, Choice, Chosen, Driver, Flavor, Options},
    run::RunId,
};
use scenarios::conformance::{
    Area, Recording, SERVER_NAME,
    endpoints::{Replies, ask_all},
    probe,
};

/// One side of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arm {
    /// A real homeserver, which is held to its own recording.
    Real { flavor: Flavor, driver: Option<Driver> },
    /// The embedded homeserver, which is held to the recording of the flavor whose dialect it speaks.
    Embedded { dialect: Flavor },
}

impl Arm {
    /// The embedded homeserver in every dialect that it has.
    pub(crate) const DIALECTS: [Self; 3] = [
        Self::Embedded {
            dialect: Flavor::Conduwuit,
        },
        Self::Embedded {
            dialect: Flavor::Continuwuity,
        },
        Self::Embedded {
            dialect: Flavor::Synapse,
        },
    ];

    /// Whose recording it is held to.
    pub(crate) fn flavor(self) -> Flavor {
        match self {
            Self::Real { flavor, .. } | Self::Embedded { dialect: flavor } => flavor,
        }
    }

    /// The answers of an area, asked once a run whichever process comes first.
    pub(crate) fn recording(self, area: Area) -> Result<Recording, Box<dyn std::error::Error>> {
        let folder = folder();
        fs::create_dir_all(&folder)?;
        let name = format!("{self}-{}", area.name).replace("::", "-");
        let answers = folder.join(format!("{name}.json"));
        let lock = File::create(folder.join(format!("{name}.lock")))?;
        lock.lock()?;
        if answers.exists() {
            return Ok(Recording::read(&answers)?);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let recording = runtime.block_on(self.ask(area, folder.join(name)))?;
        recording.write(&answers)?;
        Ok(recording)
    }

    /// The answers to the steps that are made from the list of endpoints, asked once a run.
    pub(crate) fn replies(self) -> Result<Replies, Box<dyn std::error::Error>> {
        let folder = folder();
        fs::create_dir_all(&folder)?;
        let name = format!("{self}-endpoints").replace("::", "-");
        let answers = folder.join(format!("{name}.json"));
        let lock = File::create(folder.join(format!("{name}.lock")))?;
        lock.lock()?;
        if answers.exists() {
            return Ok(serde_json::from_slice(&fs::read(&answers)?)?);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let replies = runtime.block_on(async {
            let chosen = self.start(folder.join(name)).await?;
            Ok::<_, Box<dyn std::error::Error>>(ask_all(chosen.homeserver.as_ref()).await?)
        })?;
        fs::write(&answers, serde_json::to_vec(&replies)?)?;
        Ok(replies)
    }

    async fn ask(self, area: Area, folder: PathBuf) -> Result<Recording, Box<dyn std::error::Error>> {
        let chosen = self.start(folder).await?;
        Ok(probe(&area, chosen.homeserver.as_ref()).await?)
    }

    async fn start(self, folder: PathBuf) -> Result<Chosen, Box<dyn std::error::Error>> {
        let mut options = Options::new(self.choice(), folder);
        options.server_name = SERVER_NAME.to_owned();
        if let Self::Embedded { dialect } = self {
            options.dialect = Some(dialect);
        }
        Ok(homeserver::start(options).await?)
    }

    fn choice(self) -> Choice {
        match self {
            Self::Real {
                flavor,
                driver: Some(driver),
            } => Choice::Exactly(flavor, driver),
            Self::Real { flavor, driver: None } => Choice::Flavor(flavor),
            Self::Embedded { .. } => Choice::Flavor(Flavor::Embedded),
        }
    }
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Real { flavor, .. } => write!(f, "real::{flavor}"),
            Self::Embedded { dialect } => write!(f, "embedded::{dialect}"),
        }
    }
}

/// Where this run keeps its answers. Outside of nextest every process is a run of its own.
fn folder() -> PathBuf {
    let target = option_env!("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
    target.join("conformance").join(RunId::current().as_str())
}
