use std::path::{Component, Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Error, Words};

/// Where everything that runs keeps its temporary files: in a container, a directory of the harness's.
const TEMPORARY: &str = "/tmp";

/// How a bot in an image is run. Its container is on this machine's network, and gets the environment of the contract besides the image's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Container {
    /// What follows the image's entry point, instead of the image's own command. The words may have places to be filled in.
    pub arguments: Option<Words>,
    /// Where its data directory is inside the container: an absolute path, which `{data}` is then. Else it has the path that it has outside.
    pub data: Option<PathBuf>,
    /// Whether its root file system is read-only, and whether it has no capabilities and cannot gain privileges: as one wants it in production.
    pub hardened: bool,
    /// The most memory that it may take, in MiB.
    pub memory_mib: Option<u32>,
}

impl Container {
    /// Whether what stands here can be.
    pub(super) fn validated(&self) -> Result<(), Error> {
        if let Some(data) = self.data.as_ref().filter(|data| !is_place(data)) {
            let problem = format!(
                "{:?} is no place for a data directory; write an absolute path without `..`, which is neither / nor {TEMPORARY}",
                data.display()
            );
            return Err(Error::key("container.data", problem));
        }
        if self.arguments.as_ref().is_some_and(|words| words.0.is_empty()) {
            return Err(Error::key("container.arguments", "there is no word; leave it out"));
        }
        if self.memory_mib == Some(0) {
            return Err(Error::key("container.memory_mib", "nothing can live in 0 MiB"));
        }
        Ok(())
    }
}

fn is_place(data: &Path) -> bool {
    let mut parts = data.components();
    let is_absolute = parts.next() == Some(Component::RootDir);
    let below: Vec<Component<'_>> = parts.collect();
    let is_straight = below.iter().all(|part| matches!(part, Component::Normal(_)));
    is_absolute && is_straight && !below.is_empty() && data != Path::new(TEMPORARY)
}
