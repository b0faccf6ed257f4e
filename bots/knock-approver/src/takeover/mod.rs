//! What the old approver left for its identities: a session, and room keys.

mod old_escrow;

use std::{fs, io, path::PathBuf};

use matrix_sdk::ruma::OwnedDeviceId;
use session_keeper::{
    secret::Secret,
    vault::{FirstSession, ForeignKeys, Predecessor, VaultError},
};

use crate::config::{IdentityConfig, Role};

/// The old approver's files of one identity: `<stem>_token`, `<stem>_device_id` and, of the approver alone, the escrow.
/// They are read and never written.
#[derive(Debug)]
pub struct OldApprover {
    role: Role,
    data_dir: PathBuf,
}

impl OldApprover {
    /// What it may have left of this identity.
    pub fn of(config: &IdentityConfig) -> Self {
        Self {
            role: config.role,
            data_dir: config.data_dir.clone(),
        }
    }

    /// A file that cannot be read is passed over: it is only a hint, and others come after it.
    fn line(&self, name: &str) -> Option<String> {
        let path = self.data_dir.join(format!("{}_{name}", self.role.file_stem()));
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(path = %path.display(), %error, "a file of the old approver is passed over");
                }
                return None;
            }
        };
        let line = text.trim_start_matches('\u{feff}').trim();
        (!line.is_empty()).then(|| line.to_owned())
    }
}

impl Predecessor for OldApprover {
    fn session(&self) -> Result<Option<FirstSession>, VaultError> {
        let device = self.line("device_id").map(OwnedDeviceId::from);
        let first = FirstSession::new(device, self.line("token").map(Secret::new));
        Ok((first != FirstSession::default()).then_some(first))
    }

    fn room_keys(&self) -> Result<Option<ForeignKeys>, String> {
        if self.role != Role::Approver {
            return Ok(None);
        }
        let path = self.data_dir.join(old_escrow::FILE);
        old_escrow::read(&path).map_err(|reason| format!("{} cannot be read: {reason}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn old(role: Role, files: &[(&str, &str)]) -> (TempDir, OldApprover) {
        let data = TempDir::new().unwrap();
        for (name, content) in files {
            fs::write(data.path().join(name), content).unwrap();
        }
        let data_dir = data.path().to_owned();
        (data, OldApprover { role, data_dir })
    }

    const FILES: [(&str, &str); 3] = [
        ("shape_rotator_2_token", "old-token\n"),
        ("shape_rotator_2_device_id", "OLD\n"),
        (old_escrow::FILE, "[{}]"),
    ];

    #[test]
    fn token_and_device_are_the_first_session_and_stay_as_they_are() {
        let (data, old) = old(Role::Approver, &FILES);
        let session = old.session().unwrap().unwrap();
        assert_eq!(session.device.unwrap(), "OLD");
        assert_eq!(session.token.unwrap().expose(), "old-token");
        for (name, content) in FILES {
            assert_eq!(fs::read_to_string(data.path().join(name)).unwrap(), content);
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_passed_over() {
        let (data, old) = old(Role::Approver, &FILES[..1]);
        let device = data.path().join("shape_rotator_2_device_id");
        fs::write(&device, b"\xFF\xFE\xFD").unwrap();
        assert_eq!(old.session().unwrap().unwrap().device, None);
        fs::remove_file(&device).unwrap();
        fs::create_dir(&device).unwrap();
        assert_eq!(old.session().unwrap().unwrap().token.unwrap().expose(), "old-token");
    }

    #[test]
    fn each_identity_has_files_of_its_own() {
        let (_data, old) = old(Role::Onboarding, &FILES);
        assert_eq!(old.session().unwrap(), None);
        assert!(old.room_keys().unwrap().is_none());
    }

    #[test]
    fn empty_files_are_no_session() {
        let (_data, old) = old(Role::Approver, &[("shape_rotator_2_token", " \n")]);
        assert_eq!(old.session().unwrap(), None);
    }

    #[test]
    fn room_keys_of_which_none_can_be_read_are_complained_about_with_their_file() {
        let (_data, old) = old(Role::Approver, &FILES);
        let reason = old.room_keys().unwrap_err();
        assert!(
            reason.contains(old_escrow::FILE) && reason.contains("none of its 1 entries"),
            "{reason}"
        );
    }
}
