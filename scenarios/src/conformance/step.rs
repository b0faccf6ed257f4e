//! One step of the probe, as data.

use reqwest::Method;
use serde_json::Value;

use super::memory::named;

/// What a step does.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// One request.
    Ask { method: Method, path: String, body: Body },
    /// Registers a user by whatever stages the server asks for, with the server's registration token.
    Register { user: String },
    /// Long polls as the step's user until all of `until` is in one answer; the position is kept as `<user>.since`.
    Sync { until: Vec<String>, initial: bool },
    /// Starts a long poll as the step's user, to be collected by [`Action::Collect`].
    Poll { name: String, milliseconds: u32 },
    /// Collects the answer of a long poll.
    Collect { name: String },
    /// Sends an admin command and records the answer (conduwuit family).
    Admin { command: String },
    /// The operator resets a password.
    Reset {
        user: String,
        password: String,
        log_out: bool,
    },
}

/// What is sent with a request.
#[derive(Clone, Debug)]
pub(super) enum Body {
    None,
    Json(Value),
    /// A JSON body with user-interactive authentication by password: asked once without, then with the session.
    Uia {
        body: Value,
        user: String,
        password: String,
    },
    Text(String),
}

/// Which part of an answer counts.
#[derive(Clone, Copy, Debug)]
pub(super) enum View {
    Whole,
    /// Only these JSON pointers; what is absent is recorded as such.
    Only(&'static [&'static str]),
    /// What the function makes of the body.
    Pick(fn(&Value) -> Value),
}

/// One named step: what is asked, by whom, what counts in the answer, what later steps may use of it.
#[derive(Clone, Debug)]
pub struct Step {
    pub(super) name: &'static str,
    pub(super) action: Action,
    pub(super) who: Option<String>,
    pub(super) view: View,
    pub(super) saves: Vec<(String, &'static str)>,
    pub(super) switch: Option<&'static str>,
}

impl Step {
    fn new(name: &'static str, action: Action) -> Self {
        Self {
            name,
            action,
            who: None,
            view: View::Whole,
            saves: Vec::new(),
            switch: None,
        }
    }

    fn ask(name: &'static str, method: Method, path: &str, body: Body) -> Self {
        Self::new(
            name,
            Action::Ask {
                method,
                path: path.to_owned(),
                body,
            },
        )
    }

    /// The step's name: unique within its area, and the end of its test's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The dialect switch that decides the answer, where servers differ.
    pub fn switch(&self) -> Option<&'static str> {
        self.switch
    }

    /// What is asked, for people: as it stands in the step, so that no id of a run gets into it.
    pub(super) fn label(&self) -> String {
        match &self.action {
            Action::Ask { method, path, .. } => format!("{method} {}", named(path)),
            Action::Register { .. } => "POST /v3/register".to_owned(),
            Action::Sync { initial: true, .. } => "GET /v3/sync".to_owned(),
            Action::Sync { initial: false, .. } | Action::Poll { .. } | Action::Collect { .. } => {
                "GET /v3/sync?since=<position>".to_owned()
            }
            Action::Admin { command } => format!("!admin {}", named(command)),
            Action::Reset { user, .. } => format!("the operator resets {user}"),
        }
    }

    /// As which user: with the token saved as `<user>.token`.
    pub(super) fn by(mut self, user: &str) -> Self {
        self.who = Some(user.to_owned());
        self
    }

    /// Only these JSON pointers of the body count.
    pub(super) fn only(mut self, pointers: &'static [&'static str]) -> Self {
        self.view = View::Only(pointers);
        self
    }

    /// Only what the function makes of the body counts.
    pub(super) fn pick(mut self, pick: fn(&Value) -> Value) -> Self {
        self.view = View::Pick(pick);
        self
    }

    /// Keeps what is at the JSON pointer under a name.
    pub(super) fn save(mut self, name: &str, pointer: &'static str) -> Self {
        self.saves.push((name.to_owned(), pointer));
        self
    }

    /// Names the dialect switch that decides the answer.
    pub(super) fn decided_by(mut self, switch: &'static str) -> Self {
        self.switch = Some(switch);
        self
    }
}

pub(super) fn get(name: &'static str, path: &str) -> Step {
    Step::ask(name, Method::GET, path, Body::None)
}

