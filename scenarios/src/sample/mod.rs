//! Records for tests.

use harness::{
    fault::Moment,
    plan::Drill,
    report::{Record, Verdict},
};

/// Of a drill with a fault of that name.
pub(crate) fn record(fault: &str, verdict: Verdict) -> Record {
    let drill = Drill {
        seed: 7,
        ..Drill::plain("ping").broken(fault, Moment::AtBoot).on("embedded")
    };
    Record::of(&drill, verdict)
}

pub(crate) fn failed(why: &str) -> Verdict {
    Verdict::Failed { why: why.to_owned() }
}

pub(crate) fn not_run(why: &str) -> Verdict {
    Verdict::NotRun { why: why.to_owned() }
}
