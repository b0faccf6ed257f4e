use knockproof_harness::homeserver::{Flavor, Sessions};
use rstest::rstest;

use super::world::World;

#[tokio::test]
async fn a_created_user_can_log_in_and_is_not_created_twice() {
    let world = World::start().await;
    world.operator().create_user("alice", "made-1").await.unwrap();
    assert_eq!(world.login("alice", "made-1").await.status, 200);
    world.operator().create_user("alice", "made-2").await.unwrap_err();
    assert_eq!(world.login("alice", "made-1").await.status, 200);
}

#[rstest]
#[case::keeping_sessions(Sessions::Keep, true)]
#[case::logging_out(Sessions::LogOut, false)]
#[tokio::test]
async fn a_reset_password_replaces_the_old_one(#[case] sessions: Sessions, #[case] lives: bool) {
    let world = World::start().await;
    let user = world.user("alice").await;
    let other = world.user("bob").await;

    world
        .operator()
        .reset_password("alice", "reset-1", sessions)
        .await
        .unwrap();

    assert_eq!(world.login("alice", "pw-alice").await.status, 403);
    assert_eq!(user.lives().await, lives);
    assert_eq!(
        world.operator().devices("alice").await.unwrap().len(),
        usize::from(lives)
    );
    assert_eq!(world.login("alice", "reset-1").await.status, 200);
    assert!(other.lives().await);
    assert_eq!(world.login("bob", "pw-bob").await.status, 200);
}

#[tokio::test]
async fn devices_are_listed_by_their_ids() {
    let world = World::start().await;
    let first = world.user("alice").await;
    let second = world.session(&world.login("alice", "pw-alice").await);
    let mut listed = world.operator().devices("alice").await.unwrap();
    let mut expected = vec![first.device, second.device];
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn one_deleted_device_leaves_the_others_alone() {
    let world = World::start().await;
    let first = world.user("alice").await;
    let second = world.session(&world.login("alice", "pw-alice").await);
    let other = world.user("bob").await;

    world.operator().delete_device("alice", &first.device).await.unwrap();

    assert!(!first.lives().await);
    assert!(second.lives().await);
    assert!(other.lives().await);
    assert_eq!(world.operator().devices("alice").await.unwrap(), [second.device]);
    // Neither the password nor the account was touched.
    assert_eq!(world.login("alice", "pw-alice").await.status, 200);
}

#[tokio::test]
async fn all_deleted_devices_leave_nobody_elses_alone_untouched() {
    let world = World::start().await;
    let first = world.user("alice").await;
    let second = world.session(&world.login("alice", "pw-alice").await);
    let other = world.user("bob").await;

    world.operator().delete_all_devices("alice").await.unwrap();

    assert!(!first.lives().await);
    assert!(!second.lives().await);
    assert!(other.lives().await);
    assert_eq!(world.operator().devices("alice").await.unwrap(), [] as [&str; 0]);
    assert_eq!(world.login("alice", "pw-alice").await.status, 200);
}

#[tokio::test]
async fn a_deactivated_user_is_out_until_reactivated() {
    let world = World::start().await;
    let user = world.user("alice").await;

    world.operator().deactivate("alice").await.unwrap();
    assert!(!user.lives().await);
    assert_eq!(world.login("alice", "pw-alice").await.status, 403);

    world.operator().reactivate("alice", "back-1").await.unwrap();
    let back = world.session(&world.login("alice", "back-1").await);
    assert!(back.lives().await);
    assert!(!user.lives().await);
}

#[tokio::test]
async fn the_way_with_downtime_resets_the_password_and_tells_its_cost() {
    let world = World::start().await;
    let user = world.user("alice").await;

    let downtime = world
        .operator()
        .reset_password_offline("alice", "offline-1")
        .await
        .unwrap();

    if world.flavor() == Flavor::Synapse {
        assert_eq!(downtime, None);
        assert_eq!(world.login("alice", "pw-alice").await.status, 200);
        return;
    }
    assert!(downtime.is_some_and(|cost| cost.as_millis() > 0), "{downtime:?}");
    assert_eq!(world.login("alice", "pw-alice").await.status, 403);
    assert_eq!(world.login("alice", "offline-1").await.status, 200);
    assert!(user.lives().await);
}

#[tokio::test]
async fn what_concerns_an_unknown_user_or_device_is_an_error_and_makes_nobody() {
    let world = World::start().await;
    let operator = world.operator();
    operator
        .reset_password("nobody", "pw-1", Sessions::Keep)
        .await
        .unwrap_err();
    operator
        .reset_password("nobody", "pw-1", Sessions::LogOut)
        .await
        .unwrap_err();
    operator.devices("nobody").await.unwrap_err();
    operator.delete_device("nobody", "DEVICE").await.unwrap_err();
    operator.delete_all_devices("nobody").await.unwrap_err();
    operator.deactivate("nobody").await.unwrap_err();
    operator.reactivate("nobody", "pw-1").await.unwrap_err();
    assert_ne!(world.login("nobody", "pw-1").await.status, 200);

    world.user("alice").await;
    operator.delete_device("alice", "DEVICE").await.unwrap_err();
}

#[tokio::test]
async fn neither_passwords_nor_tokens_show_in_debug_output() {
    let world = World::start().await;
    let shown = format!("{:?}", world.homeserver);
    assert!(!shown.contains(world.registration_token()), "{shown}");
    assert!(!shown.contains("access_token"), "{shown}");
}
