//! What the bot keeps is lost.

use std::fs;

use super::{Expectation, Fault, Fired, Moment, Need, NewDevice, Reach, Result, acts};
use crate::world::World;

pub(super) fn faults() -> [Fault; 3] {
    let fault = |name, summary| {
        Fault::new(name, summary, &[Moment::AtBoot])
            .needing(&[Need::PasswordLogin, Need::CryptoStore])
            .expecting(|_| Expectation::one_login(NewDevice::Must))
    };
    [
        fault("crypto-store-lost", "what the bot keeps its keys in is gone")
            .reaching(Reach::Accounts)
            .injected(|world| Box::pin(async { Ok(Fired::with(acts::lose_stores(world)?)) })),
        fault(
            "data-directory-lost",
            "the data directory is gone, except the password and the recovery key",
        )
        .injected(|world| Box::pin(async { acts::lose_data(world) })),
        fault(
            "recovery-key-gone",
            "the recovery key is gone for good, and the homeserver has lost the device's keys; the old store has what both would bring back",
        )
        .needing(&[Need::RecoveryKey])
        .reaching(Reach::Accounts)
        .injected(|world| Box::pin(async { recovery_key_gone(world) })),
    ]
}

fn recovery_key_gone(world: &World) -> Result<Fired> {
    let account = world.account();
    let key = account.kept(account.state().recovery_key.as_ref());
    fs::remove_file(key.ok_or("the contract names no file for the recovery key")?)?;
    let bend = acts::lose_device_keys(world);
    Ok(Fired::with("the recovery key is gone").bending(bend))
}
