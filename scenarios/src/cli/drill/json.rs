//! Where the report goes for programs.

use std::{
    fs::{self, File},
    io::{self, Seek as _, Write as _, stdout},
    path::{Path, PathBuf},
};

use harness::report::Report;

/// Whether standard output is wished for.
pub(super) fn is_stdout(path: Option<&Path>) -> bool {
    path == Some(Path::new("-"))
}

/// The place for the JSON, opened before the first drill.
pub(super) enum Sink {
    Nowhere,
    Stdout,
    File {
        path: PathBuf,
        file: File,
        /// It was not there before.
        is_new: bool,
    },
}

impl Sink {
    /// # Errors
    /// In one line, why the file cannot be written. What is in it stays until the report is there.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, String> {
        match path {
            None => Ok(Self::Nowhere),
            path if is_stdout(path) => Ok(Self::Stdout),
            Some(path) => {
                let is_new = !path.exists();
                let file = File::options().create(true).write(true).truncate(false).open(path);
                let file =
                    file.map_err(|error| format!("the report cannot be written to {}: {error}", path.display()))?;
                let path = path.to_owned();
                Ok(Self::File { path, file, is_new })
            }
        }
    }

    /// There will be no report.
    pub(super) fn forsake(self) {
        if let Self::File { path, is_new: true, .. } = self {
            // An empty file that stays says as little.
            let _ = fs::remove_file(path);
        }
    }

    /// # Errors
    /// In one line, why it could not be written.
    pub(super) fn write(self, report: &Report) -> Result<(), String> {
        let json = || serde_json::to_vec_pretty(report).map_err(io::Error::from);
        let (written, place) = match self {
            Self::Nowhere => return Ok(()),
            Self::Stdout => {
                let written = json().and_then(|json| {
                    let mut out = stdout().lock();
                    out.write_all(&json)?;
                    out.write_all(b"\n")?;
                    out.flush()
                });
                (written, "standard output".to_owned())
            }
            Self::File { path, mut file, .. } => {
                let written = json().and_then(|json| {
                    file.set_len(0)?;
                    file.rewind()?;
                    file.write_all(&json)
                });
                (written, path.display().to_string())
            }
        };
        written.map_err(|error| format!("the report could not be written to {place}: {error}"))
    }
}
