//! What happens to one request.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header},
};
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

use super::{Action, Entrance, Exchange, Point, Traffic, Upstream, bend::Rule, mask, server::House};

/// What the bot serves to the public.
const BOT_PATHS: [&str; 6] = [
    "/",
    "/join",
    "/signup",
    "/join/api",
    "/signup/api",
    "/signup/api/crosssign",
];

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

impl fmt::Display for Hangup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Hangup {}

/// A request, read whole.
struct Call {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Bytes,
    peer: SocketAddr,
}

/// An answer of the upstream.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: AnswerBody,
}

enum AnswerBody {
    Whole(Bytes),
    Stream(reqwest::Response),
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
    let rule = house.rules.take(exchange);
    if let Some(rule) = rule.as_deref() {
        if let Some(outcome) = before(house, exchange, rule).await {
            return finish(outcome, ending);
        }
        if rule.action == Action::Duplicate {
            let _ = forward(house, exchange, call).await;
        }
    }
    let answer = match forward(house, exchange, call).await {
        Ok(answer) => answer,
        Err(error) => {
            house
                .traffic
                .update(exchange.seq, |exchange| exchange.error = Some(error));
            Answer::page(StatusCode::BAD_GATEWAY)
        }
    };
    if let Some(lock) = house.locks.take(exchange, Point::AfterReply) {
        mark(house, exchange.seq, "held after the reply");
        let mut held = exchange.clone();
        held.status = Some(answer.status.as_u16());
        lock.hold(held).await;
    }
    match rule {
        Some(rule) => after(house, exchange, &rule, answer, ending).await,
        None => finish(Some(answer), ending),
    }
}

/// What a bend does before the upstream sees the request: `None` to go on; else the answer, or the end of the connection.
async fn before(house: &House, exchange: &Exchange, rule: &Rule) -> Option<Option<Answer>> {
    if !rule.action.is_rewrite() {
        mark(house, exchange.seq, &rule.action.to_string());
    }
    match &rule.action {
        Action::Reply { status, headers, body } => Some(Some(Answer::own(*status, headers, body))),
        Action::DropRequest => Some(None),
        Action::BlackHole => {
            rule.over.cancelled().await;
            Some(None)
        }
        Action::Delay(time) => {
            rule.over.run_until_cancelled(tokio::time::sleep(*time)).await;
            None
        }
        _ => None,
    }
}

