//! The front door before a small upstream: what goes where, what is recorded, how it is bent and held.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod upstream;

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use knockproof_harness::{
    front_door::{Action, Entrance, FrontDoor, Matcher, Point, Rewrite},
    history::{History, Record},
    secrets::{MASK, Origin, Secrets},
};
use serde_json::{Value, json};
use upstream::Upstream;

const PATIENCE: Duration = Duration::from_secs(5);

/// What of the bot's HTTP side is public.
const PUBLIC: [&str; 3] = ["/", "/pages", "/pages/api"];

struct Scene {
    door: FrontDoor,
    homeserver: Upstream,
    bot: Upstream,
}

async fn scene() -> Scene {
    scene_with(Secrets::default()).await
}

async fn scene_with(secrets: Secrets) -> Scene {
    let (homeserver, bot) = (Upstream::start("homeserver").await, Upstream::start("bot").await);
    let door = FrontDoor::open(&homeserver.url, secrets).await.unwrap();
    door.set_bot(bot.url.clone(), PUBLIC);
    Scene { door, homeserver, bot }
}

impl Scene {
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.door.url().as_str().trim_end_matches('/'))
    }

    fn at_bots(&self, path: &str) -> String {
        format!("{}{path}", self.door.bot_url().as_str().trim_end_matches('/'))
    }

    async fn login(&self) -> reqwest::Result<reqwest::Response> {
        let body = json!({ "type": "m.login.password", "identifier": { "user": "a" }, "password": "correct horse" });
        reqwest::Client::new()
            .post(self.at_bots("/_matrix/client/v3/login"))
            .json(&body)
            .send()
            .await
    }
}

async fn get(url: String) -> reqwest::Result<(u16, String)> {
    let response = reqwest::get(url).await?;
    Ok((response.status().as_u16(), response.text().await?))
}

#[tokio::test]
async fn the_bots_routes_go_to_the_bot_and_everything_else_to_the_homeserver() {
    let scene = scene().await;
    for path in ["/", "/pages?code=x", "/pages/api"] {
        assert_eq!(get(scene.at(path)).await.unwrap().1, "bot", "{path}");
    }
    for path in ["/_matrix/client/versions", "/ready", "/health", "/metrics", "/page"] {
        assert_eq!(get(scene.at(path)).await.unwrap().1, "homeserver", "{path}");
    }
    assert_eq!(get(scene.at_bots("/pages/api")).await.unwrap().1, "homeserver");
}

#[tokio::test]
async fn an_answer_is_passed_on_as_it_comes() {
    let scene = scene().await;
    let response = reqwest::get(scene.at("/slow")).await.unwrap();
    let mut parts = response.bytes_stream();
    let began = Instant::now();
    assert_eq!(parts.next().await.unwrap().unwrap(), "first ");
    // The upstream sends the second part only when it is told to: had the first been held back, this would never end.
    scene.homeserver.go_on();
    assert_eq!(parts.next().await.unwrap().unwrap(), "second");
    assert!(parts.next().await.is_none());
    assert!(began.elapsed() < PATIENCE);
    let exchange = scene
        .door
        .traffic()
        .wait_for(&Matcher::path("GET", "/slow"), PATIENCE)
        .await
        .unwrap();
    assert_eq!(exchange.status, Some(200));
}

#[tokio::test]
async fn secrets_are_masked_in_path_query_bodies_and_records() {
    let secrets = Secrets::default();
    secrets.add("a password", "correct horse");
    let scene = scene_with(secrets.clone()).await;
    scene.login().await.unwrap();
    let client = reqwest::Client::new();
    client
        .get(scene.at("/x/upstream-token-1?access_token=upstream-token-1&since=5"))
        .send()
        .await
        .unwrap();

    let exchanges = scene.door.traffic().snapshot();
    assert_eq!(exchanges[0].request["password"], MASK);
    assert_eq!(exchanges[0].answer["access_token"], MASK);
    assert_eq!(exchanges[0].answer["user_id"], "@a:hs");
    assert_eq!(exchanges[1].path, format!("/x/{MASK}"));
    assert_eq!(exchanges[1].query, format!("access_token={MASK}&since=5"));
    assert!(secrets.found_in(&serde_json::to_string(&exchanges).unwrap()).is_empty());
    assert_eq!(secrets.found_in("upstream-token-1"), ["token of @a:hs on DEVICE"]);
}

