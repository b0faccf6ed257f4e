//! The folder of a device's store, and its name.

use std::{fs, os::unix::fs::DirBuilderExt, path::Path};

use matrix_sdk::ruma::{DeviceId, OwnedDeviceId};

use crate::vault::VaultError;

/// Makes a folder that only its owner may look into.
pub(super) fn make(folder: &Path) -> Result<(), VaultError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| VaultError::new("make", folder, error))
}

/// The folder's name: the device id. Device ids are opaque, and what could be special in a path is written as `%XX`.
pub(super) fn name(device: &DeviceId) -> String {
    device.as_str().bytes().map(safe).collect()
}

/// The device whose folder it is. What stands behind a dot in its name is not the device's.
pub(super) fn device(folder: &Path) -> OwnedDeviceId {
    let name = file_name(folder);
    let mut rest = name.split('.').next().unwrap_or_default().as_bytes();
    let mut bytes = Vec::new();
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%').then(|| tail.split_at_checked(2)).flatten();
        let byte = escaped.and_then(|(hex, tail)| Some((from_hex(hex)?, tail)));
        let (byte, tail) = byte.unwrap_or((*first, tail));
        bytes.push(byte);
        rest = tail;
    }
    OwnedDeviceId::from(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last part of a path.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn safe(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

fn from_hex(hex: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_folder_names_its_device_and_leads_nowhere_else(id in "\\PC{1,40}") {
            let name = name((&*id).into());
            prop_assert!(!name.contains(['/', '.']));
            prop_assert_eq!(device(&Path::new("crypto").join(&name)), &*id);
            prop_assert_eq!(device(&Path::new("crypto").join(format!("{name}.second"))), &*id);
        }
    }

    #[test]
    fn a_name_that_this_program_did_not_make_is_taken_as_it_is() {
        assert_eq!(device(Path::new("crypto/100%")), "100%");
        assert_eq!(device(Path::new("crypto/%zz")), "%zz");
    }
}
