//! Signups of which it is not known whether they made an account: the answer of the homeserver was lost.
//!
//! The use of the code stays taken, since there may be an account. Whoever tries again with the same code and name goes on where they
//! were, without another use; and where the account turns out to be there, they get it. A signup is in doubt from its beginning until
//! its answer has been handed over: whoever did not wait for it, or hung up, may come again.

use std::time::Duration;

use matrix_sdk::ruma::{OwnedUserId, UserId};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    error::ApiError,
    signup::SignupForm,
    user::{UserApi, UserError},
};
use crate::{
    secret::Secret,
    storage::{
        Store, StoreError, audit,
        codes::{self, Code, Kind},
        facts,
    },
};

/// How many milliseconds are waited before each look whether the account is there: the homeserver may still be at it.
const LOOKS: [u64; 3] = [0, 500, 2000];

/// An account that is there, and a session of it.
pub(super) struct Account {
    pub(super) user: OwnedUserId,
    pub(super) token: Secret,
    pub(super) device: String,
}

/// A use of a code, for one signup.
pub(super) struct Use {
    pub(super) code: Code,
    /// It was taken by an earlier try, of which it is not known what it made.
    in_doubt: bool,
}

/// Which signup: the code and the name.
#[derive(Clone, Debug)]
pub(super) struct Which(String);

impl Which {
    pub(super) fn of(asked: &SignupForm) -> Self {
        Self(format!("signup-in-doubt:{}:{}", asked.code, asked.username))
    }
}

fn failed(error: StoreError) -> ApiError {
    ApiError::internal(&error)
}

/// Takes a use of the code, or goes on with the one that was taken for the same name; `None` where the code opens nothing.
pub(super) async fn take(store: &Store, asked: &SignupForm) -> Result<Option<Use>, ApiError> {
    let (Which(key), code) = (Which::of(asked), asked.code.clone());
    let taken = store.run(move |tx| {
        let in_doubt = facts::value(tx, &key)?.is_some();
        let code = match in_doubt {
            true => codes::known(tx, Kind::Signup, &code)?,
            false => codes::take(tx, Kind::Signup, &code)?,
        };
        if code.is_some() {
            facts::set_value(tx, &key, "")?;
        }
        Ok(code.map(|code| Use { code, in_doubt }))
    });
    taken.await.map_err(failed)
}

/// Makes an account of what registering brought. A lost answer, and a name that is taken after one, are settled by logging in: nobody
/// else knows the password.
pub(super) async fn settle(
    api: &UserApi,
    asked: &SignupForm,
    taken: &Use,
    registered: Result<Value, UserError>,
) -> Result<Account, UserError> {
    let (looks, error) = match registered {
        Ok(answer) => match account(&answer) {
            Some(account) => return Ok(account),
            None => (1, UserError::Unknown("it answered 200 without a session".to_owned())),
        },
        Err(error) if error.is_unknown() => (LOOKS.len(), error),
        Err(error) if taken.in_doubt && error.is_about_the_name() => (1, error),
        Err(error) => return Err(error),
    };
    for pause in LOOKS.iter().take(looks) {
        sleep(Duration::from_millis(*pause)).await;
        if let Some(account) = log_in(api, asked).await {
            return Ok(account);
        }
    }
    Err(error)
}

/// Gives the use back where it is certain that there is no account. Else it stays in doubt.
pub(super) async fn not_made(
    store: &Store,
    asked: &SignupForm,
    taken: &Use,
    error: &UserError,
) -> Result<(), ApiError> {
    if taken.in_doubt || error.is_unknown() {
        return Ok(());
    }
    let (Which(key), code) = (Which::of(asked), taken.code.code.clone());
    let kept: Result<(), StoreError> = store
        .run(move |tx| {
            facts::forget_value(tx, &key)?;
            codes::give_back(tx, &code)
        })
        .await;
    kept.map_err(failed)
}

/// Writes down that there is an account.
pub(super) async fn made(store: &Store, asked: &SignupForm, account: &Account) -> Result<(), ApiError> {
    let (Which(key), code) = (Which::of(asked), asked.code.clone());
    let detail = json!({ "mxid": account.user });
    let written: Result<(), StoreError> = store
        .run(move |tx| {
            // Another try for the same name, at the same time, may have given back the use that both stood on.
            if facts::value(tx, &key)?.is_none() {
                codes::take(tx, Kind::Signup, &code)?;
                facts::set_value(tx, &key, "")?;
            }
            audit::write(tx, "signup", &detail)
        })
        .await;
    written.map_err(failed)
}

/// Whoever signed up has the answer.
pub(super) async fn heard(store: &Store, Which(key): Which) -> Result<(), StoreError> {
    store.run(move |tx| facts::forget_value(tx, &key)).await
}

async fn log_in(api: &UserApi, asked: &SignupForm) -> Option<Account> {
    let body = json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": asked.username },
        "password": asked.password.expose(),
        "initial_device_display_name": "signup",
    });
    account(&api.ask(Method::POST, &["login"], &body).await.ok()?)
}