#[tokio::test]
async fn who_asked_is_known_by_the_token_and_by_the_door() {
    let scene = scene().await;
    scene.login().await.unwrap();
    let client = reqwest::Client::new();
    client
        .get(scene.at_bots("/x"))
        .bearer_auth("upstream-token-1")
        .send()
        .await
        .unwrap();
    client.get(scene.at("/x")).bearer_auth("unknown").send().await.unwrap();

    let exchanges = scene.door.traffic().snapshot();
    assert_eq!((exchanges[0].entrance, exchanges[0].user()), (Entrance::Bot, Some("a")));
    let who = exchanges[1].who.clone().unwrap();
    assert_eq!(
        (who.user_id.as_str(), who.device_id.as_deref()),
        ("@a:hs", Some("DEVICE"))
    );
    assert!(exchanges[2].who.is_none() && exchanges[2].with_token);
    assert_eq!(scene.door.bot_token("@a:hs").as_deref(), Some("upstream-token-1"));
    let by = Matcher::endpoint("POST", "/login").by("@a:hs");
    assert_eq!(scene.door.traffic().count(&by), 1);
}

#[tokio::test]
async fn a_reply_of_its_own_never_reaches_the_upstream_and_ends_with_its_guard() {
    let scene = scene().await;
    let bend = scene.door.bend(Matcher::any(), Action::bad_gateway());
    let (status, body) = get(scene.at("/x")).await.unwrap();
    assert!(status == 502 && body.contains("<html>"));
    assert_eq!((bend.fired(), scene.homeserver.hits()), (1, 0));
    drop(bend);
    assert_eq!(get(scene.at("/x")).await.unwrap().0, 200);
    assert_eq!(scene.door.traffic().snapshot()[0].status, Some(502));
}

#[tokio::test]
async fn a_bend_with_a_budget_fires_only_so_often() {
    let scene = scene().await;
    let bend = scene.door.bend(
        Matcher::any().skipping(1, 1),
        Action::limited(Duration::from_millis(1500)),
    );
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(get(scene.at("/x")).await.unwrap().0);
    }
    assert_eq!(seen, [200, 429, 200]);
    assert_eq!(bend.fired(), 1);
    let answer = &scene.door.traffic().snapshot()[1];
    assert_eq!(answer.bent.as_deref(), Some("answered with 429 by the front door"));
}

#[tokio::test]
async fn a_limit_names_its_delay_in_header_and_body() {
    let scene = scene().await;
    let _bend = scene
        .door
        .bend(Matcher::any(), Action::limited(Duration::from_millis(1500)));
    let response = reqwest::get(scene.at("/x")).await.unwrap();
    assert_eq!(response.headers()["retry-after"], "2");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["retry_after_ms"], 1500);
}

#[tokio::test]
async fn a_dropped_request_never_reaches_the_upstream_and_a_dropped_reply_does() {
    let scene = scene().await;
    let bend = scene.door.bend(Matcher::any(), Action::DropRequest);
    assert!(get(scene.at("/x")).await.is_err());
    assert_eq!(scene.homeserver.hits(), 0);
    drop(bend);
    let _bend = scene.door.bend(Matcher::any(), Action::DropReply);
    assert!(get(scene.at("/x")).await.is_err());
    assert_eq!(scene.homeserver.hits(), 1);
    let exchange = scene.door.traffic().snapshot().pop().unwrap();
    assert_eq!((exchange.status, exchange.upstream_status), (None, Some(200)));
    assert!(exchange.is_over());
}

#[tokio::test]
async fn a_black_hole_answers_nobody_until_it_is_closed() {
    let scene = scene().await;
    let bend = scene.door.bend(Matcher::any(), Action::BlackHole);
    let asked = tokio::spawn(get(scene.at("/x")));
    scene
        .door
        .traffic()
        .wait_until("the request to fall in", PATIENCE, |all| {
            all.iter().find(|one| one.bent.is_some()).map(drop)
        })
        .await
        .unwrap();
    assert!(!asked.is_finished());
    drop(bend);
    assert!(asked.await.unwrap().is_err());
    assert_eq!(scene.homeserver.hits(), 0);
}

#[tokio::test]
async fn a_truncated_reply_breaks_off_in_the_body() {
    let scene = scene().await;
    let _bend = scene.door.bend(Matcher::any(), Action::Truncate(4));
    let response = reqwest::get(scene.at("/x")).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err());
}

