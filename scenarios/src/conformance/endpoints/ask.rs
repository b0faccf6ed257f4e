//! Asks every case of every endpoint of one homeserver.

use std::collections::{BTreeMap, BTreeSet};

use harness::homeserver::Homeserver;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    super::step::password,
    case::{Asker, Case, Sent, cases},
    endpoint::{Endpoint, Fresh},
    error::StageError,
    shape::shape,
    stage::{Payload, Raw, Stage},
    table::endpoints,
};

/// One answer: the status, and keys and types of the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The shape of the body.
    pub body: Value,
}

/// The answers by endpoint and case.
pub type Replies = BTreeMap<String, BTreeMap<String, Reply>>;

/// Asks every case of every endpoint, in order, on a stage of its own.
///
/// # Errors
///
/// When the stage cannot be set, or a request gets no answer at all.
pub async fn ask_all(homeserver: &dyn Homeserver) -> Result<Replies, StageError> {
    let mut stage = Stage::set(homeserver).await?;
    let mut all = Replies::new();
    for endpoint in endpoints() {
        let replies = ask_endpoint(&mut stage, &endpoint).await?;
        all.insert(endpoint.name().to_owned(), replies);
    }
    Ok(all)
}

async fn ask_endpoint(stage: &mut Stage<'_>, endpoint: &Endpoint) -> Result<BTreeMap<String, Reply>, StageError> {
    refresh(stage, endpoint).await?;
    let mut replies = BTreeMap::new();
    let mut spent = false;
    for case in cases(endpoint) {
        if spent
            && matches!(
                endpoint.fresh,
                Fresh::RoomEachCase | Fresh::KnockRoomEachCase | Fresh::DeviceEachCase
            )
        {
            refresh(stage, endpoint).await?;
        }
        let raw = ask(stage, endpoint, &case).await?;
        // What was refused has changed nothing.
        spent = !(400..500).contains(&raw.status);
        let names = stage.memory.longest_first();
        let devices: BTreeSet<&str> = names
            .iter()
            .filter(|(name, _)| name.ends_with(".device"))
            .map(|(_, id)| *id)
            .collect();
        replies.insert(
            case.name,
            Reply {
                status: raw.status,
                body: shape(&raw.body, &devices),
            },
        );
    }
    stage.back_to_hall();
    Ok(replies)
}

/// Makes anew what the endpoint uses up.
async fn refresh(stage: &mut Stage<'_>, endpoint: &Endpoint) -> Result<(), StageError> {
    match endpoint.fresh {
        Fresh::Nothing => Ok(()),
        Fresh::Room | Fresh::RoomEachCase => stage.room(false).await,
        Fresh::KnockRoomEachCase => stage.room(true).await,
        Fresh::DeviceEachCase => {
            stage.log_in(endpoint.by, endpoint.by).await?;
            stage.log_in("bob", "bob").await
        }
    }
}

async fn ask(stage: &mut Stage<'_>, endpoint: &Endpoint, case: &Case) -> Result<Raw, StageError> {
    stage.memory.save("case", &format!("{}_{}", endpoint.name(), case.name));
    let path = path(stage, endpoint, case)?;
    let token = match case.asker {
        Asker::Nobody => None,
        Asker::Dead => stage.memory.get("dead.token"),
        Asker::User(user) => stage.memory.get(&format!("{user}.token")),
    };
    let token = token.map(str::to_owned);
    let payload = match &case.sent {
        Sent::Nothing => Payload::Nothing,
        Sent::Text(text) => Payload::Json((*text).to_owned()),
        Sent::Bytes(bytes) => Payload::Bytes(bytes),
        Sent::Json(body) => Payload::Json(filled(stage, endpoint, body)?.to_string()),
        Sent::WithPassword(body) => {
            let mut body = filled(stage, endpoint, body)?;
            let first = stage
                .send(
                    &endpoint.method,
                    &path,
                    token.as_deref(),
                    Payload::Json(body.to_string()),
                )
                .await?;
            body["auth"] = json!({
                "type": "m.login.password", "session": first.body["session"], "password": password(endpoint.by),
                "identifier": {"type": "m.id.user", "user": endpoint.by},
            });
            Payload::Json(body.to_string())
        }
    };
    stage.send(&endpoint.method, &path, token.as_deref(), payload).await
}

fn filled(stage: &Stage<'_>, endpoint: &Endpoint, body: &Value) -> Result<Value, StageError> {
    stage.memory.fill_json(body).map_err(|name| StageError::Unknown {
        endpoint: endpoint.name().to_owned(),
        name,
    })
}

/// The path with its variables filled in, and the query.
fn path(stage: &Stage<'_>, endpoint: &Endpoint, case: &Case) -> Result<String, StageError> {
    let mut path = endpoint.path.to_owned();
    for variable in endpoint.variables() {
        let odd = case.values.iter().find(|(name, _)| *name == variable);
        let template = odd.map_or_else(|| endpoint.value(variable), |(_, value)| *value);
        path = path.replace(&format!("{{{variable}}}"), &stage.encoded(endpoint.name(), template)?);
    }
    let query = case
        .query
        .iter()
        .map(|(name, template)| Ok(format!("{name}={}", stage.encoded(endpoint.name(), template)?)));
    let query: Vec<String> = query.collect::<Result<_, StageError>>()?;
    Ok(if query.is_empty() {
        path
    } else {
        format!("{path}?{}", query.join("&"))
    })
}
