//! A small, sound bot that heals its session and answers pings, driven over plain HTTP; with a defect, if one is wished for.

use std::{
    env, fs,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Json, Router, http::StatusCode, routing::get};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    time::sleep,
};

use crate::defect::Defect;

/// How long it waits before it asks again what was not answered.
const BACK_OFF: Duration = Duration::from_millis(200);
/// How long one that takes its time takes: more than the fault allows that it is judged by, less than a drill waits.
const LATE: Duration = Duration::from_secs(12);

/// How the bot is, as it tells.
type Said = Arc<Mutex<Value>>;

struct Session {
    user_id: String,
    device_id: String,
    token: String,
}

/// What came of a request.
enum Answer {
    Good(Value),
    Dead,
    Refused,
    /// Nothing that proves anything.
    Nothing,
}

struct Double {
    http: reqwest::Client,
    homeserver: String,
    data: PathBuf,
    localpart: String,
    defect: Option<Defect>,
    said: Said,
    heals: u32,
}

/// Runs until it is asked to end.
pub(crate) async fn run() -> ExitCode {
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let defect = Defect::named(&variable("DEFECT"));
    let said: Said = Arc::new(Mutex::new(Value::Null));
    let serve = serve(variable("HTTP_PORT"), said.clone());
    let mut double = Double {
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
        homeserver: variable("HS"),
        data: variable("DATA_DIR").into(),
        localpart: variable("LOCALPART"),
        defect,
        said,
        heals: 0,
    };
    let mut term = signal(SignalKind::terminate()).unwrap();
    let mut asked = 0;
    let work = async { tokio::join!(serve, double.work()) };
    tokio::pin!(work);
    loop {
        tokio::select! {
            _ = &mut work => return ExitCode::FAILURE,
            _ = term.recv() => asked += 1,
        }
        match defect {
            Some(Defect::IgnoresSigterm) if asked > 0 => {}
            Some(Defect::ExitsWithFailure) => return ExitCode::from(3),
            _ => return ExitCode::SUCCESS,
        }
    }
}

async fn serve(port: String, said: Said) {
    let ready = move || {
        let said = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let status = match said["state"] == "ok" {
            true => StatusCode::OK,
            false => StatusCode::SERVICE_UNAVAILABLE,
        };
        async move { (status, Json(json!({ "bot": said }))) }
    };
    let router = Router::new()
        .route("/ready", get(ready))
        .route("/health", get(|| async { "ok" }));
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await.unwrap();
    axum::serve(listener, router).await.unwrap();
}

impl Double {
    async fn work(&mut self) {
        self.say("healing", "starting", None);
        let mut session = self.saved().or_else(|| self.given());
        let mut since = fs::read_to_string(self.data.join("since")).ok();
        let mut first = true;
        loop {
            let Some(current) = session.take() else {
                session = Some(self.heal(None).await);
                continue;
            };
            if first {
                match self.whose(&current).await {
                    Answer::Good(_) => first = false,
                    Answer::Dead | Answer::Refused => {
                        session = Some(self.heal(Some(&current)).await);
                        continue;
                    }
                    Answer::Nothing => {
                        session = Some(self.waited(current).await);
                        continue;
                    }
                }
                self.misuse(&current).await;
            }
            match self.sync(&current, since.as_deref()).await {
                Answer::Good(answer) => {
                    self.say("ok", "serving", Some(&current));
                    self.answer(&current, &answer, since.is_none()).await;
                    since = answer["next_batch"].as_str().map(str::to_owned);
                    fs::write(self.data.join("since"), since.as_deref().unwrap_or_default()).unwrap();
                    session = Some(current);
                }
                Answer::Dead | Answer::Refused => session = Some(self.heal(Some(&current)).await),
                Answer::Nothing => session = Some(self.waited(current).await),
            }
        }
    }

    /// An outage is waited out.
    async fn waited(&mut self, session: Session) -> Session {
        self.say("healing", "the homeserver does not answer", Some(&session));
        if self.defect == Some(Defect::LogsInDuringOutage) {
            self.login(Some(&session.device_id)).await;
        }
        sleep(BACK_OFF).await;
        session
    }

    /// A new token, on the device where there is one.
    async fn heal(&mut self, dead: Option<&Session>) -> Session {
        self.heals += 1;
        let device = dead.map(|session| session.device_id.as_str());
        self.heal_wrongly(device).await;
        loop {
            self.say("healing", "the token is dead", None);
            match self.login(device).await {
                Answer::Good(answer) => {
                    fs::write(self.data.join("session.json"), answer.to_string()).unwrap();
                    return self.saved().unwrap();
                }
                Answer::Refused => self.wait_for_operator(dead).await,
                Answer::Dead | Answer::Nothing => sleep(BACK_OFF).await,
            }
        }
    }

    /// What some do when their token is dead.
    async fn heal_wrongly(&self, device: Option<&str>) {
        match self.defect {
            Some(Defect::Cries) => {
                self.say("needs_operator", "everything is lost", None);
                sleep(Duration::from_secs(1)).await;
            }
            Some(Defect::HealsLate) => sleep(LATE).await,
            Some(Defect::LeavesDevice) => {
                self.login(None).await;
            }
            Some(Defect::LogsInOften) => {
                for _ in 0..3 {
                    self.login(device).await;
                }
            }
            Some(Defect::LogsOthersOut) => {
                let found = env::var("SPARE").unwrap_or_default();
                let _ = answer(self.http.post(self.url("logout")).bearer_auth(found)).await;
            }
            Some(Defect::Panics) => {
                let thread = std::thread::spawn(|| panic!("something went wrong beside the work"));
                let _ = thread.join();
            }
            Some(Defect::Dies) if !self.data.join("died").exists() => {
                fs::write(self.data.join("died"), "").unwrap();
                panic!("something went wrong");
            }
            _ => {}
        }
    }