/// What a bend does to the answer.
async fn after(
    house: &House,
    exchange: &Exchange,
    rule: &Rule,
    answer: Answer,
    ending: Ending,
) -> Result<Response<Body>, Hangup> {
    let upstream_status = answer.status.as_u16();
    match &rule.action {
        Action::DropReply => {
            house.traffic.update(exchange.seq, |exchange| {
                exchange.upstream_status = Some(upstream_status)
            });
            // Whole, so that the upstream has certainly done its work.
            let _ = answer.whole().await;
            finish(None, ending)
        }
        Action::DelayReply(time) => {
            rule.over.run_until_cancelled(tokio::time::sleep(*time)).await;
            finish(Some(answer), ending)
        }
        Action::NotJson => finish(Some(Answer::page(answer.status)), ending),
        Action::Truncate(bytes) => {
            let (status, headers) = (answer.status, answer.headers.clone());
            let body = answer.whole().await.map_err(|_| Hangup("the upstream broke off"))?;
            let cut = body.slice(..(*bytes).min(body.len()));
            ending.end(|exchange| exchange.status = Some(status.as_u16()));
            respond(status, &headers, Body::from_stream(breaking_off(cut)))
        }
        Action::Errcode { .. } | Action::Gap => {
            let (status, headers) = (answer.status, answer.headers.clone());
            let body = answer.whole().await.map_err(|_| Hangup("the upstream broke off"))?;
            let rewritten = rewrite(&body, &rule.action);
            if let Some(json) = &rewritten {
                rule.fired();
                mark(house, exchange.seq, &rule.action.to_string());
                if let Some(errcode) = json.get("errcode") {
                    let errcode = errcode.clone();
                    house
                        .traffic
                        .update(exchange.seq, |exchange| exchange.answer["errcode"] = errcode);
                }
            }
            let body = rewritten.map_or(body, |json| Bytes::from(json.to_string()));
            let body = AnswerBody::Whole(body);
            finish(Some(Answer { status, headers, body }), ending)
        }
        _ => finish(Some(answer), ending),
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

/// What a rewrite makes of an answer; `None` where it has nothing to change.
fn rewrite(body: &[u8], action: &Action) -> Option<Value> {
    let mut json: Value = serde_json::from_slice(body).ok()?;
    let changed = match action {
        Action::Errcode { from, to } if json["errcode"] == from.as_str() => {
            json["errcode"] = Value::from(to.as_str());
            true
        }
        Action::Gap => leave_messages_out(&mut json),
        _ => false,
    };
    changed.then_some(json)
}

/// Empties the timelines of a sync that hold a message; answers whether there was one.
fn leave_messages_out(sync: &mut Value) -> bool {
    let rooms = sync.pointer_mut("/rooms/join").and_then(Value::as_object_mut);
    let mut changed = false;
    for room in rooms.into_iter().flat_map(|rooms| rooms.values_mut()) {
        let timeline = &mut room["timeline"];
        let events = timeline["events"].as_array();
        if events.is_some_and(|events| events.iter().any(|event| event["type"] == "m.room.message")) {
            timeline["events"] = Value::Array(Vec::new());
            timeline["limited"] = Value::Bool(true);
            changed = true;
        }
    }
    changed
}

fn mark(house: &House, seq: u64, what: &str) {
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
async fn forward(house: &House, exchange: &Exchange, call: &Call) -> Result<Answer, String> {
    let base = house.base(exchange.upstream).ok_or("the bot is not there")?;
    let url = format!("{}{}", base.as_str().trim_end_matches('/'), call.target);
    let mut request = house.client.request(call.method.clone(), url).body(call.body.clone());
    for (name, value) in &call.headers {
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
    if !status.is_client_error() && !status.is_server_error() && !is_about_sessions(&exchange.path) {
        let body = AnswerBody::Stream(response);
        return Ok(Answer { status, headers, body });
    }
    let body = response
        .bytes()
        .await
        .map_err(|error| format!("{}", error.without_url()))?;
    if let Ok(json) = serde_json::from_slice::<Value>(&body) {
        house.registry.learn_from(&json, &house.secrets);
        let answer = mask::json(json, &house.secrets);
        house.traffic.update(exchange.seq, |exchange| exchange.answer = answer);
    }
    Ok(Answer {
        status,
        headers,
        body: AnswerBody::Whole(body),
    })
}

impl Answer {
    fn own(status: u16, headers: &[(String, String)], body: &str) -> Self {
        let headers = headers.iter().filter_map(|(name, value)| {
            let name = HeaderName::try_from(name.as_str()).ok()?;
            Some((name, HeaderValue::try_from(value.as_str()).ok()?))
        });
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: headers.collect(),
            body: AnswerBody::Whole(Bytes::from(body.to_owned())),
        }
    }

    /// A page of HTML as reverse proxies make them.
    fn page(status: StatusCode) -> Self {
        let headers = [("content-type".to_owned(), "text/html".to_owned())];
        Self::own(
            status.as_u16(),
            &headers,
            &format!("<html><body><h1>{status}</h1></body></html>"),
        )
    }

    async fn whole(self) -> reqwest::Result<Bytes> {
        match self.body {
            AnswerBody::Whole(bytes) => Ok(bytes),
            AnswerBody::Stream(response) => response.bytes().await,
        }
    }
}

fn record(house: &House, entrance: Entrance, call: &Call) -> Exchange {
    let (path, query) = call.target.split_once('?').unwrap_or((&call.target, ""));
    let token = token(call, query);
    let who = token.as_deref().and_then(|token| house.registry.who(token));
    if let (Some(token), Some(who)) = (&token, &who) {
        house.registry.seen(token, who, entrance);
    }
    let request = if is_about_sessions(path) {
        serde_json::from_slice(&call.body).map_or(Value::Null, |json| mask::json(json, &house.secrets))
    } else {
        Value::Null
    };
    let is_bots = entrance == Entrance::Public && BOT_PATHS.contains(&path);
    Exchange {
        seq: 0,
        at_ms: 0,
        entrance,
        upstream: if is_bots { Upstream::Bot } else { Upstream::Homeserver },
        who,
        with_token: token.is_some(),
        method: call.method.to_string(),
        path: house.secrets.mask(path),
        query: mask::query(query, &house.secrets),
        request,
        status: None,
        upstream_status: None,
        answer: Value::Null,
        took_ms: None,
        bent: None,
        error: None,
    }
}

fn token(call: &Call, query: &str) -> Option<String> {
    let bearer = call
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let bearer = bearer
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::to_owned);
    bearer.or_else(|| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs
            .find(|(key, _)| key == "access_token")
            .map(|(_, value)| value.into_owned())
    })
}

/// Requests whose bodies are recorded (masked) and whose answers may hold a new token.
fn is_about_sessions(path: &str) -> bool {
    const ENDINGS: [&str; 9] = [
        "/login",
        "/register",
        "/refresh",
        "/logout",
        "/logout/all",
        "/account/whoami",
        "/account/password",
        "/signup/api",
        "/join/api",
    ];
    ENDINGS.iter().any(|ending| path.ends_with(ending))
}
