//! Every file of an account's vault, damaged in every way: the account goes on, or the file is named with what to do.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking, in helpers too"
)]

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::LazyLock};

use crate::support::*;
use matrix_sdk::ruma::{UserId, user_id};
use session_keeper::{
    crypto::{OpenStores, Prepared, StandbyStore, StoreError, Stores},
    session::HealOutcome,
    vault::{DataDirLock, Vault},
};
use tempfile::TempDir;
use wiremock::MockServer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    Missing,
    Empty,
    Truncated,
    Garbage,
    NotUtf8,
    Zeros,
    Marked,
    Directory,
    ReadOnly,
}

const DAMAGES: [Damage; 9] = [
    Damage::Missing,
    Damage::Empty,
    Damage::Truncated,
    Damage::Garbage,
    Damage::NotUtf8,
    Damage::Zeros,
    Damage::Marked,
    Damage::Directory,
    Damage::ReadOnly,
];

impl Damage {
    fn inflict(self, path: &Path) {
        let content = fs::read(path).unwrap();
        match self {
            Self::Missing => fs::remove_file(path).unwrap(),
            Self::Empty => fs::write(path, "").unwrap(),
            Self::Truncated => fs::write(path, &content[..content.len() / 2]).unwrap(),
            Self::Garbage => fs::write(path, "this is not what was here").unwrap(),
            Self::NotUtf8 => fs::write(path, b"\xC3\x28\xFF\xFE").unwrap(),
            Self::Zeros => fs::write(path, vec![0; content.len().max(8)]).unwrap(),
            Self::Marked => fs::write(path, [b"\xEF\xBB\xBF".as_slice(), &content, b"\r\n"].concat()).unwrap(),
            Self::Directory => {
                fs::remove_file(path).unwrap();
                fs::create_dir(path).unwrap();
            }
            Self::ReadOnly => fs::set_permissions(path, fs::Permissions::from_mode(0o400)).unwrap(),
        }
    }

    /// Whether what was in the file can still be read.
    fn is_harmless(self) -> bool {
        matches!(self, Self::Marked | Self::ReadOnly)
    }
}

static USER: LazyLock<&UserId> = LazyLock::new(|| user_id!("@bot:x"));

/// A data directory in which all is well, as far as it takes no client.
async fn healthy(server: &MockServer) -> TempDir {
    let data = TempDir::new().unwrap();
    saved(data.path());
    let vault = Vault::new(BOT, data.path());
    vault.save_identity(*USER).unwrap();
    vault.save_devices(&session_keeper::vault::Devices::default()).unwrap();
    vault.set_unannounced().unwrap();
    fs::write(data.path().join("password"), "password").unwrap();
    let stores = Stores::new(BOT, *USER, &vault).unwrap();
    stores.escrow().add(&mut Vec::new()).unwrap();
    // Asking for its keys is what makes the store whole: to prepare one only begins it.
    let mut open_stores = OpenStores::default();
    let mut standby = StandbyStore::default();
    let prepared = stores.prepare("SAVED".into(), &mut standby, &mut open_stores).await;
    prepared.unwrap();
    stores.room_keys("SAVED".into(), &mut open_stores).await.unwrap();
    for token in ["saved-token", "new-token"] {
        answer_whoami(server, token, whoami("@bot:x", "SAVED")).await;
    }
    answer_login(server).await;
    data
}

async fn prepare(stores: &Stores) -> Result<Prepared, StoreError> {
    stores
        .prepare("SAVED".into(), &mut StandbyStore::default(), &mut OpenStores::default())
        .await
}

#[tokio::test]
async fn a_session_is_had_whatever_happened_to_the_files_around_it() {
    for name in ["session.json", "devices.json", "identity", "unannounced"] {
        for damage in DAMAGES {
            let server = MockServer::start().await;
            let data = healthy(&server).await;
            damage.inflict(&data.path().join(format!("bot_{name}")));
            let mut config = config(&server, data.path());
            config.username = None;
            let mut healer = healer(&config);
            for _ in 0..2 {
                let attempt = healer.attempt().await;
                assert!(
                    matches!(attempt, Ok(HealOutcome::Live(_))),
                    "{name} {damage:?}: {attempt:?}"
                );
            }
            let logins = logins(&server).await.len();
            let costs = usize::from(name == "session.json" && !damage.is_harmless());
            assert_eq!(logins, costs, "{name} {damage:?}");
            assert_eq!(
                Vault::new(BOT, data.path()).identity().unwrap().unwrap(),
                *USER,
                "{name} {damage:?}"
            );
        }
    }
}

