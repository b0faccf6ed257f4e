//! What people do to the account from other clients is noticed within a check.

use std::{fs, time::Duration};

use knockproof_homeserver::{Dialect, Fault, Homeserver, Scope};
use matrix_sdk::{
    Client,
    encryption::CrossSigningResetAuthType,
    ruma::{
        DeviceId, OneTimeKeyAlgorithm, UserId,
        api::client::{backup::get_latest_backup_info, keys::claim_keys, uiaa},
    },
};
use rstest::rstest;
use session_keeper::{
    Keeper,
    crypto::Progress,
    healing::Class,
    health::{Health, IdentityHealth},
    secret::Secret,
    session::Server,
};
use session_keeper_worlds::*;

/// The first check comes half a minute after the start.
const CHECK: Duration = Duration::from_secs(75);

fn says(health: &IdentityHealth, words: &str) -> bool {
    health.degraded.iter().any(|note| note.what.contains(words))
}

/// A person's client of the same account, with everything that the recovery key opens.
async fn person(homeserver: &Homeserver, data: &tempfile::TempDir) -> Client {
    let client = log_in(homeserver, "a phone").await;
    client.encryption().wait_for_e2ee_initialization_tasks().await;
    let key = vault(data.path()).recovery_key().unwrap().unwrap();
    client.encryption().recovery().recover(key.expose()).await.unwrap();
    client
}

async fn backup_version(client: &Client) -> Option<String> {
    let info = client.send(get_latest_backup_info::v3::Request::new()).await;
    info.ok().map(|info| info.version)
}

#[tokio::test]
async fn a_reset_of_cross_signing_is_noticed_and_not_undone() {
    let (homeserver, data) = (homeserver(Dialect::conduwuit()).await, data());
    let keeper = serve(&homeserver, data.path()).await;
    let person = person(&homeserver, &data).await;
    let user = person.user_id().unwrap().to_owned();
    let master = async || {
        let identity = person.encryption().request_user_identity(&user).await.unwrap().unwrap();
        identity.master_key().get_first_key().unwrap().to_base64()
    };
    let before = master().await;
    if let Some(handle) = person.encryption().reset_cross_signing().await.unwrap() {
        let CrossSigningResetAuthType::Uiaa(info) = handle.auth_type() else {
            panic!("no password is asked for")
        };
        let who = uiaa::UserIdentifier::Matrix(uiaa::MatrixUserIdentifier::new(user.to_string()));
        let mut password = uiaa::Password::new(who, PASSWORD.to_owned());
        password.session.clone_from(&info.session);
        handle.auth(Some(uiaa::AuthData::Password(password))).await.unwrap();
    }
    let reset = master().await;
    assert_ne!(reset, before);
    let health = within(CHECK, &keeper, "a word on the reset", |health| {
        says(health, "unverified")
    })
    .await;
    assert_eq!(health.state, Health::Ok, "it serves on");
    assert_eq!(master().await, reset);
    keeper.end().await.unwrap();
}

#[tokio::test]
async fn a_changed_recovery_key_is_noticed() {
    let (homeserver, data) = (homeserver(Dialect::conduwuit()).await, data());
    let keeper = serve(&homeserver, data.path()).await;
    let person = person(&homeserver, &data).await;
    person.encryption().recovery().reset_key().await.unwrap();
    let health = within(CHECK, &keeper, "a word on the key", |health| {
        says(health, "changed the account's recovery key")
    })
    .await;
    assert_eq!(health.state, Health::Ok, "it serves on");
    keeper.end().await.unwrap();
}

