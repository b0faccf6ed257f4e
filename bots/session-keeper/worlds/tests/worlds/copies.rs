//! Several copies of one program on one account.

use std::{fs, time::Duration};

use knockproof_homeserver::Dialect;
use rstest::rstest;
use session_keeper::health::Health;
use session_keeper_worlds::*;

/// As long as nothing is heard of a copy that was killed.
const ROLL_CALL: Duration = Duration::from_secs(60);

fn has_stepped_back(health: &session_keeper::health::IdentityHealth) -> bool {
    health.state == Health::NeedsOperator && health.why.contains("another copy")
}

#[rstest]
#[case::conduwuit(Dialect::conduwuit(), false)]
#[case::conduwuit_with_the_recovery_key(Dialect::conduwuit(), true)]
#[case::synapse_with_the_recovery_key(Dialect::synapse(), true)]
#[tokio::test]
async fn of_two_copies_the_first_steps_back_and_says_so_and_neither_loses_its_device(
    #[case] dialect: Dialect,
    #[case] with_key: bool,
) {
    let (homeserver, one, two) = (homeserver(dialect).await, data(), data());
    let first = serve(&homeserver, one.path()).await;
    let its = device(&first).await;
    if with_key {
        let key = vault(one.path()).recovery_key().unwrap().unwrap();
        vault(two.path()).save_recovery_key(&key).unwrap();
    }
    let second = serve(&homeserver, two.path()).await;
    let other = device(&second).await;
    assert_ne!(its, other);

    let health = until(&first, "a word on the other copy", has_stepped_back).await;
    assert!(health.why.contains(&other), "{health:?}");
    assert!(health.next_step.unwrap().contains("stop one of the two"));
    let mut both = vec![its.clone(), other.clone()];
    both.sort();
    assert_eq!(devices(&homeserver), both);

    // The first goes on by itself when it is the only one, on the device it has.
    second.end().await.unwrap();
    until(&first, "it to serve again", |health| health.state == Health::Ok).await;
    assert_eq!(device(&first).await, its);
    assert_eq!(devices(&homeserver), both);
    first.end().await.unwrap();
}

#[tokio::test]
async fn the_operator_decides_which_copy_serves() {
    let (homeserver, one, two) = (homeserver(Dialect::conduwuit()).await, data(), data());
    let first = serve(&homeserver, one.path()).await;
    let second = serve(&homeserver, two.path()).await;
    until(&first, "a word on the other copy", has_stepped_back).await;
    fs::write(one.path().join("password"), PASSWORD).unwrap();
    until(&first, "it to serve again", |health| health.state == Health::Ok).await;
    until(&second, "a word on the other copy", has_stepped_back).await;
    first.end().await.unwrap();
    second.end().await.unwrap();
}

#[tokio::test]
async fn a_copy_of_a_data_directory_takes_over_the_device_and_nobody_fights_for_it() {
    let (homeserver, one) = (homeserver(Dialect::conduwuit()).await, data());
    let first = serve(&homeserver, one.path()).await;
    let its = device(&first).await;
    let two = copy_of(one.path());
    let second = serve(&homeserver, two.path()).await;
    let health = until(&first, "a word on the other copy", has_stepped_back).await;
    assert!(health.why.contains("another copy"), "{health:?}");
    assert!(devices(&homeserver).contains(&its));
    assert_eq!(second.board().snapshot().state, Health::Ok);
    second.end().await.unwrap();
    first.end().await.unwrap();
}

#[tokio::test]
async fn the_device_of_a_lost_data_directory_goes_where_its_recovery_key_is_left() {
    for with_key in [true, false] {
        let (homeserver, lost) = (homeserver(Dialect::conduwuit()).await, data());
        let first = serve(&homeserver, lost.path()).await;
        let old = device(&first).await;
        first.end().await.unwrap();
        let (key, anew) = (vault(lost.path()).recovery_key().unwrap().unwrap(), data());
        if with_key {
            vault(anew.path()).save_recovery_key(&key).unwrap();
        }
        let second = serve(&homeserver, anew.path()).await;
        let new = device(&second).await;
        assert_eq!(devices(&homeserver).contains(&old), !with_key);
        assert!(devices(&homeserver).contains(&new));
        second.end().await.unwrap();
    }
}

#[tokio::test]
async fn a_device_that_is_only_called_alike_stays() {
    let (homeserver, one) = (homeserver(Dialect::conduwuit()).await, data());
    let first = serve(&homeserver, one.path()).await;
    // Made by hand, or by a program that says nothing of itself.
    let namesake = log_in(&homeserver, "a bot").await.device_id().unwrap().to_string();
    first.end().await.unwrap();
    let old = vault(one.path()).session().unwrap().unwrap().device.unwrap();
    fs::remove_dir_all(one.path().join("crypto")).unwrap();
    fs::remove_file(one.path().join("bot_session.json")).unwrap();
    let second = serve(&homeserver, one.path()).await;
    let now = devices(&homeserver);
    assert!(now.contains(&namesake), "{now:?}");
    assert!(!now.contains(&old.to_string()), "{now:?}");
    second.end().await.unwrap();
}

/// Whoever is killed says nothing of its end: its device goes only when nobody has answered for it for long.
#[tokio::test]
async fn the_device_of_a_copy_that_was_killed_goes_late() {
    let (homeserver, lost) = (homeserver(Dialect::conduwuit()).await, data());
    let first = serve(&homeserver, lost.path()).await;
    let old = device(&first).await;
    let claim = knockproof_homeserver::Scope::ALWAYS.on("app.session-keeper.claim");
    let faults = homeserver.faults();
    faults.arm(knockproof_homeserver::Fault::ForgetToken, claim);
    first.end().await.unwrap();
    faults.clear();
    let (key, anew) = (vault(lost.path()).recovery_key().unwrap().unwrap(), data());
    vault(anew.path()).save_recovery_key(&key).unwrap();
    let second = serve(&homeserver, anew.path()).await;
    assert!(devices(&homeserver).contains(&old));
    let gone = async {
        while devices(&homeserver).contains(&old) {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    assert!(tokio::time::timeout(ROLL_CALL, gone).await.is_ok(), "it stays");
    second.end().await.unwrap();
}
