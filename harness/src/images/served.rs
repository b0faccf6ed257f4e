use std::{borrow::Cow, fmt, path::Path};

use testcontainers::{
    CopyToContainer, Image,
    core::{ContainerPort, Mount, WaitFor},
};

use super::PORT;
use crate::homeserver::{Flavor, Options, configured};

/// The port inside the container.
pub(super) const INNER_PORT: u16 = 8008;
/// Where images keep what must outlive the container.
const SYNAPSE_DATA: &str = "/data";
const CONDUWUIT_DATA: &str = "/var/lib/conduwuit";

/// What all images of homeservers are: a name, with a configuration and what is said when it serves.
#[derive(Clone)]
pub(crate) struct Served {
    name: String,
    tag: String,
    says: &'static str,
    data: &'static str,
    environment: Vec<(String, String)>,
    mounts: Vec<Mount>,
    files: Vec<CopyToContainer>,
    shared_secret: String,
}

impl Served {
    /// A server of the conduwuit family.
    pub(crate) fn conduwuit(flavor: Flavor, options: &Options, registration_token: &str) -> Self {
        let place = configured::Place {
            database: CONDUWUIT_DATA,
            address: "0.0.0.0",
            port: INNER_PORT,
        };
        let environment = configured::environment(options, &place, registration_token);
        Self::of(flavor, "Listening on", CONDUWUIT_DATA, environment)
    }

    /// A Synapse.
    pub(crate) fn synapse(options: &Options) -> Self {
        let paths = configured::Paths {
            data: Path::new(SYNAPSE_DATA),
            address: "0.0.0.0",
            port: INNER_PORT,
        };
        let config = configured::Config::new(options, &paths);
        let files = config.files(paths.data).into_iter();
        let environment = vec![("PYTHONUNBUFFERED".to_owned(), "1".to_owned())];
        Self {
            files: files
                .map(|(path, text)| CopyToContainer::new(text.into_bytes(), path))
                .collect(),
            shared_secret: config.shared_secret,
            ..Self::of(Flavor::Synapse, "now listening on TCP port", SYNAPSE_DATA, environment)
        }
    }

    fn of(flavor: Flavor, says: &'static str, data: &'static str, environment: Vec<(String, String)>) -> Self {
        let (name, tag) = split(public(flavor).unwrap_or(flavor.name()));
        Self {
            name: name.to_owned(),
            tag: tag.to_owned(),
            says,
            data,
            environment,
            mounts: Vec::new(),
            files: Vec::new(),
            shared_secret: String::new(),
        }
    }

    /// With a volume for its data that goes with the container: the program makes no folder where the image has none.
    pub(super) fn with_a_volume(mut self) -> Self {
        self.mounts.push(Mount::volume_mount("", self.data));
        self
    }

    /// The same server from another image.
    pub(crate) fn in_image(mut self, image: &str) -> Self {
        let (name, tag) = split(image);
        (self.name, self.tag) = (name.to_owned(), tag.to_owned());
        self
    }

    /// The image as the engine knows it.
    pub(crate) fn image(&self) -> String {
        format!("{}:{}", self.name, self.tag)
    }

    /// The folder that must outlive the container.
    pub(crate) fn data(&self) -> &'static str {
        self.data
    }

    pub(crate) fn shared_secret(&self) -> &str {
        &self.shared_secret
    }
}

impl fmt::Debug for Served {
    /// Without the configuration, which holds secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.image())
    }
}

impl Image for Served {
    fn name(&self) -> &str {
        &self.name
    }

    fn tag(&self) -> &str {
        &self.tag
    }

    fn ready_conditions(&self) -> Vec<WaitFor> {
        vec![WaitFor::message_on_either_std(self.says)]
    }

    fn env_vars(&self) -> impl IntoIterator<Item = (impl Into<Cow<'_, str>>, impl Into<Cow<'_, str>>)> {
        self.environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn mounts(&self) -> impl IntoIterator<Item = &Mount> {
        &self.mounts
    }

    fn copy_to_sources(&self) -> impl IntoIterator<Item = &CopyToContainer> {
        &self.files
    }

    fn expose_ports(&self) -> &[ContainerPort] {
        &[PORT]
    }
}

/// The public image of a flavor.
pub(crate) const fn public(flavor: Flavor) -> Option<&'static str> {
    match flavor {
        Flavor::Conduwuit => Some("girlbossceo/conduwuit:latest"),
        Flavor::Continuwuity => Some("forgejo.ellis.link/continuwuation/continuwuity:latest"),
        Flavor::Tuwunel => Some("jevolk/tuwunel:latest"),
        Flavor::Synapse => Some("matrixdotorg/synapse:latest"),
        Flavor::Embedded => None,
    }
}

/// Splits `registry:5000/name:tag`; without a tag it is `latest`. testcontainers puts a colon between the two again, so a digest is split
/// at its own.
fn split(image: &str) -> (&str, &str) {
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("knockproof/synapse:1.2", ("knockproof/synapse", "1.2"))]
    #[case("girlbossceo/conduwuit", ("girlbossceo/conduwuit", "latest"))]
    #[case("localhost:5000/conduwuit", ("localhost:5000/conduwuit", "latest"))]
    #[case("localhost:5000/conduwuit:v1", ("localhost:5000/conduwuit", "v1"))]
    #[case("localhost:5000/conduwuit@sha256:0a1b", ("localhost:5000/conduwuit@sha256", "0a1b"))]
    #[case("sha256:0a1b", ("sha256", "0a1b"))]
    fn an_image_is_split_at_its_tag(#[case] image: &str, #[case] parts: (&str, &str)) {
        assert_eq!(split(image), parts);
    }
}
