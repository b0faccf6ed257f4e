//! What the bot wrote into the file system of its container, outside its own directories.

use futures_util::TryStreamExt as _;
use testcontainers::bollard::{Docker, models::ChangeType, query_parameters::DownloadFromContainerOptionsBuilder};

use crate::cause::chain;

/// A file in an archive stands behind a header of this length, which has the file's length in octal digits, and what kind of file it is.
const HEADER: usize = 512;
const LENGTH: std::ops::Range<usize> = 124..136;
const KIND: usize = 156;
/// The kinds of an ordinary file.
const ORDINARY: [u8; 2] = [b'0', 0];

/// The files that are new or changed in a container, by their path in it, as texts. What cannot be read is passed over, and said.
pub(super) async fn written(docker: &Docker, container: &str) -> Vec<(String, String)> {
    let changes = docker.container_changes(container).await;
    let changes = changes.unwrap_or_else(|error| {
        tracing::warn!(
            container,
            error = chain(&error),
            "what the bot wrote into its container is not searched"
        );
        None
    });
    let mut written = Vec::new();
    for change in changes
        .into_iter()
        .flatten()
        .filter(|change| change.kind != ChangeType::_2)
    {
        match file(docker, container, &change.path).await {
            Ok(Some(text)) => written.push((change.path.trim_start_matches('/').to_owned(), text)),
            Ok(None) => {}
            Err(reason) => tracing::debug!(container, path = change.path, reason, "it cannot be read"),
        }
    }
    written
}

/// A file of a container's; none where it is no ordinary one.
///
/// # Errors
///
/// When there is no such file.
pub(super) async fn file(docker: &Docker, container: &str, path: &str) -> Result<Option<String>, String> {
    let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
    let archive = docker.download_from_container(container, Some(options));
    let parts = archive.try_collect::<Vec<_>>().await;
    let archive = parts.map_err(|error| chain(&error))?.concat();
    Ok(file_in(&archive))
}

/// The first file of an archive.
fn file_in(archive: &[u8]) -> Option<String> {
    if !ORDINARY.contains(archive.get(KIND)?) {
        return None;
    }
    let length = std::str::from_utf8(archive.get(LENGTH)?).ok()?;
    let length = usize::from_str_radix(length.trim_matches(['\0', ' ']), 8).ok()?;
    let text = archive.get(HEADER..HEADER.checked_add(length)?)?;
    Some(String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_an_archive_stands_behind_its_header() {
        let text = "root:x:0:0::/:\n";
        let mut archive = vec![0; HEADER];
        archive[LENGTH].copy_from_slice(format!("{:011o}\0", text.len()).as_bytes());
        archive.extend(text.as_bytes());
        archive.extend([0; 100]);
        assert_eq!(file_in(&archive).as_deref(), Some(text));
        assert_eq!(file_in(&archive[..HEADER + 3]), None);
        assert_eq!(file_in(b"no archive"), None);
        // A folder.
        archive[KIND] = b'5';
        assert_eq!(file_in(&archive), None);
    }
}