    /// The password is refused: it is not tried again before the file holds another one. Whether the token lives again is asked meanwhile.
    async fn wait_for_operator(&self, dead: Option<&Session>) {
        let refused = self.password();
        self.say("needs_operator", "the password is refused", None);
        while self.password() == refused {
            if let Some(dead) = dead {
                self.whose(dead).await;
            }
            sleep(BACK_OFF).await;
        }
    }

    fn password(&self) -> String {
        let text = fs::read_to_string(self.data.join("password")).unwrap_or_default();
        text.trim().to_owned()
    }

    async fn login(&self, device: Option<&str>) -> Answer {
        let mut body = json!({
            "type": "m.login.password", "password": self.password(),
            "identifier": { "type": "m.id.user", "user": self.localpart },
        });
        if let Some(device) = device {
            body["device_id"] = Value::from(device);
        }
        let request = self.http.post(self.url("login")).json(&body);
        answer(request).await
    }

    async fn whose(&self, session: &Session) -> Answer {
        let request = self.http.get(self.url("account/whoami")).bearer_auth(&session.token);
        match answer(request).await {
            Answer::Good(who) if who["user_id"] != session.user_id.as_str() => Answer::Dead,
            other => other,
        }
    }

    async fn sync(&self, session: &Session, since: Option<&str>) -> Answer {
        let mut query = vec![("timeout", "1000")];
        query.extend(since.map(|since| ("since", since)));
        let request = self.http.get(self.url("sync")).query(&query);
        answer(request.bearer_auth(&session.token)).await
    }

    /// Answers the pings in a sync. What was said before its first start is not for it.
    async fn answer(&self, session: &Session, sync: &Value, is_first: bool) {
        let rooms = sync["rooms"]["join"].as_object().cloned().unwrap_or_default();
        for (room, content) in rooms {
            for event in content["timeline"]["events"].as_array().into_iter().flatten() {
                let is_ping = event["content"]["body"] == "!ping" && event["sender"] != session.user_id.as_str();
                if !is_ping || is_first || self.defect == Some(Defect::DoesNothing) {
                    continue;
                }
                let id = event["event_id"].as_str().unwrap_or_default();
                let body = match self.defect {
                    Some(Defect::SaysToken) => format!("pong with {}", session.token),
                    _ => "pong".to_owned(),
                };
                self.send(session, &room, &format!("pong-{id}"), &body).await;
                if self.defect == Some(Defect::AnswersTwice) {
                    self.send(session, &room, &format!("again-{id}"), &body).await;
                }
            }
        }
    }

    async fn send(&self, session: &Session, room: &str, transaction: &str, body: &str) {
        let escaped = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let path = format!("rooms/{}/send/m.room.message/{}", escaped(room), escaped(transaction));
        let content = json!({ "msgtype": "m.text", "body": body });
        let send = || {
            self.http
                .put(self.url(&path))
                .bearer_auth(&session.token)
                .json(&content)
        };
        while matches!(answer(send()).await, Answer::Nothing) {
            sleep(BACK_OFF).await;
        }
    }

    /// What some do with tokens when they start.
    async fn misuse(&self, session: &Session) {
        match self.defect {
            Some(Defect::LogsToken) => eprintln!("starting with {}", session.token),
            Some(Defect::DropsToken) => fs::write(env::temp_dir().join("debug"), &session.token).unwrap(),
            Some(Defect::UsesAnyToken) => {
                let given = env::var("TOKEN").unwrap_or_default();
                let request = self.http.get(self.url("joined_rooms")).bearer_auth(given);
                let _ = answer(request).await;
            }
            _ => {}
        }
    }

    fn saved(&self) -> Option<Session> {
        let text = fs::read_to_string(self.data.join("session.json")).ok()?;
        let saved: Value = serde_json::from_str(&text).ok()?;
        let text = |key: &str| saved[key].as_str().map(str::to_owned);
        Some(Session {
            user_id: text("user_id")?,
            device_id: text("device_id")?,
            token: text("access_token")?,
        })
    }

    /// The session that the operator made for it.
    fn given(&self) -> Option<Session> {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let session = Session {
            user_id: variable("USER_ID")?,
            device_id: variable("DEVICE_ID")?,
            token: variable("TOKEN")?,
        };
        let saved = json!({
            "user_id": session.user_id, "device_id": session.device_id, "access_token": session.token,
        });
        fs::write(self.data.join("session.json"), saved.to_string()).unwrap();
        Some(session)
    }

    fn say(&self, state: &str, why: &str, session: Option<&Session>) {
        let next_step = match self.defect {
            Some(Defect::SaysNoStep) => "",
            _ => "write the password into the file",
        };
        let user_id = session.map(|session| match self.defect {
            Some(Defect::NamesAnotherUser) if self.heals > 0 => "@somebody:else",
            _ => session.user_id.as_str(),
        });
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = json!({
            "state": state, "why": why, "next_step": next_step, "user_id": user_id,
            "device_id": session.map(|session| &session.device_id),
        });
    }

    fn url(&self, endpoint: &str) -> String {
        format!("{}/_matrix/client/v3/{endpoint}", self.homeserver.trim_end_matches('/'))
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let Ok(response) = request.timeout(Duration::from_secs(10)).send().await else {
        return Answer::Nothing;
    };
    match response.status().as_u16() {
        200 => response.json().await.map_or(Answer::Nothing, Answer::Good),
        401 => Answer::Dead,
        403 => Answer::Refused,
        _ => Answer::Nothing,
    }
}
