//! The files of an account.

use session_keeper::vault::{DataDirLock, LockError};
use tempfile::TempDir;

#[test]
fn a_data_directory_has_one_user_at_a_time() {
    let data = TempDir::new().unwrap();
    let first = DataDirLock::acquire(data.path()).unwrap();
    let error = DataDirLock::acquire(data.path()).unwrap_err();
    assert!(matches!(error, LockError::Taken(_)));
    assert!(error.to_string().contains("in use by another process"), "{error}");
    drop(first);
    DataDirLock::acquire(data.path()).unwrap();
}
