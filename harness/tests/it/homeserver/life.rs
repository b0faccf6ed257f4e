use std::time::Duration;

use knockproof_harness::homeserver::{self, Choice, Error, Flavor, Options};
use rstest::rstest;

use super::world::World;

#[tokio::test]
async fn a_user_registers_with_the_token_and_only_with_it() {
    let world = World::start().await;
    let client = world.client();

    let with = client.register("alice", "pw", Some(world.registration_token())).await;
    assert_eq!(with.status, 200, "{with:?}");
    assert_eq!(with.text("user_id"), format!("@alice:{}", world.server_name()));

    let wrong = client.register("bob", "pw", Some("not-the-token")).await;
    assert_ne!(wrong.status, 200, "{wrong:?}");
    let without = client.register("carol", "pw", None).await;
    assert_ne!(without.status, 200, "{without:?}");
}

#[tokio::test]
async fn the_server_name_is_the_wished_one() {
    let world = World::with(|options| options.server_name = "hs.example".to_owned()).await;
    let user = world.user("alice").await;
    assert_eq!(user.whoami().await.text("user_id"), "@alice:hs.example");
}

#[tokio::test]
async fn an_ordinary_user_is_no_administrator() {
    let world = World::start().await;
    let user = world.user("alice").await;
    let answer = user.joined_rooms().await;
    assert_eq!(answer.body["joined_rooms"], serde_json::json!([]), "{answer:?}");
    let before = world.operator().devices("alice").await.unwrap();
    assert_eq!(before, [user.device]);
}

#[derive(Debug)]
enum Outage {
    Restart,
    Kill,
    Freeze,
    StopWhileFrozen,
    KillWhileFrozen,
}

#[rstest]
#[case::restart(Outage::Restart)]
#[case::kill(Outage::Kill)]
#[case::freeze(Outage::Freeze)]
#[case::stop_while_frozen(Outage::StopWhileFrozen)]
#[case::kill_while_frozen(Outage::KillWhileFrozen)]
#[tokio::test]
async fn address_tokens_and_messages_survive(#[case] outage: Outage) {
    let world = World::start().await;
    let user = world.user("alice").await;
    let message = user.write("still here").await;
    let address = world.base_url().clone();

    match outage {
        Outage::Restart => world.restart().await.unwrap(),
        Outage::Kill => {
            world.kill().await.unwrap();
            world.homeserver.start().await.unwrap();
        }
        Outage::Freeze => {
            world.freeze().await.unwrap();
            world.thaw().await.unwrap();
        }
        Outage::StopWhileFrozen => {
            world.freeze().await.unwrap();
            world.restart().await.unwrap();
        }
        Outage::KillWhileFrozen => {
            world.freeze().await.unwrap();
            world.kill().await.unwrap();
            world.homeserver.start().await.unwrap();
        }
    }

    assert_eq!(world.base_url(), &address);
    assert!(user.lives().await);
    assert_eq!(user.read(&message).await, "still here");
    // The operator's way in survives too, and so does the token for newcomers.
    assert_eq!(world.operator().devices("alice").await.unwrap().len(), 1);
    world.user("bob").await;
}

#[tokio::test]
async fn a_stopped_server_refuses_connections_until_it_is_started() {
    let world = World::start().await;
    world.stop().await.unwrap();
    let refused = world.client().send(reqwest::Method::GET, "login", None, None).await;
    assert!(refused.unwrap_err().is_connect());
    world.homeserver.start().await.unwrap();
    assert!(world.client().answers_within(Duration::from_secs(10)).await);
}

#[tokio::test]
async fn a_frozen_server_answers_nobody_until_it_is_thawed() {
    let world = World::start().await;
    world.freeze().await.unwrap();
    assert!(!world.client().answers_within(Duration::from_secs(1)).await);
    world.thaw().await.unwrap();
    assert!(world.client().answers_within(Duration::from_secs(10)).await);
}

#[tokio::test]
async fn what_makes_no_sense_in_its_state_is_refused() {
    let world = World::start().await;
    let started_twice = world.homeserver.start().await.unwrap_err();
    assert_eq!(started_twice.to_string(), "cannot start it: the homeserver is running");
    assert!(matches!(world.thaw().await, Err(Error::State { .. })));
    world.stop().await.unwrap();
    assert!(matches!(world.stop().await, Err(Error::State { .. })));
    assert!(matches!(world.freeze().await, Err(Error::State { .. })));
}

#[tokio::test]
async fn the_log_collects_what_every_start_prints() {
    let world = World::start().await;
    assert_eq!(world.log_file(), world.folder.path().join("homeserver.log"));
    let first = world.stop_and_measure_log().await;
    assert!(first > 0, "nothing was printed");
    world.homeserver.start().await.unwrap();
    let both = world.stop_and_measure_log().await;
    assert!(
        both > first,
        "the second start printed nothing: {first} lines, then {both}"
    );
}

#[tokio::test]
async fn two_servers_live_side_by_side() {
    let (one, other) = tokio::join!(World::start(), World::start());
    assert_ne!(one.base_url(), other.base_url());
    let user = one.user("alice").await;
    other.user("alice").await;
    other.kill().await.unwrap();
    assert!(user.lives().await);
}

#[tokio::test]
async fn a_server_that_cannot_come_up_fails_with_its_own_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let choice = Choice::from_env().unwrap();
    let flavor = homeserver::choose(&choice).await.unwrap().flavor;
    let mut options = Options::new(choice, folder.path());
    let (setting, value, last_words) = match flavor {
        Flavor::Synapse => ("database", r#"{ "name": "stone-tablets" }"#, "stone-tablets"),
        _ => ("address", "stone-tablets", "ADDRESS"),
    };
    options.settings.push((setting.to_owned(), value.to_owned()));

    let error = homeserver::start(options).await.unwrap_err();

    if flavor == Flavor::Embedded {
        // It is no process that could end: it refuses its configuration.
        assert!(error.to_string().contains(last_words), "{error}");
        return;
    }
    let Error::NotReady { saw, last_lines, .. } = error else {
        panic!("{error:?}");
    };
    assert!(saw.starts_with("it ended: "), "{saw}");
    assert!(last_lines.contains(last_words), "{last_lines}");
}
