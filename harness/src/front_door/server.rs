use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use super::{
    Action, Bend, Entrance, Gate, Matcher, Point, Traffic, Upstream, Who, bend::Rules, gate::Locks, proxy,
    registry::Registry,
};
use crate::{client::plain_client, history::History, secrets::Secrets};

/// How long a connection to an upstream is kept for the next request: less than any upstream keeps an idle one, so that none is used
/// that is being closed. One that a restart closes is noticed long before the upstream is there again.
const KEPT: Duration = Duration::from_secs(5);

/// What can go wrong with a front door.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No port could be listened on.
    #[error("the front door cannot listen on 127.0.0.1: {0}")]
    Listen(#[from] io::Error),
    /// Its own URL could not be made.
    #[error("the front door's URL: {0}")]
    Url(#[from] url::ParseError),
    /// No client for the upstreams could be made.
    #[error("the front door's client: {0}")]
    Client(#[from] reqwest::Error),
}

/// The reverse proxy. Dropping it closes it.
#[derive(Debug)]
pub struct FrontDoor {
    house: Arc<House>,
    url: Url,
    bot_url: Url,
    _open: DropGuard,
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct House {
    pub(super) client: reqwest::Client,
    pub(super) traffic: Traffic,
    pub(super) rules: Arc<Rules>,
    pub(super) locks: Arc<Locks>,
    pub(super) registry: Registry,
    pub(super) secrets: Secrets,
    bot: Mutex<Option<BotSide>>,
    homeserver: Mutex<Url>,
}

/// The bot's HTTP side.
#[derive(Debug)]
struct BotSide {
    url: Url,
    /// What of it people can reach.
    public: Vec<String>,
}

impl House {
    pub(super) fn base(&self, upstream: Upstream) -> Option<Url> {
        match upstream {
            Upstream::Homeserver => Some(self.homeserver.lock().unwrap_or_else(PoisonError::into_inner).clone()),
            Upstream::Bot => {
                let bot = self.bot.lock().unwrap_or_else(PoisonError::into_inner);
                bot.as_ref().map(|bot| bot.url.clone())
            }
        }
    }

    /// Whether the bot serves this path to the public.
    pub(super) fn is_bots(&self, path: &str) -> bool {
        let bot = self.bot.lock().unwrap_or_else(PoisonError::into_inner);
        bot.as_ref()
            .is_some_and(|bot| bot.public.iter().any(|public| public == path))
    }
}

impl FrontDoor {
    /// Opens a front door before a homeserver, on two free ports. What goes through is kept in memory only.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub async fn open(homeserver: &Url, secrets: Secrets) -> Result<Self, Error> {
        Self::open_recording(homeserver, History::in_memory(secrets)).await
    }

    /// The same with a history, into which everything goes that passes.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub async fn open_recording(homeserver: &Url, history: History) -> Result<Self, Error> {
        let secrets = history.secrets().clone();
        let house = Arc::new(House {
            client: plain_client()
                .pool_idle_timeout(KEPT)
                .redirect(reqwest::redirect::Policy::none())
                .build()?,
            traffic: Traffic::new(history),
            rules: Arc::default(),
            locks: Arc::default(),
            registry: Registry::default(),
            secrets,
            bot: Mutex::new(None),
            homeserver: Mutex::new(homeserver.clone()),
        });
        let closed = CancellationToken::new();
        let public = listen(&house, Entrance::Public, &closed).await?;
        let bot = listen(&house, Entrance::Bot, &closed).await?;
        Ok(Self {
            house,
            url: Url::parse(&format!("http://{public}"))?,
            bot_url: Url::parse(&format!("http://{bot}"))?,
            _open: closed.drop_guard(),
        })
    }

    /// The public entrance.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The bot's entrance.
    pub fn bot_url(&self) -> &Url {
        &self.bot_url
    }

    /// Where the bot's HTTP side is, and which of its paths people reach at [`url`](Self::url); all others are the homeserver's.
    pub fn set_bot(&self, url: Url, public: impl IntoIterator<Item = impl Into<String>>) {
        let public = public.into_iter().map(Into::into).collect();
        *self.house.bot.lock().unwrap_or_else(PoisonError::into_inner) = Some(BotSide { url, public });
    }

    /// Where the homeserver is.
    pub fn set_homeserver(&self, url: Url) {
        *self.house.homeserver.lock().unwrap_or_else(PoisonError::into_inner) = url;
    }

    /// Everything that went through.
    pub fn traffic(&self) -> &Traffic {
        &self.house.traffic
    }

    /// From now on, this happens to those requests, until the guard is dropped. Several bends of one request add up; of those that answer it
    /// or drop it, the newest wins.
    pub fn bend(&self, matcher: Matcher, action: Action) -> Bend {
        self.house.rules.add(matcher, action)
    }

    /// Holds the first such request from now on.
    pub fn gate(&self, matcher: Matcher, point: Point) -> Gate {
        self.house.locks.add(matcher, point)
    }

    /// Tells whose a token is that was made without the front door.
    pub fn knows(&self, token: &str, user_id: &str, device_id: &str) {
        let who = Who {
            user_id: user_id.to_owned(),
            device_id: Some(device_id.to_owned()),
        };
        self.house.registry.learn(token, who, &self.house.secrets);
    }

    /// The token that the bot used last for a user.
    pub fn bot_token(&self, user_id: &str) -> Option<String> {
        self.house.registry.bot_token(user_id)
    }

    /// The name by which a token stands in the traffic.
    pub fn name_of(&self, token: &str) -> String {
        self.house.secrets.name_token(token)
    }

    /// The device behind a token that is known.
    pub fn device_behind(&self, token: &str) -> Option<String> {
        self.house.registry.who(token)?.device_id
    }

    /// Every token that was ever seen in an answer, with the session behind it.
    pub fn sessions(&self) -> Vec<(String, Who)> {
        self.house.registry.sessions()
    }

    /// Every token of a user that was ever seen.
    pub fn tokens_of(&self, user_id: &str) -> Vec<String> {
        self.house.registry.tokens_of(user_id)
    }
}

async fn listen(house: &Arc<House>, entrance: Entrance, closed: &CancellationToken) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let accept = accept(listener, Arc::clone(house), entrance, closed.clone());
    tokio::spawn(closed.clone().run_until_cancelled_owned(accept));
    Ok(address)
}

async fn accept(listener: TcpListener, house: Arc<House>, entrance: Entrance, closed: CancellationToken) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly: the next one may do better, but not at once.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                continue;
            }
        };
        // An answer passed on piece by piece would wait for the client's acknowledgement of the last piece, which takes 40 ms.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection stays slow");
        }
        let house = Arc::clone(&house);
        let service = service_fn(move |request| proxy::serve(Arc::clone(&house), entrance, peer, request));
        // A service that answers with an error closes its connection without any answer: what a client sees of a broken network.
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        let closed = closed.clone();
        tokio::spawn(async move {
            if let Some(Err(error)) = closed.run_until_cancelled(connection).await {
                tracing::trace!(%error, "a connection ended");
            }
        });
    }
}
