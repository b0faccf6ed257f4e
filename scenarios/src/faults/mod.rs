//! The faults that only knock-approver can have: they break what its contract does not name, or come in the middle of what only it does.

mod acts;
mod answers;
mod instant;
mod old_approver;
mod rival;
mod store;
mod suspended;
mod vault;

use harness::fault::Faults;

/// The faults of the harness, and those of knock-approver.
pub fn all() -> Faults {
    let mut all = Faults::standard();
    all.extend(answers::faults());
    all.extend(rival::faults());
    all.extend(store::faults());
    all.extend(vault::faults());
    all.extend(suspended::faults());
    all.extend(instant::faults());
    all
}
