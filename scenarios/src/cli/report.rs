//! `knockproof report`.

use std::path::PathBuf;

use harness::{progress::Stream, report::Report};

use super::{
    Exit,
    args::{MergeArgs, ReportCommand},
    publish::{Publisher, read},
    refuse,
};
use crate::{
    libraries::{self, Column},
    shards,
};

pub(super) fn run(command: &ReportCommand) -> Exit {
    match command {
        ReportCommand::Merge(args) => merge(args),
        ReportCommand::Libraries { files } => match columns(files) {
            Ok(columns) => {
                Stream::Out.write(&libraries::table(&columns));
                Exit::Passed
            }
            Err(why) => refuse(&why),
        },
    }
}

fn columns(files: &[PathBuf]) -> Result<Vec<Column>, String> {
    let column = |file: &PathBuf| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let report = read(file)?;
        Ok(Column { name, report })
    };
    files.iter().map(column).collect()
}

fn merge(args: &MergeArgs) -> Exit {
    match merged(args) {
        Ok(report) => {
            let summary = &report.summary;
            Stream::Out.write(&format!(
                "{} passed, {} failed, {} not run; seed {}\n",
                summary.passed, summary.failed, summary.not_run, report.seed
            ));
            Exit::of(&report)
        }
        Err(why) => refuse(&why),
    }
}

fn merged(args: &MergeArgs) -> Result<Report, String> {
    let publisher = Publisher::prepared(&args.page)?;
    let parts: Vec<Report> = args.files.iter().map(|file| read(file)).collect::<Result<_, _>>()?;
    let report = shards::merge(parts).map_err(|error| error.to_string())?;
    publisher.publish(&report, Stream::Out)?;
    Ok(report)
}