fn account(answer: &Value) -> Option<Account> {
    let text = |key: &str| answer[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    Some(Account {
        user: UserId::parse(text("user_id")?).ok()?,
        token: text("access_token").map(Secret::new)?,
        device: text("device_id")?,
    })
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{body_partial_json, method, path},
    };

    use super::*;
    use crate::{healing::Reply, session::Server};

    fn form(username: &str) -> SignupForm {
        SignupForm {
            code: "once".to_owned(),
            username: username.to_owned(),
            password: Secret::new("correct horse battery"),
            ..SignupForm::default()
        }
    }

    /// A database with one code of one use.
    async fn store(data: &TempDir) -> Store {
        let store = Store::open(data.path()).unwrap();
        let code = Code {
            code: "once".to_owned(),
            kind: Kind::Signup,
            label: String::new(),
            inviter: None,
            uses_remaining: 1,
        };
        store.run(move |tx| codes::add(tx, &code)).await.unwrap();
        store
    }

    async fn api(login: ResponseTemplate) -> (MockServer, UserApi) {
        let server = MockServer::start().await;
        let password = json!({ "identifier": { "user": "bob" }, "password": "correct horse battery" });
        Mock::given(method("POST"))
            .and(path("/_matrix/client/v3/login"))
            .and(body_partial_json(password))
            .respond_with(login)
            .mount(&server)
            .await;
        let api = UserApi::new(Server::new(server.uri().parse().unwrap(), "bot").unwrap());
        (server, api)
    }

    fn session() -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_json(json!({ "user_id": "@bob:hs", "access_token": "t", "device_id": "D" }))
    }

    fn forbidden() -> ResponseTemplate {
        ResponseTemplate::new(403).set_body_json(json!({ "errcode": "M_FORBIDDEN", "error": "no" }))
    }

    fn in_use() -> UserError {
        UserError::of(&Reply {
            status: 400,
            body: &json!({ "errcode": "M_USER_IN_USE", "error": "taken" }),
            retry_after: None,
            location: None,
        })
    }

    fn lost() -> UserError {
        UserError::Unknown("connection closed".to_owned())
    }

    #[tokio::test]
    async fn an_account_whose_answer_was_lost_is_found_by_logging_in() {
        let (data, (_server, api)) = (TempDir::new().unwrap(), api(session()).await);
        let store = store(&data).await;
        let taken = take(&store, &form("bob")).await.unwrap().unwrap();
        let account = settle(&api, &form("bob"), &taken, Err(lost())).await.unwrap();
        assert_eq!((account.user.as_str(), account.token.expose()), ("@bob:hs", "t"));
    }

    #[tokio::test]
    async fn a_use_in_doubt_is_not_given_back_and_serves_the_same_name_again() {
        let (data, (_server, api)) = (TempDir::new().unwrap(), api(forbidden()).await);
        let store = store(&data).await;
        let taken = take(&store, &form("bob")).await.unwrap().unwrap();
        let error = settle(&api, &form("bob"), &taken, Err(lost())).await.err().unwrap();
        not_made(&store, &form("bob"), &taken, &error).await.unwrap();
        assert!(
            take(&store, &form("alice")).await.unwrap().is_none(),
            "there may be an account"
        );
        let again = take(&store, &form("bob")).await.unwrap().unwrap();
        assert!(again.in_doubt);

        let (_server, api) = self::api(session()).await;
        let account = settle(&api, &form("bob"), &again, Err(in_use())).await.unwrap();
        made(&store, &form("bob"), &account).await.unwrap();
        assert!(
            take(&store, &form("bob")).await.unwrap().is_some(),
            "the answer may be lost"
        );
        heard(&store, Which::of(&form("bob"))).await.unwrap();
        assert!(take(&store, &form("bob")).await.unwrap().is_none(), "the use is spent");
    }

    /// Two tries for one name at once: the first fails for certain, the second makes the account.
    #[tokio::test]
    async fn nobody_gets_an_account_for_a_use_that_was_given_back() {
        let (data, (_server, api)) = (TempDir::new().unwrap(), api(forbidden()).await);
        let store = store(&data).await;
        let first = take(&store, &form("bob")).await.unwrap().unwrap();
        let second = take(&store, &form("bob")).await.unwrap().unwrap();
        let error = settle(&api, &form("bob"), &first, Err(in_use())).await.err().unwrap();
        not_made(&store, &form("bob"), &first, &error).await.unwrap();
        let answer = json!({ "user_id": "@bob:hs", "access_token": "t", "device_id": "D" });
        let account = settle(&api, &form("bob"), &second, Ok(answer)).await.unwrap();
        made(&store, &form("bob"), &account).await.unwrap();
        heard(&store, Which::of(&form("bob"))).await.unwrap();
        assert!(take(&store, &form("alice")).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_use_is_given_back_where_nothing_was_made() {
        let (data, (_server, api)) = (TempDir::new().unwrap(), api(session()).await);
        let store = store(&data).await;
        for refused in [
            UserError::NotAsked("connection refused".to_owned()),
            UserError::Limited(Duration::from_secs(3)),
            in_use(),
        ] {
            let taken = take(&store, &form("bob")).await.unwrap().unwrap();
            let error = settle(&api, &form("bob"), &taken, Err(refused)).await.err().unwrap();
            not_made(&store, &form("bob"), &taken, &error).await.unwrap();
        }
        assert!(take(&store, &form("bob")).await.unwrap().is_some());
    }
}
