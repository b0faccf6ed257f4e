//! Forms that the signup refuses, each with its own status and error code, and none of which costs a use.

use async_trait::async_trait;
use harness::{
    client::Reply,
    step::{Failure, Stop, ensure, seen},
    world::World,
};
use serde_json::{Value, json};

use super::{Scenario, Stage};
use crate::actors::{SignUp, add_code, post_json, post_raw, vetting};

/// The scenario.
#[derive(Clone, Copy, Debug)]
pub struct SignupRefusals;

/// A form that is refused.
struct Refusal {
    step: &'static str,
    /// What is changed in a form that would be accepted; `null` takes the field out.
    change: fn() -> Value,
    status: u16,
    error: &'static str,
}

const REFUSALS: &[Refusal] = &[
    Refusal {
        step: "without a username: 400 missing_fields",
        change: || json!({"username": null}),
        status: 400,
        error: "missing_fields",
    },
    Refusal {
        step: "without a password: 400 missing_fields",
        change: || json!({"password": null}),
        status: 400,
        error: "missing_fields",
    },
    Refusal {
        step: "a blank in the username: 400 bad_username",
        change: || json!({"username": "two words"}),
        status: 400,
        error: "bad_username",
    },
    Refusal {
        step: "an umlaut in the username: 400 bad_username",
        change: || json!({"username": "j\u{fc}rgen"}),
        status: 400,
        error: "bad_username",
    },
    Refusal {
        step: "33 characters of username: 400 bad_username",
        change: || json!({"username": "a".repeat(33)}),
        status: 400,
        error: "bad_username",
    },
    Refusal {
        step: "11 characters of password: 400 password_too_short",
        change: || json!({"password": "elevenchars"}),
        status: 400,
        error: "password_too_short",
    },
    Refusal {
        step: "an unknown code: 403 invalid_code",
        change: || json!({"code": "no-such-code"}),
        status: 403,
        error: "invalid_code",
    },
];

const STEPS: &[&str] = &[
    "no JSON: 400 bad_json",
    "without a username: 400 missing_fields",
    "without a password: 400 missing_fields",
    "a blank in the username: 400 bad_username",
    "an umlaut in the username: 400 bad_username",
    "33 characters of username: 400 bad_username",
    "11 characters of password: 400 password_too_short",
    "an unknown code: 403 invalid_code",
    "a username that is taken: 400 m_user_in_use",
    "a body over 64 KiB: 413",
    "the code's only use is still there: 200",
    "the use is gone now: 403 invalid_code",
];

/// A code with a single use.
const SINGLE: &str = "single-signup";

#[async_trait]
impl Scenario for SignupRefusals {
    fn name(&self) -> &'static str {
        "signup-refusals"
    }

    fn summary(&self) -> &'static str {
        "forms that are refused, each with its own error and none at the price of a use"
    }

    fn steps(&self) -> &'static [&'static str] {
        STEPS
    }

    fn middle(&self) -> &'static [&'static str] {
        super::MIDDLE
    }

    async fn arrange(&self, world: &mut World) -> Result<(), Failure> {
        add_code(world, "INITIAL_SIGNUP_CODES", SINGLE, 1)
    }

    async fn run(&self, stage: &mut Stage) -> Result<(), Stop> {
        let Stage { world, steps, .. } = &mut *stage;
        let form = SignUp::with_code(world, "refused", SINGLE);
        steps
            .step(STEPS[0], async {
                is(post_raw(world, "/signup/api", "{no json").await?, 400, "bad_json")
            })
            .await?;
        for refusal in REFUSALS {
            let body = changed(form.body(), (refusal.change)());
            let step = async {
                is(
                    post_json(world, "/signup/api", &body).await?,
                    refusal.status,
                    refusal.error,
                )
            };
            steps.step(refusal.step, step).await?;
        }
        steps
            .step(STEPS[8], async {
                let (taken, _) = vetting::register(world, "taken").await?;
                let body = changed(form.body(), json!({"username": taken.localpart()}));
                is(post_json(world, "/signup/api", &body).await?, 400, "m_user_in_use")
            })
            .await?;
        steps
            .step(STEPS[9], async {
                let body = changed(form.body(), json!({"intro": "a".repeat(65 * 1024)}));
                let reply = post_json(world, "/signup/api", &body).await?;
                ensure(reply.status == 413, || reply.to_string())?;
                seen(reply.to_string())
            })
            .await?;

        stage.middle().await?;

        let Stage { world, steps, .. } = stage;
        steps
            .step(STEPS[10], async {
                let reply = form.post(world).await?;
                ensure(reply.status == 200, || reply.to_string())?;
                seen(format!("{}", reply.body["user_id"]))
            })
            .await?;
        let late = SignUp::with_code(world, "late", SINGLE);
        steps
            .step(STEPS[11], async { is(late.post(world).await?, 403, "invalid_code") })
            .await
    }
}

/// The form with some fields changed; `null` takes one out.
fn changed(mut form: Value, change: Value) -> Value {
    if let (Some(form), Value::Object(change)) = (form.as_object_mut(), change) {
        for (key, value) in change {
            if value.is_null() {
                drop(form.remove(&key))
            } else {
                drop(form.insert(key, value))
            }
        }
    }
    form
}

fn is(reply: Reply, status: u16, error: &str) -> Result<((), String), Failure> {
    let fits = reply.status == status && reply.body["error"] == error;
    ensure(fits, || format!("wanted {status} {error}, got {reply}"))?;
    seen(reply.to_string())
}
