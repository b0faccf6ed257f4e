//! What happens to one request.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, header},
};
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

use super::{
    Action, Entrance, Exchange, Point, Traffic, Upstream,
    answer::{Answer, AnswerBody, change_header},
    bent::{self, Bent},
    mask,
    recorded::{is_about_sessions, leaks_of_answer, record},
    server::House,
};

/// Headers that belong to one connection (RFC 9110, section 7.6.1), and those that the client sets itself.
const OF_CONNECTION: [HeaderName; 7] = [
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::HOST,
    header::CONTENT_LENGTH,
];

/// Closes the connection without an answer.
#[derive(Debug)]
pub(super) struct Hangup(&'static str);

impl Hangup {
    /// There is no whole answer to be changed.
    pub(super) const UPSTREAM: Self = Self("the upstream broke off");
}

impl fmt::Display for Hangup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Hangup {}

/// A request, read whole.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    peer: SocketAddr,
}

/// Ends an exchange also where its client goes away half way.
struct Ending {
    traffic: Traffic,
    seq: u64,
    over: bool,
}

impl Ending {
    fn end(mut self, change: impl FnOnce(&mut Exchange)) {
        self.over = true;
        self.traffic.end(self.seq, change);
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.over {
            self.traffic.end(self.seq, |exchange| {
                exchange.error.get_or_insert_with(|| "the client went away".to_owned());
            });
        }
    }
}

pub(super) async fn serve(
    house: Arc<House>,
    entrance: Entrance,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Body>, Hangup> {
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map_err(|_| Hangup("the request broke off"))?
        .to_bytes();
    let call = Call {
        method: parts.method,
        target: parts.uri.path_and_query().map_or("/".to_owned(), ToString::to_string),
        headers: parts.headers,
        body,
        peer,
    };
    let exchange = house.traffic.begin(record(&house, entrance, &call));
    let ending = Ending {
        traffic: house.traffic.clone(),
        seq: exchange.seq,
        over: false,
    };
    handle(&house, &exchange, &call, ending).await
}

async fn handle(house: &House, exchange: &Exchange, call: &Call, ending: Ending) -> Result<Response<Body>, Hangup> {
    if let Some(lock) = house.locks.take(exchange, Point::BeforeForward) {
        mark(house, exchange.seq, "held before it was passed on");
        lock.hold(exchange.clone()).await;
    }
    let rules = house.rules.take(exchange);
    let mut copies = 1;
    let mut headers = call.headers.clone();
    let mut own = None;
    for rule in &rules {
        if !rule.action.is_rewrite() {
            mark(house, exchange.seq, &rule.action.to_string());
        }
        match &rule.action {
            Action::Duplicate => copies += 1,
            Action::RequestHeader { name, value } => change_header(&mut headers, name, value.as_deref()),
            Action::Delay(time) => {
                rule.over.run_until_cancelled(tokio::time::sleep(*time)).await;
            }
            Action::DropRequest => return finish(None, ending),
            Action::BlackHole => {
                rule.over.cancelled().await;
                return finish(None, ending);
            }
            Action::Reply { status, headers, body } => {
                // A login that the front door itself answers hands a token over like any other.
                learn(house, exchange, body.as_bytes());
                own = Some(Answer::own(*status, headers, body));
            }
            _ => {}
        }
    }
    let answer = match own {
        Some(own) => own,
        None => from_upstream(house, exchange, call, &headers, copies).await,
    };
    if let Some(lock) = house.locks.take(exchange, Point::AfterReply) {
        mark(house, exchange.seq, "held after the reply");
        let mut held = exchange.clone();
        held.status = Some(answer.status.as_u16());
        lock.hold(held).await;
    }
    // The newest stands next to the client: what older ones make of the answer comes to it.
    let bent = bent::back(house, exchange, rules.iter().rev().map(AsRef::as_ref), answer).await?;
    match bent {
        Bent::Lost => finish(None, ending),
        Bent::Whole(answer) => finish(Some(answer), ending),
        Bent::Cut(answer, bytes) => {
            let (status, headers) = (answer.status, answer.headers.clone());
            let body = answer.whole().await.map_err(|_| Hangup::UPSTREAM)?;
            let cut = body.slice(..bytes.min(body.len()));
            ending.end(|exchange| exchange.status = Some(status.as_u16()));
            respond(status, &headers, Body::from_stream(breaking_off(cut)))
        }
    }
}

/// Passes a request on, once or several times; the last answer counts.
async fn from_upstream(house: &House, exchange: &Exchange, call: &Call, headers: &HeaderMap, copies: usize) -> Answer {
    for _ in 1..copies {
        let _ = forward(house, exchange, call, headers).await;
    }
    match forward(house, exchange, call, headers).await {
        Ok(answer) => answer,
        Err(error) => {
            house
                .traffic
                .update(exchange.seq, |exchange| exchange.error = Some(error));
            Answer::page(StatusCode::BAD_GATEWAY)
        }
    }
}

/// These bytes, then a broken connection.
fn breaking_off(bytes: Bytes) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    let end = stream::once(async {
        // What was written reaches the client only while the body has nothing new.
        tokio::task::yield_now().await;
        Err(io::Error::other("cut by the front door"))
    });
    stream::iter([Ok(bytes)]).chain(end)
}

