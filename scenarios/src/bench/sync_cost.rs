//! What a sync costs as rooms and events grow.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use harness::{
    client::{NewRoom, Registration, User},
    homeserver::{self, Homeserver},
    step::Failure,
};
use reqwest::Method;

use super::{Bed, Bench, Figure, Ground, Part, Samples, Unit, aim::Aim, path::millis};

/// How often each is measured.
const TIMES: usize = 200;

/// How many requests fill the server at once.
const AT_ONCE: usize = 8;

/// What an idle sync with all rooms may take as a multiple of one with ten: the same, but for the noise of a busy machine.
const AIM: f64 = 1.3;

/// What a sync costs as rooms and events grow.
#[derive(Clone, Copy, Debug)]
pub(super) struct SyncCost;

#[async_trait]
impl Bench for SyncCost {
    fn name(&self) -> &'static str {
        "sync-cost"
    }

    fn summary(&self) -> &'static str {
        "an incremental sync, idle and with one event, as the user's rooms and a room's events grow"
    }

    fn part(&self) -> Part {
        Part::Homeserver
    }

    async fn measure(&self, bed: &Bed, figures: &mut Vec<Figure>) -> Result<(), Failure> {
        for ground in &bed.grounds {
            figures.extend(on(bed, ground).await?);
        }
        Ok(())
    }
}

/// The sizes that are compared; a real server takes too long to fill with more.
fn sizes(ground: &Ground) -> &'static [usize] {
    if ground.is_embedded() {
        &[10, 100, 1_000, 10_000]
    } else {
        &[10, 100]
    }
}

async fn on(bed: &Bed, ground: &Ground) -> Result<Vec<Figure>, Failure> {
    let folder = tempfile::tempdir()?;
    let chosen = homeserver::start(homeserver::Options::new(ground.choice, folder.path())).await?;
    let server = chosen.homeserver.as_ref();
    let user = register(server, "rooms").await?;
    let first = user.create_room(&NewRoom::preset("private_chat")).await?;
    let mut figures = vec![answers(&user, ground).await?];
    figures.extend(by_rooms(bed, ground, &user, &first).await?);
    let talker = register(server, "events").await?;
    figures.extend(by_events(bed, ground, &talker).await?);
    server.stop().await?;
    Ok(figures)
}

async fn register(server: &dyn Homeserver, username: &str) -> Result<User, Failure> {
    let registration = Registration {
        username,
        password: "a long password",
        registration_token: server.registration_token(),
    };
    Ok(User::register(server.base_url(), &registration).await?)
}

/// What the least of all requests takes: the floor under everything else here.
async fn answers(user: &User, ground: &Ground) -> Result<Figure, Failure> {
    let samples = repeated(|| async { user.raw(Method::GET, "/_matrix/client/versions", None).await }).await?;
    Ok(Figure::new(
        "least request (versions)",
        &ground.name,
        Unit::Milliseconds,
        samples,
    ))
}

async fn by_rooms(bed: &Bed, ground: &Ground, user: &User, room: &str) -> Result<Vec<Figure>, Failure> {
    let mut figures = Vec::new();
    let room_like_the_others = NewRoom::preset("private_chat");
    let (mut present, mut at_ten) = (1, None);
    for &size in sizes(ground) {
        (bed.say)(&format!("  {} rooms on {}", size, ground.name));
        let more = stream::iter(present..size).map(|_| user.create_room(&room_like_the_others));
        more.buffer_unordered(AT_ONCE)
            .try_for_each(|_| async { Ok(()) })
            .await?;
        present = size;
        figures.extend(pair(ground, user, room, &format!("{size} rooms"), &mut at_ten, "10 rooms").await?);
    }
    Ok(figures)
}

async fn by_events(bed: &Bed, ground: &Ground, user: &User) -> Result<Vec<Figure>, Failure> {
    let room = user.create_room(&NewRoom::preset("private_chat")).await?;
    let mut figures = Vec::new();
    let (mut present, mut at_ten) = (0, None);
    for &size in sizes(ground) {
        (bed.say)(&format!("  {} events on {}", size, ground.name));
        let more = stream::iter(present..size).map(|_| user.say(&room, "one of many"));
        more.buffer_unordered(AT_ONCE)
            .try_for_each(|_| async { Ok(()) })
            .await?;
        present = size;
        figures.extend(pair(ground, user, &room, &format!("{size} events"), &mut at_ten, "10 events").await?);
    }
    Ok(figures)
}

/// The idle sync and the one with an event at one size. The smallest size is what the others are compared with.
async fn pair(
    ground: &Ground,
    user: &User,
    room: &str,
    size: &str,
    smallest: &mut Option<(Samples, Samples)>,
    of: &str,
) -> Result<[Figure; 2], Failure> {
    let (idle, busy) = (idle(user).await?, with_event(user, room).await?);
    let figure = |what: &str, samples: &Samples| {
        Figure::new(
            format!("{what} sync, {size}"),
            &ground.name,
            Unit::Milliseconds,
            samples.clone(),
        )
    };
    let mut figures = [figure("idle", &idle), figure("one-event", &busy)];
    match smallest {
        None => *smallest = Some((idle, busy)),
        Some((first_idle, first_busy)) => {
            figures = [
                figures[0]
                    .clone()
                    .against(of, Some(first_idle))
                    .aiming(Aim::RatioAtMost(AIM)),
                figures[1].clone().against(of, Some(first_busy)),
            ];
        }
    }
    Ok(figures)
}

async fn idle(user: &User) -> Result<Samples, Failure> {
    let since = position(user).await?;
    repeated(|| async { user.sync(Some(&since), Duration::ZERO).await }).await
}

async fn with_event(user: &User, room: &str) -> Result<Samples, Failure> {
    let mut samples = Vec::new();
    for _ in 0..TIMES / 4 {
        let since = position(user).await?;
        user.say(room, "news").await?;
        let began = Instant::now();
        let answer = user.sync(Some(&since), Duration::ZERO).await?;
        samples.push(millis(began.elapsed()));
        if answer.timeline(room).is_empty() {
            return Err(Failure::new(format!(
                "a sync after a message does not show it: {}",
                answer.body()
            )));
        }
    }
    Samples::new(samples)
}

/// Where the stream is now. With a filter that lets nothing of a room through, so that finding out costs nothing.
async fn position(user: &User) -> Result<String, Failure> {
    let filter = r#"{"room":{"rooms":[]},"presence":{"types":[]},"account_data":{"types":[]}}"#;
    let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
    let path = format!("/_matrix/client/v3/sync?timeout=0&filter={filter}");
    let answer = user.request(Method::GET, &path, None).await?;
    let position = answer["next_batch"].as_str();
    position
        .map(str::to_owned)
        .ok_or_else(|| Failure::new("a sync without next_batch"))
}

async fn repeated<T, F>(work: impl Fn() -> F) -> Result<Samples, Failure>
where
    F: Future<Output = harness::client::Result<T>>,
{
    // Once for the connection.
    work().await?;
    let mut samples = Vec::new();
    for _ in 0..TIMES {
        let began = Instant::now();
        work().await?;
        samples.push(millis(began.elapsed()));
    }
    Samples::new(samples)
}
