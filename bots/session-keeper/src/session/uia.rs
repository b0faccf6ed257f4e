//! User-interactive authentication: requests that a server answers only after stages, each of which it names in a 401.

use serde_json::{Value, json};

/// Each round completes one stage; no flow of a homeserver has more than a few.
const ROUNDS: usize = 6;

/// What a server demands before it does what it is asked.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    /// The error code of its 401: empty, or what it thinks of the stage that was answered last.
    pub errcode: &'a str,
    /// The whole body, with `flows`, `completed` and `session`.
    pub body: &'a Value,
}

/// Asks again and again, each time with the next stage of the first flow that `stage` can answer as a whole, until there
/// is an answer that demands nothing more. What cannot be answered is handed back as it came.
///
/// `stage` gives the answer to a stage of that name, without `session`. `demand` says what an answer demands.
pub async fn walk<T, Answering>(
    mut body: Value,
    stage: impl Fn(&str) -> Option<Value>,
    ask: impl Fn(Value) -> Answering,
    demand: impl Fn(&T) -> Option<Demand<'_>>,
) -> T
where
    Answering: Future<Output = T>,
{
    let mut rounds = 0;
    loop {
        let answer = ask(body.clone()).await;
        rounds += 1;
        let next = demand(&answer).and_then(|demand| next_stage(&demand, &stage));
        let Some(auth) = next.filter(|_| rounds < ROUNDS) else {
            return answer;
        };
        body["auth"] = auth;
    }
}

/// The answer to the next stage; `None` where no flow can be walked, or where a stage was answered wrongly.
fn next_stage(demand: &Demand<'_>, stage: &impl Fn(&str) -> Option<Value>) -> Option<Value> {
    // A 401 with an error code says that the last stage's answer was wrong: the same answer will not do.
    if !matches!(demand.errcode, "" | "M_UNAUTHORIZED" | "M_MISSING_PARAM") {
        return None;
    }
    let completed = demand.body["completed"].as_array().cloned().unwrap_or_default();
    let flows = demand.body["flows"].as_array()?;
    let stages = flows.iter().filter_map(|flow| flow["stages"].as_array());
    let answerable = |name: &Value| name.as_str().is_some_and(|name| stage(name).is_some());
    let fit = stages
        .filter(|stages| stages.iter().all(answerable))
        .find(|stages| stages.iter().any(|name| !completed.contains(name)))?;
    let next = fit.iter().find(|name| !completed.contains(name))?;
    let mut auth = stage(next.as_str()?)?;
    if let Some(session) = demand.body["session"].as_str() {
        auth["session"] = json!(session);
    }
    Some(auth)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn stage(name: &str) -> Option<Value> {
        match name {
            "m.login.registration_token" => Some(json!({ "type": name, "token": "let me in" })),
            "m.login.dummy" => Some(json!({ "type": name })),
            _ => None,
        }
    }

    /// Walks over the answers of a server, the last of which it gives for ever; says what it was asked with.
    async fn walked(answers: &[Value]) -> (Value, Vec<Value>) {
        let asked = RefCell::new(Vec::new());
        let ask = async |body: Value| {
            let turn = asked.borrow().len();
            asked.borrow_mut().push(body["auth"].clone());
            answers[turn.min(answers.len() - 1)].clone()
        };
        let demand = |answer: &Value| answer["flows"].is_array();
        let last = walk(json!({ "username": "bob" }), stage, ask, |answer| {
            demand(answer).then(|| Demand {
                errcode: answer["errcode"].as_str().unwrap_or_default(),
                body: answer,
            })
        })
        .await;
        (last, asked.into_inner())
    }

    fn flows(stages: &Value, completed: &Value) -> Value {
        let other = json!({ "stages": ["m.login.recaptcha"] });
        json!({ "session": "s", "flows": [other, { "stages": stages }], "completed": completed })
    }

    #[tokio::test]
    async fn the_flow_that_can_be_answered_is_walked_to_its_end() {
        let stages = json!(["m.login.registration_token", "m.login.dummy"]);
        let answers = [
            flows(&stages, &json!([])),
            flows(&stages, &json!(["m.login.registration_token"])),
            json!({ "user_id": "@bob:hs" }),
        ];
        let (last, asked) = walked(&answers).await;
        assert_eq!(last["user_id"], "@bob:hs");
        let token = json!({ "type": "m.login.registration_token", "token": "let me in", "session": "s" });
        let dummy = json!({ "type": "m.login.dummy", "session": "s" });
        assert_eq!(asked, [Value::Null, token, dummy]);
    }

    #[tokio::test]
    async fn a_stage_that_was_refused_is_not_answered_again() {
        let mut refused = flows(&json!(["m.login.registration_token"]), &json!([]));
        refused["errcode"] = json!("M_FORBIDDEN");
        let answers = [
            flows(&json!(["m.login.registration_token"]), &json!([])),
            refused.clone(),
        ];
        let (last, asked) = walked(&answers).await;
        assert_eq!((last, asked.len()), (refused, 2));
    }

    #[tokio::test]
    async fn a_flow_with_a_stage_that_cannot_be_answered_is_not_begun() {
        let (_, asked) = walked(&[flows(&json!(["m.login.dummy", "m.login.email.identity"]), &json!([]))]).await;
        assert_eq!(asked, [Value::Null]);
    }

    #[tokio::test]
    async fn a_server_that_demands_for_ever_is_not_asked_for_ever() {
        let (_, asked) = walked(&[flows(&json!(["m.login.dummy"]), &json!([]))]).await;
        assert_eq!(asked.len(), ROUNDS);
    }
}
