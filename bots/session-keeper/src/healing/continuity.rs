//! Whether a live token is also a healthy device.

/// The identity keys of a device, as published: `curve25519` and `ed25519`.
pub(super) type DeviceKeys = (String, String);

/// What the local store says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Local {
    /// There is none for this device.
    Missing,
    /// There is one, but it cannot be opened (or is another device's).
    Unreadable,
    /// There is one that was begun on a device whose own store was lost, because no password could make a new device. It
    /// published keys of its own, which peers who knew the old ones refuse.
    Makeshift,
    /// There is one, of an earlier time than the server's record: it would hand out one-time keys a second time, with which
    /// nobody's message opens.
    Outdated,
    /// There is one.
    Account {
        /// Its keys.
        keys: DeviceKeys,
        /// Whether they were ever published. The SDK never publishes twice.
        published: bool,
    },
}

/// The comparison of the local store with the server's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same keys on both sides.
    Same,
    /// Never published, and the server has none: they will be.
    FirstUse,
    /// Published once, but the server has none: the device was deleted. Nobody can encrypt for it any more.
    KeysGone,
    /// The server has other keys: somebody else logged in on the device.
    KeysDiffer,
    /// The local store is of an earlier time than the server's record.
    StoreOutdated,
    /// The server has keys, the local store is gone.
    StoreLost,
    /// The local store cannot be opened.
    StoreUnreadable,
}

/// Compares the local store with the device keys that the server hands out for the device.
///
/// ```
/// use session_keeper::healing::{Local, Verdict, continuity};
///
/// let own = ("curve25519 key".to_owned(), "ed25519 key".to_owned());
/// let local = Local::Account { keys: own.clone(), published: true };
/// assert_eq!(continuity(&local, Some(&own)), Verdict::Same);
/// // The device was deleted on the server: nobody can encrypt for it any more.
/// assert_eq!(continuity(&local, None), Verdict::KeysGone);
/// ```
pub fn continuity(local: &Local, server: Option<&DeviceKeys>) -> Verdict {
    match (local, server) {
        (Local::Unreadable, _) => Verdict::StoreUnreadable,
        (Local::Makeshift, _) => Verdict::KeysDiffer,
        (Local::Outdated, _) => Verdict::StoreOutdated,
        (Local::Missing, None) | (Local::Account { published: false, .. }, None) => Verdict::FirstUse,
        (Local::Missing, Some(_)) => Verdict::StoreLost,
        (Local::Account { published: true, .. }, None) => Verdict::KeysGone,
        (Local::Account { keys, .. }, Some(server)) if keys == server => Verdict::Same,
        (Local::Account { .. }, Some(_)) => Verdict::KeysDiffer,
    }
}

/// What follows from a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Course {
    /// Go on with this device.
    GoOn,
    /// Take a new device.
    NewDevice,
    /// Go on with this device although it is not healthy, and say so: there is no password to make a new one with.
    GoOnDegraded,
}

/// Decides what follows. `can_log_in`: there is a password that was not refused.
pub fn course(verdict: Verdict, can_log_in: bool) -> Course {
    match (verdict, can_log_in) {
        (Verdict::Same | Verdict::FirstUse, _) => Course::GoOn,
        (_, true) => Course::NewDevice,
        (_, false) => Course::GoOnDegraded,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Course, DeviceKeys, Local, Verdict, continuity, course};

    fn keys(name: &str) -> DeviceKeys {
        (format!("curve {name}"), format!("ed {name}"))
    }

    fn account(published: bool) -> Local {
        Local::Account {
            keys: keys("own"),
            published,
        }
    }

    #[rstest]
    #[case::never_used(Local::Missing, None, Verdict::FirstUse)]
    #[case::killed_before_publishing(account(false), None, Verdict::FirstUse)]
    #[case::healthy(account(true), Some("own"), Verdict::Same)]
    #[case::killed_after_publishing(account(false), Some("own"), Verdict::Same)]
    #[case::device_deleted(account(true), None, Verdict::KeysGone)]
    #[case::somebody_else(account(true), Some("other"), Verdict::KeysDiffer)]
    #[case::store_recreated(account(false), Some("other"), Verdict::KeysDiffer)]
    #[case::store_lost(Local::Missing, Some("own"), Verdict::StoreLost)]
    #[case::makeshift(Local::Makeshift, Some("own"), Verdict::KeysDiffer)]
    #[case::makeshift_unpublished(Local::Makeshift, None, Verdict::KeysDiffer)]
    #[case::rolled_back(Local::Outdated, Some("own"), Verdict::StoreOutdated)]
    #[case::rolled_back_and_device_deleted(Local::Outdated, None, Verdict::StoreOutdated)]
    #[case::key_lost(Local::Unreadable, Some("own"), Verdict::StoreUnreadable)]
    #[case::key_and_device_lost(Local::Unreadable, None, Verdict::StoreUnreadable)]
    fn the_server_is_compared_with_the_store(
        #[case] local: Local,
        #[case] server: Option<&str>,
        #[case] verdict: Verdict,
    ) {
        assert_eq!(continuity(&local, server.map(keys).as_ref()), verdict);
    }

    #[test]
    fn half_of_the_keys_is_not_the_same_device() {
        let (_, ed) = keys("own");
        let server = ("curve other".to_owned(), ed);
        assert_eq!(continuity(&account(true), Some(&server)), Verdict::KeysDiffer);
    }

    #[rstest]
    #[case(Verdict::Same, Course::GoOn, Course::GoOn)]
    #[case(Verdict::FirstUse, Course::GoOn, Course::GoOn)]
    #[case(Verdict::KeysGone, Course::NewDevice, Course::GoOnDegraded)]
    #[case(Verdict::KeysDiffer, Course::NewDevice, Course::GoOnDegraded)]
    #[case(Verdict::StoreLost, Course::NewDevice, Course::GoOnDegraded)]
    #[case(Verdict::StoreOutdated, Course::NewDevice, Course::GoOnDegraded)]
    #[case(Verdict::StoreUnreadable, Course::NewDevice, Course::GoOnDegraded)]
    fn a_new_device_is_taken_only_where_a_password_can_make_one(
        #[case] verdict: Verdict,
        #[case] with_password: Course,
        #[case] without: Course,
    ) {
        assert_eq!(course(verdict, true), with_password);
        assert_eq!(course(verdict, false), without);
    }
}