#[tokio::test]
async fn who_is_remembered_is_not_replaced_by_whoever_comes() {
    for damage in DAMAGES {
        let server = MockServer::start().await;
        let data = healthy(&server).await;
        let path = data.path().join("bot_identity");
        damage.inflict(&path);
        fs::remove_file(data.path().join("bot_session.json")).unwrap();
        let mut config = config(&server, data.path());
        config.username = None;
        let attempt = healer(&config).attempt().await;
        if damage == Damage::Missing || damage.is_harmless() {
            assert!(attempt.is_ok(), "{damage:?}: {attempt:?}");
            continue;
        }
        let error = attempt.unwrap_err();
        for text in [error.to_string(), error.next_step()] {
            assert!(text.contains(&path.display().to_string()), "{damage:?}: {text}");
        }
    }
}

#[tokio::test]
async fn a_key_of_the_stores_that_cannot_be_used_is_named_or_given_up() {
    for damage in DAMAGES {
        let server = MockServer::start().await;
        let data = healthy(&server).await;
        let vault = Vault::new(BOT, data.path());
        let path = vault.path("store_key");
        damage.inflict(&path);
        if let Err(error) = Stores::new(BOT, *USER, &vault) {
            assert!(matches!(error, StoreError::Key { .. }), "{damage:?}: {error}");
            assert!(
                error.to_string().contains(&path.display().to_string()),
                "{damage:?}: {error}"
            );
            Stores::put_key_aside(&vault).unwrap();
        }
        let stores = Stores::new(BOT, *USER, &vault).unwrap();
        assert!(
            stores
                .prepare("NEW".into(), &mut StandbyStore::default(), &mut OpenStores::default())
                .await
                .is_ok(),
            "{damage:?}"
        );
    }
}

#[tokio::test]
async fn the_copy_of_all_room_keys_stops_nobody_and_is_named_where_it_stays_closed() {
    for name in ["escrow_passphrase", "room_keys.escrow"] {
        for damage in DAMAGES {
            let server = MockServer::start().await;
            let data = healthy(&server).await;
            let vault = Vault::new(BOT, data.path());
            damage.inflict(&vault.path(name));
            let stores = Stores::new(BOT, *USER, &vault).unwrap();
            let prepared = stores
                .prepare("NEW".into(), &mut StandbyStore::default(), &mut OpenStores::default())
                .await
                .unwrap();
            let closed = !(damage.is_harmless() || (name, damage) == ("room_keys.escrow", Damage::Missing));
            let said = prepared.escrow_unreadable.unwrap_or_default();
            assert_eq!(!said.is_empty(), closed, "{name} {damage:?}: {said}");
            assert!(
                !closed || said.contains("bot_room_keys.escrow"),
                "{name} {damage:?}: {said}"
            );
        }
    }
}

#[tokio::test]
async fn the_small_files_of_a_store_are_found_out_again() {
    for name in [
        "owner",
        "filled-from-escrow",
        "carried-to",
        "makeshift",
        "damaged",
        "outdated",
    ] {
        for damage in DAMAGES {
            let server = MockServer::start().await;
            let data = healthy(&server).await;
            let vault = Vault::new(BOT, data.path());
            let path = data.path().join("crypto/SAVED").join(name);
            if !path.exists() {
                fs::write(&path, "OTHER").unwrap();
            }
            damage.inflict(&path);
            let stores = Stores::new(BOT, *USER, &vault).unwrap();
            let prepared = prepare(&stores).await;
            assert!(prepared.is_ok(), "{name} {damage:?}: {prepared:?}");
        }
    }
}

