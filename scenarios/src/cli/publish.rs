//! Where `--report DIR` goes: the page, and beside it what programs read.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use harness::{
    progress::Stream,
    report::{Report, SCHEMA, VERSION},
};

use super::args::PageArgs;
use crate::{compare::Comparison, github, junit::junit, page::page};

/// The files of a report.
const PAGE: &str = "index.html";
const JSON: &str = "report.json";
const JUNIT: &str = "junit.xml";

/// A folder that can be written to, and what the run is compared with: both are looked at before the first drill.
pub(super) struct Publisher {
    folder: Option<PathBuf>,
    old: Option<Report>,
    opens: bool,
}

impl Publisher {
    /// # Errors
    /// In one line, why there can be no report, or nothing to compare with.
    pub(super) fn prepared(args: &PageArgs) -> Result<Self, String> {
        let old = args.compare.as_deref().map(read).transpose()?;
        if let Some(folder) = &args.report {
            let made = fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder).map(drop));
            made.map_err(|error| format!("the report cannot be written to {}: {error}", folder.display()))?;
        }
        Ok(Self {
            folder: args.report.clone(),
            old,
            opens: args.open,
        })
    }

    /// Whether timelines are wanted.
    pub(super) const fn is_wanted(&self) -> bool {
        self.folder.is_some()
    }

    /// Writes the files, tells the job of GitHub that this runs in, and opens the page where that is wished for.
    ///
    /// # Errors
    /// In one line, why a file could not be written, or the page not be opened.
    pub(super) fn publish(&self, report: &Report, stream: Stream) -> Result<(), String> {
        let told = github::tell(report);
        stream.write(&told.map_err(|error| format!("the summary of the job could not be written: {error}"))?);
        let Some(folder) = &self.folder else { return Ok(()) };
        let comparison = self.old.as_ref().map(|old| Comparison::of(old, report));
        let written = write(folder, report, comparison.as_ref());
        written.map_err(|error| format!("the report could not be written to {}: {error}", folder.display()))?;
        let page = folder.join(PAGE);
        stream.write(&format!("report: {}\n", page.display()));
        match self.opens {
            true => opener::open(&page).map_err(|error| format!("{} cannot be opened: {error}", page.display())),
            false => Ok(()),
        }
    }
}

fn write(folder: &Path, report: &Report, comparison: Option<&Comparison>) -> io::Result<()> {
    fs::write(folder.join(JSON), serde_json::to_vec(report)?)?;
    fs::write(folder.join(JUNIT), junit(report).map_err(io::Error::other)?)?;
    fs::write(folder.join(PAGE), page(report, comparison))
}

/// Reads the report of another run.
///
/// # Errors
/// In one line, with the file's name, why it is none.
pub(super) fn read(file: &Path) -> Result<Report, String> {
    let said = |error: &dyn std::error::Error| format!("{}: {error}", file.display());
    let text = fs::read(file).map_err(|error| said(&error))?;
    let json: serde_json::Value = serde_json::from_slice(&text).map_err(|error| said(&error))?;
    if json["schema"] != SCHEMA || json["version"] != VERSION {
        let what = format!("{} version {}", json["schema"], json["version"]);
        return Err(format!(
            "{}: it is no report of drills that this program reads ({SCHEMA} version {VERSION}), but {what}",
            file.display()
        ));
    }
    serde_json::from_value(json).map_err(|error| said(&error))
}
