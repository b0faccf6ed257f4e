use std::{path::PathBuf, time::Duration};

use super::{Choice, Driver, Flavor};
use crate::{run::RunId, secrets::Secrets};

/// What kind of homeserver a world wants.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which homeserver.
    pub choice: Choice,
    /// The run that everything made is marked with.
    pub run: RunId,
    /// The part of user ids behind the colon; default `knockproof.test`.
    pub server_name: String,
    /// The image of a container, instead of `KNOCKPROOF_IMAGE` and the flavor's defaults.
    pub image: Option<String>,
    /// Where the log goes, as `homeserver.log`, with secrets masked. Made when absent, never removed.
    pub folder: PathBuf,
    /// What is masked there; the server's own secrets are added.
    pub secrets: Secrets,
    /// Leaves the server's own rate limits on. Off by default: a test is faster than any person.
    pub rate_limits: bool,
    /// Whose dialect the embedded homeserver speaks; conduwuit's by default. Other flavors have no choice.
    pub dialect: Option<Flavor>,
    /// How long the server may take until it answers.
    pub start_deadline: Duration,
    /// More settings of the flavor: for the conduwuit family the lower-case name of a `CONDUWUIT_*` variable, for Synapse a key of
    /// `homeserver.yaml` with its value in JSON. They win over the harness's own.
    pub settings: Vec<(String, String)>,
}

impl Options {
    /// The defaults, for a choice and a folder for the log.
    pub fn new(choice: Choice, folder: impl Into<PathBuf>) -> Self {
        Self {
            choice,
            run: RunId::current(),
            server_name: "knockproof.test".to_owned(),
            image: None,
            folder: folder.into(),
            secrets: Secrets::default(),
            rate_limits: false,
            dialect: None,
            start_deadline: Duration::from_secs(90),
            settings: Vec::new(),
        }
    }
}

/// What [`choose`](super::choose) would start, and why.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Which implementation.
    pub flavor: Flavor,
    /// How it is run.
    pub driver: Driver,
    /// What is run: an image, a binary or a virtual environment.
    pub source: String,
    /// What names exactly this image, whatever becomes of its tag: a digest, or its id on this machine. Of containers only.
    pub exact: Option<String>,
    /// One line for people: what was taken and why, for example
    /// `synapse (process, /…/synapse-venv): no Docker engine answers, KNOCKPROOF_HOMESERVER_BIN is not set`.
    pub why: String,
}