pub(super) fn mark(house: &House, seq: u64, what: &str) {
    house.traffic.update(seq, |exchange| {
        exchange.bent = Some(match exchange.bent.take() {
            Some(before) => format!("{before}; {what}"),
            None => what.to_owned(),
        });
    });
}

/// Gives the answer to the client, or closes the connection.
fn finish(answer: Option<Answer>, ending: Ending) -> Result<Response<Body>, Hangup> {
    let Some(answer) = answer else {
        ending.end(|_| ());
        return Err(Hangup("closed by a bend"));
    };
    let status = answer.status.as_u16();
    let body = match answer.body {
        AnswerBody::Whole(bytes) => {
            ending.end(|exchange| exchange.status = Some(status));
            Body::from(bytes)
        }
        AnswerBody::Stream(response) => {
            ending
                .traffic
                .update(ending.seq, |exchange| exchange.status = Some(status));
            Body::from_stream(until_ended(response, ending))
        }
    };
    respond(answer.status, &answer.headers, body)
}

/// The body of an upstream's answer as it comes; ends the exchange with its last byte.
fn until_ended(
    response: reqwest::Response,
    ending: Ending,
) -> impl futures_util::Stream<Item = reqwest::Result<Bytes>> {
    let parts = Box::pin(response.bytes_stream());
    stream::unfold((parts, Some(ending)), |(mut parts, mut ending)| async move {
        let next = parts.next().await;
        match &next {
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                let error = error.to_string();
                if let Some(ending) = ending.take() {
                    ending.end(|exchange| exchange.error = Some(format!("the upstream broke off: {error}")));
                }
            }
            None => {
                if let Some(ending) = ending.take() {
                    ending.end(|_| ());
                }
            }
        }
        next.map(|part| (part, (parts, ending)))
    })
}

fn respond(status: StatusCode, headers: &HeaderMap, body: Body) -> Result<Response<Body>, Hangup> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in headers {
        if !OF_CONNECTION.contains(name) {
            response.headers_mut().append(name, value.clone());
        }
    }
    Ok(response)
}

/// Passes the request on. What makes sessions, and every error, is read whole, so that it can be recorded before the client has it.
async fn forward(house: &House, exchange: &Exchange, call: &Call, headers: &HeaderMap) -> Result<Answer, String> {
    let base = house.base(exchange.upstream).ok_or("the bot is not there")?;
    let url = format!("{}{}", base.as_str().trim_end_matches('/'), call.target);
    let mut request = house.client.request(call.method.clone(), url).body(call.body.clone());
    for (name, value) in headers {
        if !OF_CONNECTION.contains(name) {
            request = request.header(name, value);
        }
    }
    if exchange.upstream == Upstream::Bot {
        request = request.header("x-forwarded-for", call.peer.ip().to_string());
    }
    let response = request
        .send()
        .await
        .map_err(|error| format!("{}", error.without_url()))?;
    let (status, headers) = (response.status(), response.headers().clone());
    // What the bot answers is read whole too: it is searched for secrets.
    let whole = status.is_client_error() || status.is_server_error() || exchange.upstream == Upstream::Bot;
    if !whole && !is_about_sessions(&exchange.path) {
        let body = AnswerBody::Stream(response);
        return Ok(Answer { status, headers, body });
    }
    let body = response
        .bytes()
        .await
        .map_err(|error| format!("{}", error.without_url()))?;
    learn(house, exchange, &body);
    if exchange.upstream == Upstream::Bot {
        let leaks = leaks_of_answer(&house.secrets, &headers, &body);
        house
            .traffic
            .update(exchange.seq, |exchange| exchange.leaks.extend(leaks));
    }
    Ok(Answer {
        status,
        headers,
        body: AnswerBody::Whole(body),
    })
}

/// Notes whose token an answer brings, and what it says.
fn learn(house: &House, exchange: &Exchange, body: &[u8]) {
    if let Ok(json) = serde_json::from_slice::<Value>(body) {
        house.registry.learn_from(&json, exchange.entrance, &house.secrets);
        let answer = mask::json(json, &house.secrets);
        house.traffic.update(exchange.seq, |exchange| exchange.answer = answer);
    }
}
