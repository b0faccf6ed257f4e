//! Judges one step.

use std::{fs, path::PathBuf};

use libtest_mimic::Failed;
use scenarios::conformance::{Answer, Area, Recording, Step, compare};

use super::arm::Arm;

/// Compares what the arm answered to a step with the recording.
pub(crate) fn judge(arm: Arm, area: Area, step: &Step) -> Result<(), Failed> {
    let recording = arm.recording(area).map_err(|error| error.to_string())?;
    let given = answer(&recording, step)?;
    match arm {
        Arm::Real { .. } => {
            assert_recorded(arm, area, step, given);
            Ok(())
        }
        Arm::Embedded { dialect } => {
            let name = format!("{}/{}", area.name, step.name());
            match compare(&name, step.switch(), dialect, &recorded(arm, area, step)?, given) {
                None => Ok(()),
                Some(difference) => Err(difference.to_string().into()),
            }
        }
    }
}

fn answer<'a>(recording: &'a Recording, step: &Step) -> Result<&'a Answer, Failed> {
    recording.answers.get(step.name()).ok_or_else(|| {
        let why = recording
            .stopped
            .as_deref()
            .unwrap_or("the probe does not have this step");
        format!("not asked: {why}").into()
    })
}

/// A real server is held to its snapshot, as `insta` does it.
fn assert_recorded(arm: Arm, area: Area, step: &Step, given: &Answer) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(recordings(arm, area));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_json_snapshot!(step.name(), given));
}

/// The recording of a step, read from its snapshot.
fn recorded(arm: Arm, area: Area, step: &Step) -> Result<Answer, Failed> {
    let path = recordings(arm, area).join(format!("{}.snap", step.name()));
    let text = fs::read_to_string(&path)
        .map_err(|error| format!("{} has no recording of this step: {error}", arm.flavor()))?;
    let body = text
        .splitn(3, "---")
        .nth(2)
        .ok_or_else(|| format!("{} is no snapshot", path.display()))?;
    serde_json::from_str(body).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn recordings(arm: Arm, area: Area) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("recordings")
        .join(arm.flavor().name())
        .join(area.name)
}
