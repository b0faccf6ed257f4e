//! Things broken on purpose, one noun each.
//!
//! A [`Fault`] says what it breaks, when that makes sense and what the bot is expected to make of it; [`Fault::inject`] breaks it and
//! answers [`Fired`], the evidence that it really did. Adding one is one small file and one line in [`all`].

mod acts;
mod answers;
mod barred;
mod device;
mod env_token;
mod expectation;
mod fired;
mod instant;
mod old_approver;
mod outage;
mod password;
mod rival;
mod store;
mod unhealable;
mod vault;

pub use expectation::{Expectation, Logins, Moment, Need, NewDevice, Outcome};
pub use fired::Fired;

use async_trait::async_trait;

use crate::world::World;

/// Shorthand for what faults do inside: any error, said in words.
pub type Anyhow<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// One thing broken on purpose.
#[async_trait]
pub trait Fault: Send + Sync {
    /// Its name: on the command line, in output and in file names.
    fn name(&self) -> &'static str;

    /// What it breaks, in one line.
    fn summary(&self) -> &'static str;

    /// When it makes sense.
    fn moments(&self) -> &'static [Moment];

    /// What it needs of a world.
    fn needs(&self) -> &'static [Need] {
        &[]
    }

    /// What the bot is expected to make of it at that moment.
    fn expectation(&self, moment: Moment) -> Expectation;

    /// Breaks it. The bot is stopped or runs, as the moment says.
    async fn inject(&self, world: &mut World) -> Anyhow<Fired>;

    /// Does what an operator must do where the bot cannot heal alone.
    async fn cure(&self, _world: &mut World) -> Anyhow<()> {
        Ok(())
    }
}

/// Every fault, in the order in which they are listed to people.
pub fn all() -> Vec<Box<dyn Fault>> {
    let mut all: Vec<Box<dyn Fault>> = vec![
        Box::new(env_token::Clobbered),
        Box::new(env_token::Empty),
        Box::new(env_token::OfAnotherUser),
        Box::new(password::ChangedByUser),
        Box::new(password::ResetByOperator),
        Box::new(password::ResetAndWrittenLate),
        Box::new(device::Deleted),
        Box::new(device::AllDeleted),
        Box::new(device::DeletedWithNewToken),
        Box::new(device::KeysLost),
        Box::new(device::Refused),
        Box::new(rival::TookOver),
        Box::new(rival::LoggedIn),
        Box::new(rival::Contested),
        Box::new(store::CryptoLost),
        Box::new(store::LostAgain),
        Box::new(store::Damaged),
        Box::new(store::LostWithoutPassword),
        Box::new(store::LostWithWrongPassword),
        Box::new(store::DataLost),
        Box::new(store::DataLostDeviceStays),
        Box::new(vault::SessionOfAnother),
        Box::new(vault::OldApprover),
        Box::new(vault::DatabaseLost),
        Box::new(vault::RecoveryKeyLost),
        Box::new(vault::RecoveryKeyGone),
        Box::new(vault::EscrowUnreadable),
    ];
    all.extend(boxed(outage::Outage::ALL));
    all.push(Box::new(unhealable::NoPassword));
    all.push(Box::new(unhealable::WrongPassword));
    all.push(Box::new(unhealable::Deactivated));
    all.push(Box::new(barred::Locked::default()));
    all.push(Box::new(barred::Suspended::default()));
    all.push(Box::new(barred::LoginOfAnother::default()));
    all.extend(boxed(answers::Misleading::ALL));
    all.push(Box::new(answers::WhoamiOfAnother));
    all.push(Box::new(answers::FalseAlarm));
    all.push(Box::new(answers::KilledAfterLogin));
    all.push(Box::new(answers::Killed));
    all.extend(boxed(instant::KilledAfter::ALL));
    all
}

fn boxed<const N: usize, F: Fault + 'static>(faults: [F; N]) -> impl Iterator<Item = Box<dyn Fault>> {
    faults.into_iter().map(|fault| Box::new(fault) as Box<dyn Fault>)
}

/// The fault of a name.
pub fn named(name: &str) -> Option<Box<dyn Fault>> {
    all().into_iter().find(|fault| fault.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_fault_has_a_name_of_its_own_and_a_moment() {
        let names: HashSet<&str> = all().iter().map(|fault| fault.name()).collect();
        assert_eq!(names.len(), all().len());
        for fault in all() {
            assert!(!fault.moments().is_empty(), "{} has no moment", fault.name());
            assert!(named(fault.name()).is_some());
        }
    }
}