#[tokio::test]
async fn a_deleted_backup_is_noticed_and_made_again() {
    let (homeserver, data) = (homeserver(Dialect::conduwuit()).await, data());
    let keeper = serve(&homeserver, data.path()).await;
    let person = person(&homeserver, &data).await;
    assert!(backup_version(&person).await.is_some());
    person.encryption().backups().disable_and_delete().await.unwrap();
    assert_eq!(backup_version(&person).await, None);
    let made = async {
        while backup_version(&person).await.is_none() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    assert!(
        tokio::time::timeout(CHECK, made).await.is_ok(),
        "there is no backup again"
    );
    until(&keeper, "nothing to be weaker", |health| health.degraded.is_empty()).await;
    keeper.end().await.unwrap();
}

#[rstest]
#[case::from_the_start(true)]
#[case::from_the_second_start(false)]
#[tokio::test]
async fn where_only_the_keys_are_not_told_the_sync_goes_on_and_it_is_said(#[case] first: bool) {
    let (homeserver, data) = (homeserver(Dialect::conduwuit()).await, data());
    if !first {
        serve(&homeserver, data.path()).await.end().await.unwrap();
    }
    let keys = Scope::ALWAYS.on("/keys/query");
    homeserver.faults().arm(Fault::AnswerNotJson, keys);
    let keeper = serve(&homeserver, data.path()).await;
    until(&keeper, "a word on the keys", |health| says(health, "not known")).await;
    assert_eq!(keeper.board().snapshot().state, Health::Ok);
    // What happens now comes in all the same.
    let admin = Client::builder()
        .homeserver_url(homeserver.base_url())
        .build()
        .await
        .unwrap();
    admin
        .matrix_auth()
        .login_username("admin", "administrator")
        .send()
        .await
        .unwrap();
    let mut room = matrix_sdk::ruma::api::client::room::create_room::v3::Request::new();
    room.invite.push(keeper.handle().await.user_id);
    admin.create_room(room).await.unwrap();
    let invited = async {
        while keeper.handle().await.client.invited_rooms().is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, invited).await.is_ok(),
        "the sync stands still"
    );
    homeserver.faults().clear();
    within(CHECK, &keeper, "nothing to be weaker", |health| {
        health.degraded.is_empty()
    })
    .await;
    keeper.end().await.unwrap();
}

/// How many one-time keys the account says that the device has made.
async fn told(homeserver: &Homeserver, client: &Client, device: &DeviceId) -> u64 {
    let server = Server::new(homeserver.base_url().clone(), "a phone").unwrap();
    let token = Secret::new(client.access_token().unwrap());
    let kind = Progress::kind(device);
    match server.account_data(&token, client.user_id().unwrap(), &kind).await {
        Class::Done(content) => content["one_time_keys"].as_u64().unwrap(),
        _ => 0,
    }
}

async fn claim(client: &Client, user: &UserId, device: &DeviceId, count: usize) {
    for _ in 0..count {
        let wanted = [(device.to_owned(), OneTimeKeyAlgorithm::SignedCurve25519)];
        let wanted = [(user.to_owned(), wanted.into_iter().collect())];
        client
            .send(claim_keys::v3::Request::new(wanted.into_iter().collect()))
            .await
            .unwrap();
    }
}

/// Serves until the account says that more one-time keys were made than `before`.
async fn use_keys(homeserver: &Homeserver, keeper: &Keeper, person: &Client) {
    let (handle, patience) = (keeper.handle().await, Duration::from_secs(90));
    let before = told(homeserver, person, &handle.device_id).await;
    claim(person, &handle.user_id, &handle.device_id, 40).await;
    let more = async {
        while told(homeserver, person, &handle.device_id).await <= before {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    assert!(
        tokio::time::timeout(patience, more).await.is_ok(),
        "it stays at {before}"
    );
}

#[rstest]
#[case::a_password_makes_another_device(true)]
#[case::without_one_it_is_said(false)]
#[tokio::test]
async fn an_older_copy_of_the_store_is_noticed(#[case] with_password: bool) {
    let (homeserver, data) = (homeserver(Dialect::conduwuit()).await, data());
    serve(&homeserver, data.path()).await.end().await.unwrap();
    let older = copy_of(&data.path().join("crypto"));
    let keeper = serve(&homeserver, data.path()).await;
    let its = device(&keeper).await;
    let person = log_in(&homeserver, "a phone").await;
    use_keys(&homeserver, &keeper, &person).await;
    keeper.end().await.unwrap();

    fs::remove_dir_all(data.path().join("crypto")).unwrap();
    copy_all(older.path(), &data.path().join("crypto")).unwrap();
    if !with_password {
        fs::remove_file(data.path().join("password")).unwrap();
    }
    let keeper = serve(&homeserver, data.path()).await;
    match with_password {
        true => assert_ne!(device(&keeper).await, its),
        false => {
            let health = keeper.board().snapshot();
            assert_eq!(device(&keeper).await, its);
            assert!(says(&health, "older copy"), "{health:?}");
        }
    }
    keeper.end().await.unwrap();
}