pub(super) fn post(name: &'static str, path: &str, body: Value) -> Step {
    Step::ask(name, Method::POST, path, Body::Json(body))
}

pub(super) fn put(name: &'static str, path: &str, body: Value) -> Step {
    Step::ask(name, Method::PUT, path, Body::Json(body))
}

pub(super) fn delete(name: &'static str, path: &str) -> Step {
    Step::ask(name, Method::DELETE, path, Body::None)
}

pub(super) fn text(name: &'static str, method: Method, path: &str, body: &str) -> Step {
    Step::ask(name, method, path, Body::Text(body.to_owned()))
}

/// A request that the server admits only with the user's password, given on the second try.
pub(super) fn with_password(
    name: &'static str,
    method: Method,
    path: &str,
    body: Value,
    user: &str,
    password: &str,
) -> Step {
    Step::ask(
        name,
        method,
        path,
        Body::Uia {
            body,
            user: user.to_owned(),
            password: password.to_owned(),
        },
    )
}

/// Registers a user whose password is [`password`] and saves `<user>`, `<user>.token` and `<user>.device`.
pub(super) fn register(name: &'static str, user: &str) -> Step {
    Step::new(name, Action::Register { user: user.to_owned() })
        .only(&["/user_id", "/home_server", "/device_id", "/errcode"])
        .save(&format!("{user}.token"), "/access_token")
        .save(&format!("{user}.device"), "/device_id")
}

/// Logs a user in with the password of [`register`], on a device of its own choice or the named one; saves `<save>.token` and `<save>.device`.
pub(super) fn login(name: &'static str, user: &str, device: Option<&str>, save: &str) -> Step {
    let mut body = serde_json::json!({
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": user},
        "password": password(user),
    });
    if let (Some(device), Some(fields)) = (device, body.as_object_mut()) {
        fields.insert("device_id".to_owned(), device.into());
    }
    post(name, "/v3/login", body)
        .only(&["/user_id", "/device_id", "/errcode", "/error", "/soft_logout"])
        .save(&format!("{save}.token"), "/access_token")
        .save(&format!("{save}.device"), "/device_id")
}

/// Long polls until everything at the pointers (with names in braces) is there in one answer.
pub(super) fn sync(name: &'static str, user: &str, until: &[&str]) -> Step {
    Step::new(
        name,
        Action::Sync {
            until: until.iter().map(|&pointer| pointer.to_owned()).collect(),
            initial: false,
        },
    )
    .by(user)
}

/// A first sync, without a position.
pub(super) fn first_sync(name: &'static str, user: &str) -> Step {
    Step::new(
        name,
        Action::Sync {
            until: Vec::new(),
            initial: true,
        },
    )
    .by(user)
}

pub(super) fn poll(name: &'static str, user: &str, poll: &str, milliseconds: u32) -> Step {
    Step::new(
        name,
        Action::Poll {
            name: poll.to_owned(),
            milliseconds,
        },
    )
    .by(user)
}

pub(super) fn collect(name: &'static str, poll: &str) -> Step {
    Step::new(name, Action::Collect { name: poll.to_owned() })
}

pub(super) fn admin(name: &'static str, command: &str) -> Step {
    Step::new(
        name,
        Action::Admin {
            command: command.to_owned(),
        },
    )
}

pub(super) fn reset(name: &'static str, user: &str, password: &str, log_out: bool) -> Step {
    Step::new(
        name,
        Action::Reset {
            user: user.to_owned(),
            password: password.to_owned(),
            log_out,
        },
    )
}

/// The password of a probe's user.
pub(super) fn password(user: &str) -> String {
    format!("correct-horse-{user}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_label_has_names_where_the_request_has_ids() {
        let step = post("kick", "/v3/rooms/{hall}/kick?by={sue.device}", json!({}));
        assert_eq!(step.label(), "POST /v3/rooms/<hall>/kick?by=<sue.device>");
    }

    #[test]
    fn a_label_keeps_what_is_no_name() {
        let step = get("filter", "/v3/sync?filter=%7B%22room%22%3A%7B%7D%7D");
        assert_eq!(step.label(), "GET /v3/sync?filter=%7B%22room%22%3A%7B%7D%7D");
    }
}
