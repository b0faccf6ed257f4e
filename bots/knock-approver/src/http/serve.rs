//! Connections: each with time-outs, all of them bounded in number, and the room shared out fairly.
//!
//! Anybody can open connections and say nothing. When all places are taken, a newcomer gets that of the oldest idle connection of
//! whoever holds the most: who opens thousands drives out their own.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::address::network;

/// For the head of a request, and between two requests on one connection.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// For a whole connection: whoever reads an answer slowly holds a place no longer than this.
const LIFETIME: Duration = Duration::from_secs(300);
/// For what is in flight at the end.
const FAREWELL: Duration = Duration::from_secs(3);
/// After the system refused another connection (no file descriptor is free).
const BREATH: Duration = Duration::from_millis(50);
/// The most connections at once.
const MOST: usize = 512;

/// Serves until `shutdown`; requests in flight are answered.
pub(super) async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let places = Arc::new(Places::new(most()));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let place = places.take(network(peer.ip()));
                connections.spawn(connection(stream, peer, place, router.clone(), shutdown.clone()));
            }
            Err(error) => {
                tracing::debug!(%error, "a connection is not accepted");
                sleep(BREATH).await;
            }
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(FAREWELL, all).await;
}

/// Half of the files that this process may have open, at most: the databases and the homeserver need theirs.
fn most() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let half = limit.and_then(|limit| usize::try_from(limit / 2).ok());
    half.map_or(MOST, |half| half.clamp(16, MOST))
}

async fn connection(stream: TcpStream, peer: SocketAddr, place: Place, router: Router, shutdown: CancellationToken) {
    let busy = place.busy.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let (router, busy) = (router.clone(), busy.clone());
        async move {
            busy.store(true, Ordering::Relaxed);
            let answer = router.oneshot(request.map(Body::new)).await;
            busy.store(false, Ordering::Relaxed);
            Ok::<_, Infallible>(answer.unwrap_or_else(|never| match never {}))
        }
    });
    let mut serving = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_PATIENCE)
            .serve_connection(TokioIo::new(stream), service)
    );
    let served = tokio::select! {
        served = serving.as_mut() => served,
        () = place.taken.cancelled() => return,
        () = sleep(LIFETIME) => return,
        () = shutdown.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "a connection ended badly");
    }
}

/// The places there are, by who holds them.
#[derive(Debug)]
struct Places {
    most: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    next: u64,
    count: usize,
    by: HashMap<IpNet, BTreeMap<u64, Seat>>,
}

#[derive(Debug)]
struct Seat {
    /// Somebody else gets it.
    taken: CancellationToken,
    /// A request is being answered.
    busy: Arc<AtomicBool>,
}

/// A place, given back when it is dropped.
#[derive(Debug)]
struct Place {
    id: u64,
    network: IpNet,
    taken: CancellationToken,
    busy: Arc<AtomicBool>,
    places: Arc<Places>,
}

impl Places {
    fn new(most: usize) -> Self {
        Self {
            most,
            held: Mutex::default(),
        }
    }

    fn take(self: &Arc<Self>, network: IpNet) -> Place {
        let mut held = self.held();
        if held.count >= self.most {
            held.make_room();
        }
        let id = held.next;
        held.next += 1;
        held.count += 1;
        let (taken, busy) = (CancellationToken::new(), Arc::new(AtomicBool::new(false)));
        let seat = Seat {
            taken: taken.clone(),
            busy: busy.clone(),
        };
        held.by.entry(network).or_default().insert(id, seat);
        Place {
            id,
            network,
            taken,
            busy,
            places: self.clone(),
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Takes one place: the oldest idle one of whoever holds the most and has an idle one. Where all are busy, the oldest of whoever
    /// holds the most.
    fn make_room(&mut self) {
        let idle = self.by.iter().filter_map(|(network, seats)| {
            let seat = seats.iter().find(|(_, seat)| !seat.busy.load(Ordering::Relaxed));
            seat.map(|(id, _)| (seats.len(), *network, *id))
        });
        let busy = || {
            let oldest = self.by.iter().filter_map(|(network, seats)| {
                let seat = seats.keys().next();
                seat.map(|id| (seats.len(), *network, *id))
            });
            oldest.max_by_key(|(count, ..)| *count)
        };
        if let Some((_, network, id)) = idle.max_by_key(|(count, ..)| *count).or_else(busy) {
            self.give_up(network, id);
        }
    }

    fn give_up(&mut self, network: IpNet, id: u64) {
        let Some(seats) = self.by.get_mut(&network) else {
            return;
        };
        if let Some(seat) = seats.remove(&id) {
            seat.taken.cancel();
            self.count -= 1;
        }
        if seats.is_empty() {
            self.by.remove(&network);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.held().give_up(self.network, self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> IpNet {
        super::network(text.parse().unwrap())
    }

    #[test]
    fn who_opens_many_connections_drives_out_their_own() {
        let places = Arc::new(Places::new(4));
        let quiet = places.take(network("192.0.2.1"));
        let flood: Vec<Place> = (0..10).map(|_| places.take(network("192.0.2.2"))).collect();
        assert!(!quiet.taken.is_cancelled());
        let left: Vec<bool> = flood.iter().map(|place| !place.taken.is_cancelled()).collect();
        assert_eq!(left, [[false; 7].as_slice(), &[true; 3]].concat());
        assert_eq!(places.held().count, 4);
        drop(flood);
        let held = places.held();
        assert_eq!((held.count, held.by.len()), (1, 1));
        // Before the last place is given back, which locks it too.
        drop(held);
    }

    /// Whoever holds the most may be a proxy behind which all are answered.
    #[test]
    fn a_busy_place_is_not_taken_while_another_network_has_an_idle_one() {
        let places = Arc::new(Places::new(4));
        let working: Vec<Place> = (0..3).map(|_| places.take(network("192.0.2.1"))).collect();
        working
            .iter()
            .for_each(|place| place.busy.store(true, Ordering::Relaxed));
        let idle = places.take(network("192.0.2.2"));
        let last = places.take(network("192.0.2.3"));
        assert!(idle.taken.is_cancelled());
        assert!(working.iter().all(|place| !place.taken.is_cancelled()));
        last.busy.store(true, Ordering::Relaxed);
        let _more = places.take(network("192.0.2.4"));
        assert!(
            working[0].taken.is_cancelled(),
            "where all are busy, whoever holds the most gives way"
        );
    }

    #[test]
    fn who_is_being_answered_keeps_the_place_while_another_is_idle() {
        let places = Arc::new(Places::new(2));
        let working = places.take(network("2001:db8::1"));
        working.busy.store(true, Ordering::Relaxed);
        let idle = places.take(network("2001:db8::2"));
        let _third = places.take(network("2001:db8::3"));
        assert!(!working.taken.is_cancelled() && idle.taken.is_cancelled());
    }
}