#[tokio::test]
async fn a_reply_can_come_late_as_html_twice_or_with_another_code() {
    let scene = scene().await;
    let began = Instant::now();
    let late = scene
        .door
        .bend(Matcher::any(), Action::Delay(Duration::from_millis(120)));
    get(scene.at("/x")).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(120));
    drop(late);

    let html = scene.door.bend(Matcher::any(), Action::NotJson);
    assert!(get(scene.at("/x")).await.unwrap().1.contains("<html>"));
    drop(html);

    let before = scene.homeserver.hits();
    let twice = scene.door.bend(Matcher::any(), Action::Duplicate);
    get(scene.at("/x")).await.unwrap();
    assert_eq!(scene.homeserver.hits(), before + 2);
    drop(twice);

    let (from, to) = ("M_UNKNOWN_TOKEN".to_owned(), "M_UNAUTHORIZED".to_owned());
    let wording = scene.door.bend(Matcher::any(), Action::Errcode { from, to });
    get(scene.at("/x")).await.unwrap();
    assert_eq!(wording.fired(), 0);
    assert!(get(scene.at("/dead")).await.unwrap().1.contains("M_UNAUTHORIZED"));
    assert_eq!(wording.fired(), 1);
}

#[tokio::test]
async fn a_gate_holds_one_request_exactly_where_it_says() {
    let scene = scene().await;
    let gate = scene.door.gate(Matcher::path("GET", "/x"), Point::BeforeForward);
    let asked = tokio::spawn(get(scene.at("/x")));
    assert_eq!(gate.reached(PATIENCE).await.unwrap().path, "/x");
    assert_eq!(scene.homeserver.hits(), 0);
    // Others pass meanwhile, also those the gate would mean: it holds one.
    assert_eq!(get(scene.at("/x")).await.unwrap().0, 200);
    gate.open();
    assert_eq!(asked.await.unwrap().unwrap().0, 200);

    let gate = scene.door.gate(Matcher::path("GET", "/x"), Point::AfterReply);
    let hits = scene.homeserver.hits();
    let asked = tokio::spawn(get(scene.at("/x")));
    assert_eq!(gate.reached(PATIENCE).await.unwrap().status, Some(200));
    assert_eq!(scene.homeserver.hits(), hits + 1);
    assert!(!asked.is_finished());
    drop(gate);
    assert_eq!(asked.await.unwrap().unwrap().0, 200);
}

#[tokio::test]
async fn a_gate_that_nothing_reaches_says_what_it_waited_for() {
    let scene = scene().await;
    let gate = scene
        .door
        .gate(Matcher::endpoint("POST", "/login").from_bot(), Point::AfterReply);
    let error = gate.reached(Duration::from_millis(30)).await.unwrap_err();
    assert!(error.to_string().contains("POST /login of the bot"), "{error}");
}

#[tokio::test]
async fn an_upstream_that_is_away_is_a_bad_gateway() {
    let mut scene = scene().await;
    scene.homeserver.end().await;
    scene.bot.end().await;
    assert_eq!(get(scene.at("/x")).await.unwrap().0, 502);
    assert_eq!(get(scene.at("/pages/api")).await.unwrap().0, 502);
    assert!(scene.door.traffic().snapshot()[0].error.is_some());
}

#[tokio::test]
async fn waiting_for_traffic_that_never_comes_tells_the_last_requests() {
    let scene = scene().await;
    get(scene.at("/x")).await.unwrap();
    let wanted = Matcher::path("GET", "/y");
    let error = scene
        .door
        .traffic()
        .wait_for(&wanted, Duration::from_millis(30))
        .await
        .unwrap_err();
    assert!(error.last_seen.contains("GET /x → 200"), "{error}");
}

#[tokio::test]
async fn several_bends_of_one_request_add_up_and_count_for_themselves() {
    let scene = scene().await;
    let login = || Matcher::endpoint("POST", "/login").from_bot();
    let twice = scene.door.bend(login().times(1), Action::Duplicate);
    let late = scene.door.bend(login(), Action::DelayReply(Duration::from_millis(30)));
    let other = scene.door.bend(
        login().times(2),
        Action::Rewrite(
            Rewrite::new()
                .status(202)
                .header("x-bent", "yes")
                .set("/device_id", json!("OTHER")),
        ),
    );
    let unmet = scene.door.bend(Matcher::endpoint("GET", "/login"), Action::DropRequest);

    let began = Instant::now();
    let answer = scene.login().await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(30));
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["x-bent"].to_str().unwrap()),
        (202, "yes")
    );
    assert_eq!(answer.json::<Value>().await.unwrap()["device_id"], "OTHER");
    assert_eq!(scene.homeserver.hits(), 2);
    scene.login().await.unwrap();
    let third = scene.login().await.unwrap();
    assert_eq!(third.status().as_u16(), 200, "the rewrite has used up its times");
    assert_eq!(
        [&twice, &late, &other, &unmet].map(knockproof_harness::front_door::Bend::fired),
        [1, 3, 2, 0]
    );
    let exchange = &scene.door.traffic().snapshot()[0];
    assert_eq!((exchange.status, exchange.upstream_status), (Some(202), Some(200)));
}

