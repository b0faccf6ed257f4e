use std::{
    collections::{BTreeMap, HashMap},
    env,
    io::{IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use futures_util::StreamExt as _;
use testcontainers::bollard::{
    Docker,
    errors::Error as DockerError,
    models::{CreateImageInfo, ImageInspect},
    query_parameters::{CreateImageOptionsBuilder, ListImagesOptionsBuilder},
};
use tokio::time::timeout;

use super::Flavor;
use crate::{cause::chain, images::public};

/// Names the image, instead of what is looked up.
const VARIABLE: &str = "KNOCKPROOF_IMAGE";
/// A registry that is reachable says something within this time; then no silence may be longer than [`SILENCE`].
const FIRST_WORD: Duration = Duration::from_secs(8);
const SILENCE: Duration = Duration::from_secs(60);

/// What `KNOCKPROOF_IMAGE` says.
pub(super) fn from_env() -> Option<String> {
    env::var(VARIABLE).ok().filter(|value| !value.trim().is_empty())
}

/// What becomes of an image that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// It is pulled.
    Pull,
    /// It is only said that it would be.
    Mention,
}

/// An image that is there.
pub(super) struct Image {
    /// As it is named to people and to the engine.
    pub(super) name: String,
    /// What names exactly this one, whatever becomes of its tag: a digest of its registry's, else its id on this machine.
    pub(super) exact: Option<String>,
    /// Why this one.
    pub(super) because: String,
}

/// The image for a flavor, made sure of: the named one, else the newest local one tagged `knockproof/FLAVOR`, else the public one.
pub(super) async fn ensure(
    docker: &Docker,
    flavor: Flavor,
    named: Option<&str>,
    absent: Absent,
) -> Result<Image, String> {
    if let Some(image) = named {
        return have(docker, image, "the named image", absent).await;
    }
    if let Some(image) = built_here(docker, flavor).await {
        return have(docker, &image, "an image built on this machine", absent).await;
    }
    let image = public(flavor).ok_or_else(|| format!("{flavor} has no image"))?;
    have(docker, image, "the public image", absent).await.map_err(|error| {
        format!("{error}, and no local image is tagged knockproof/{flavor}: tag one so, or name one with {VARIABLE}")
    })
}

/// Makes sure of an image that is no homeserver's.
pub(crate) async fn image_here(docker: &Docker, image: &str) -> Result<(), String> {
    have(docker, image, "the image", Absent::Pull).await.map(drop)
}

/// Makes sure of one image.
async fn have(docker: &Docker, image: &str, what: &str, absent: Absent) -> Result<Image, String> {
    let found = |inspected: Option<ImageInspect>, how: &str| Image {
        name: image.to_owned(),
        exact: inspected.and_then(exact),
        because: format!("{what} {how}"),
    };
    match docker.inspect_image(image).await {
        Ok(inspected) => return Ok(found(Some(inspected), "is there")),
        Err(DockerError::DockerResponseServerError { status_code: 404, .. }) => {}
        Err(error) => return Err(format!("image {image} cannot be looked at ({})", chain(&error))),
    }
    if absent == Absent::Mention {
        return Ok(found(None, "is not here and would be pulled"));
    }
    match pull(docker, image).await {
        Ok(()) => Ok(found(docker.inspect_image(image).await.ok(), "was pulled")),
        Err(error) => Err(format!("image {image} is not here and cannot be pulled ({error})")),
    }
}

fn exact(image: ImageInspect) -> Option<String> {
    image.repo_digests.unwrap_or_default().into_iter().next().or(image.id)
}

async fn built_here(docker: &Docker, flavor: Flavor) -> Option<String> {
    let reference = format!("knockproof/{flavor}");
    let filters = HashMap::from([("reference", vec![reference.as_str()])]);
    let options = ListImagesOptionsBuilder::new().filters(&filters).build();
    let images = docker.list_images(Some(options)).await.ok()?;
    let newest = images.into_iter().max_by_key(|image| image.created)?;
    newest.repo_tags.into_iter().find(|tag| tag.starts_with(&reference))
}

/// Pulls an image, telling on stderr how far it is.
async fn pull(docker: &Docker, image: &str) -> Result<(), String> {
    let options = CreateImageOptionsBuilder::new().from_image(image).build();
    let mut news = std::pin::pin!(docker.create_image(Some(options), None, None));
    let mut progress = Progress::new(image);
    let mut patience = FIRST_WORD;
    loop {
        match timeout(patience, news.next()).await {
            Ok(Some(Ok(info))) => progress.tell(&info),
            Ok(Some(Err(error))) => return Err(progress.end(Err(chain(&error)))),
            Ok(None) => {
                progress.end(Ok(()));
                return Ok(());
            }
            Err(_) => return Err(progress.end(Err(format!("no answer for {} s", patience.as_secs())))),
        }
        patience = SILENCE;
    }
}

/// Tells the progress of a pull: in place on a terminal, now and then in a log.
struct Progress<'a> {
    image: &'a str,
    layers: BTreeMap<String, (i64, i64)>,
    terminal: bool,
    told: Option<Instant>,
}

impl<'a> Progress<'a> {
    fn new(image: &'a str) -> Self {
        let progress = Self {
            image,
            layers: BTreeMap::new(),
            terminal: std::io::stderr().is_terminal(),
            told: None,
        };
        progress.say("pulling …");
        progress
    }

    fn tell(&mut self, info: &CreateImageInfo) {
        if let (Some(layer), Some(detail)) = (&info.id, &info.progress_detail)
            && let (Some(current), Some(total)) = (detail.current, detail.total)
        {
            self.layers.insert(layer.clone(), (current, total));
        }
        let pause = Duration::from_millis(if self.terminal { 200 } else { 5_000 });
        if self.told.is_some_and(|told| told.elapsed() < pause) {
            return;
        }
        self.told = Some(Instant::now());
        let (current, total) = self
            .layers
            .values()
            .fold((0, 0), |sum, layer| (sum.0 + layer.0, sum.1 + layer.1));
        self.say(&format!(
            "pulling … {} of {} MB",
            current / 1_000_000,
            total / 1_000_000
        ));
    }

    fn end(&self, result: Result<(), String>) -> String {
        let text = match &result {
            Ok(()) => "pulled".to_owned(),
            Err(error) => format!("not pulled: {error}"),
        };
        self.say(&text);
        if self.terminal {
            let _ = writeln!(std::io::stderr());
        }
        result.err().unwrap_or_default()
    }

    /// Progress is for people: that it cannot be shown stops nothing.
    fn say(&self, text: &str) {
        let mut stderr = std::io::stderr();
        let _ = if self.terminal {
            write!(stderr, "\r\u{1b}[Kimage {}: {text}", self.image)
        } else {
            writeln!(stderr, "image {}: {text}", self.image)
        };
        let _ = stderr.flush();
    }
}
