//! Access tokens that expire.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use knockproof_homeserver::{Dialect, Homeserver};
use session_keeper::health::Health;
use session_keeper_worlds::*;

#[tokio::test]
async fn a_bot_whose_tokens_expire_goes_on_without_its_password() {
    let homeserver = Homeserver::builder()
        .dialect(Dialect::synapse())
        .access_token_seconds(2)
        .start()
        .await
        .unwrap();
    homeserver.create_user(BOT, PASSWORD).unwrap();
    let data = data();
    let keeper = serve(&homeserver, data.path()).await;
    let its = device(&keeper).await;
    fs::remove_file(data.path().join("password")).unwrap();
    let token = || vault(data.path()).session().unwrap().unwrap().token;

    for _ in 0..2 {
        let (before, generation) = (token(), keeper.handle().await.generation);
        let replaced = async {
            while keeper.handle().await.generation == generation {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, replaced).await.unwrap();
        assert_ne!(token(), before);
    }
    until(&keeper, "a bot that serves", |health| health.state == Health::Ok).await;
    assert_eq!((device(&keeper).await, devices(&homeserver)), (its.clone(), vec![its]));
    keeper.end().await.unwrap();
}

#[tokio::test]
async fn a_program_may_give_the_password_itself() {
    let (homeserver, data) = (homeserver(Dialect::conduwuit()).await, tempfile::tempdir().unwrap());
    let given = Arc::new(AtomicBool::new(false));
    let asked = given.clone();
    let keeper = builder(&homeserver, data.path())
        .password("the secret `bot`", move || {
            Ok(asked.load(Ordering::Relaxed).then(|| PASSWORD.to_owned()))
        })
        .start()
        .unwrap();
    let health = until(&keeper, "a cry for the operator", |health| {
        health.state == Health::NeedsOperator
    })
    .await;
    assert!(health.next_step.unwrap().contains("the secret `bot`"));
    given.store(true, Ordering::Relaxed);
    until(&keeper, "a bot that serves", |health| health.state == Health::Ok).await;
    keeper.end().await.unwrap();
}
