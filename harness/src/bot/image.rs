use std::path::{Path, PathBuf};

use super::{Error, Result};
use crate::{
    contract::{Contract, Template},
    homeserver::image_here,
    run::engine,
};

/// A bot in a container image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotImage {
    /// What the engine knows the image by.
    pub name: String,
    /// What follows its entry point, with places to be filled in; where there is nothing, the image's own command does.
    pub arguments: Vec<Template>,
    /// Where its data directory is inside.
    pub(super) data: Option<PathBuf>,
    pub(super) hardened: bool,
    pub(super) memory_mib: Option<u32>,
}

impl BotImage {
    /// An image, run as the contract says that the bot's container is.
    pub(super) fn of(contract: &Contract, name: String) -> Self {
        let container = &contract.container;
        Self {
            name,
            arguments: container
                .arguments
                .as_ref()
                .map_or_else(Vec::new, |words| words.0.clone()),
            data: container.data.clone(),
            hardened: container.hardened,
            memory_mib: container.memory_mib,
        }
    }

    /// Makes sure of it: one that is not on this machine is pulled.
    ///
    /// # Errors
    ///
    /// [`Error::Image`] where no engine answers, or the image is neither here nor to be had.
    pub async fn ensure(&self) -> Result<()> {
        let docker = engine::docker().await.map_err(|reason| self.refused(reason))?;
        image_here(&docker, &self.name)
            .await
            .map_err(|reason| self.refused(reason))
    }

    pub(super) fn refused(&self, reason: impl Into<String>) -> Error {
        Error::Image {
            image: self.name.clone(),
            reason: reason.into(),
        }
    }

    /// Where the bot sees its data directory.
    pub(super) fn sees(&self, data: &Path) -> PathBuf {
        self.data.clone().unwrap_or_else(|| data.to_owned())
    }
}