#[tokio::test]
async fn the_database_of_rooms_is_put_aside_and_made_anew() {
    for damage in DAMAGES {
        let server = MockServer::start().await;
        let data = healthy(&server).await;
        let vault = Vault::new(BOT, data.path());
        let stores = Stores::new(BOT, *USER, &vault).unwrap();
        let session = match healer(&config(&server, data.path())).attempt().await.unwrap() {
            HealOutcome::Live(session) => session,
            other => panic!("{other:?}"),
        };
        let server_of = session_keeper::session::Server::new(server.uri().parse().unwrap(), "a bot").unwrap();
        let open = async || {
            let mut open_stores = OpenStores::default();
            session_keeper::crypto::open(&server_of, &session, &stores, &mut open_stores, None, |client| client).await
        };
        let path = data.path().join("crypto/SAVED/matrix-sdk-state.sqlite3");
        // What made the folder lets go of it in the background.
        closed(&data.path().canonicalize().unwrap().join("crypto/SAVED")).await;
        let first = open().await.unwrap();
        drop(first);
        closed(&data.path().canonicalize().unwrap().join("crypto/SAVED")).await;
        damage.inflict(&path);
        let mut opened = open().await;
        if opened
            .as_ref()
            .is_err_and(session_keeper::crypto::OpenError::is_damage_of_rooms)
        {
            closed(&data.path().canonicalize().unwrap().join("crypto/SAVED")).await;
            stores.put_rooms_aside("SAVED".into()).unwrap();
            opened = open().await;
        }
        assert!(opened.is_ok(), "{damage:?}: {:?}", opened.err());
    }
}

#[tokio::test]
async fn a_database_of_keys_that_does_not_open_is_named_and_another_device_goes_on() {
    for damage in DAMAGES {
        let server = MockServer::start().await;
        let data = healthy(&server).await;
        let folder = data.path().canonicalize().unwrap().join("crypto/SAVED");
        closed(&folder).await;
        damage.inflict(&folder.join("matrix-sdk-crypto.sqlite3"));
        let vault = Vault::new(BOT, data.path());
        let stores = Stores::new(BOT, *USER, &vault).unwrap();
        let prepared = stores
            .prepare("NEW".into(), &mut StandbyStore::default(), &mut OpenStores::default())
            .await;
        assert!(prepared.is_ok(), "{damage:?}: {prepared:?}");
        if let Err(error) = prepare(&stores).await {
            assert!(error.to_string().contains("crypto/SAVED"), "{damage:?}: {error}");
        }
    }
}

#[test]
fn a_recovery_key_that_cannot_be_read_is_named() {
    for damage in DAMAGES {
        let data = TempDir::new().unwrap();
        let vault = Vault::new(BOT, data.path());
        let key = session_keeper::secret::Secret::new("EsTc LW2K PGiF wKEA 3As5 g5c4");
        vault.save_recovery_key(&key).unwrap();
        let path = vault.path("recovery_key");
        damage.inflict(&path);
        match vault.recovery_key() {
            Ok(read) if damage.is_harmless() => assert_eq!(read.as_ref(), Some(&key), "{damage:?}"),
            Ok(read) => assert_ne!(read.as_ref(), Some(&key), "{damage:?}"),
            Err(error) => assert!(
                error.next_step().contains(&path.display().to_string()),
                "{damage:?}: {}",
                error.next_step()
            ),
        }
    }
}

#[test]
fn a_lock_is_had_whatever_is_in_its_file_or_the_file_is_named_with_the_step() {
    for damage in DAMAGES {
        let data = TempDir::new().unwrap();
        let path = data.path().join("lock");
        fs::write(&path, "of old").unwrap();
        damage.inflict(&path);
        match DataDirLock::acquire(data.path()) {
            Ok(_) => assert!(damage != Damage::Directory),
            Err(error) => {
                let step = format!("move {} away", path.display());
                assert!(error.to_string().contains(&step), "{damage:?}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn a_file_where_a_directory_belongs_is_named_itself() {
    let server = MockServer::start().await;
    for place in ["crypto", "crypto/SAVED"] {
        let data = healthy(&server).await;
        let path = data.path().join(place);
        closed(&data.path().canonicalize().unwrap().join("crypto/SAVED")).await;
        fs::remove_dir_all(&path).unwrap();
        fs::write(&path, "no directory").unwrap();
        let vault = Vault::new(BOT, data.path());
        let stores = Stores::new(BOT, *USER, &vault).unwrap();
        let error = prepare(&stores).await.unwrap_err();
        let StoreError::Vault(error) = error else {
            panic!("{place}: {error}")
        };
        let step = error.next_step();
        assert!(step.starts_with(&format!("move {} away", path.display())), "{step}");
    }
    let data = TempDir::new().unwrap();
    let place = data.path().join("data");
    fs::write(&place, "no directory").unwrap();
    let error = DataDirLock::acquire(&place).unwrap_err().to_string();
    assert!(error.contains(&format!("move {} away", place.display())), "{error}");
}