#[tokio::test]
async fn the_newest_answer_wins_and_newer_bends_still_meet_it() {
    let scene = scene().await;
    let older = scene.door.bend(Matcher::any(), Action::error(500, "M_OLDER", ""));
    let newer = scene.door.bend(Matcher::any(), Action::error(503, "M_NEWER", ""));
    let renamed = scene.door.bend(
        Matcher::any(),
        Action::Errcode {
            from: "M_NEWER".to_owned(),
            to: "M_RENAMED".to_owned(),
        },
    );
    let (status, body) = get(scene.at("/x")).await.unwrap();
    assert_eq!(status, 503);
    assert!(body.contains("M_RENAMED"), "{body}");
    assert_eq!(
        [&older, &newer, &renamed].map(knockproof_harness::front_door::Bend::fired),
        [0, 1, 1]
    );
    assert_eq!(scene.homeserver.hits(), 0);
}

#[tokio::test]
async fn a_rewrite_that_finds_nothing_to_change_has_not_fired() {
    let scene = scene().await;
    let bend = scene
        .door
        .bend(Matcher::any(), Action::Rewrite(Rewrite::new().remove("/rooms")));
    assert_eq!(get(scene.at("/x")).await.unwrap().1, "homeserver");
    assert_eq!(bend.fired(), 0);
}

#[tokio::test]
async fn a_header_can_be_taken_from_a_request_on_its_way() {
    let scene = scene().await;
    let strip = Action::RequestHeader {
        name: "authorization".to_owned(),
        value: None,
    };
    let client = reqwest::Client::new();
    let ask = || client.get(scene.at_bots("/authorized")).bearer_auth("t").send();
    assert_eq!(ask().await.unwrap().text().await.unwrap(), "Bearer t");
    let bend = scene.door.bend(Matcher::any().from_bot(), strip);
    assert_eq!(ask().await.unwrap().text().await.unwrap(), "none");
    assert_eq!(bend.fired(), 1);
}

#[tokio::test]
async fn what_was_handed_to_the_bot_is_told_from_what_was_not() {
    let secrets = Secrets::default();
    secrets.hand("from-the-environment", Origin::Environment);
    let scene = scene_with(secrets).await;
    let client = reqwest::Client::new();
    let ask = |token: &'static str| client.get(scene.at_bots("/x")).bearer_auth(token).send();
    ask("upstream-token-1").await.unwrap();
    scene.login().await.unwrap();
    ask("upstream-token-1").await.unwrap();
    ask("from-the-environment").await.unwrap();

    // A login that the front door itself answers hands a token over too.
    let stranger = json!({ "user_id": "@x:hs", "access_token": "stranger-token-1", "device_id": "X" });
    let bend = scene.door.bend(
        Matcher::endpoint("POST", "/login").from_bot(),
        Action::json(200, &stranger),
    );
    scene.login().await.unwrap();
    ask("stranger-token-1").await.unwrap();
    drop(bend);

    let exchanges = scene.door.traffic().snapshot();
    let mut asked = exchanges.iter().filter(|exchange| exchange.path == "/x");
    let origins: Vec<Option<Origin>> = asked.clone().map(|exchange| exchange.origin).collect();
    let (answer, environment) = (Some(Origin::Answer), Some(Origin::Environment));
    assert_eq!(origins, [None, answer, environment, answer]);
    let last = asked.next_back().unwrap().who.as_ref().unwrap();
    assert_eq!(last.user_id, "@x:hs");
}

#[tokio::test]
async fn everything_that_passes_is_in_the_history_before_the_front_door_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.jsonl");
    let history = History::create(file.clone(), Secrets::default()).unwrap();
    let homeserver = Upstream::start("homeserver").await;
    let door = FrontDoor::open_recording(&homeserver.url, history).await.unwrap();
    get(format!("{}x", door.url())).await.unwrap();
    let wanted = Matcher::path("GET", "/x");
    door.traffic().wait_for(&wanted, PATIENCE).await.unwrap();

    let record = Record::read(&file).unwrap();
    let exchanges = record.exchanges();
    assert_eq!(exchanges.len(), 1);
    assert_eq!((exchanges[0].path.as_str(), exchanges[0].status), ("/x", Some(200)));
}
