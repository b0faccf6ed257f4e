use std::{ops::Deref, sync::Arc};

use knockproof_harness::homeserver::{self, Choice, Homeserver, Options};
use tempfile::TempDir;

use super::client::{Answer, Client};

/// A homeserver for one test.
pub(crate) struct World {
    pub(crate) homeserver: Arc<dyn Homeserver>,
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(adapt: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new(Choice::from_env().unwrap(), folder.path());
        adapt(&mut options);
        let chosen = homeserver::start(options)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        eprintln!("homeserver: {}", chosen.selection.why);
        Self {
            homeserver: chosen.homeserver,
            folder,
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.homeserver.base_url())
    }

    /// Registers a user with the password `pw-NAME`.
    pub(crate) async fn user(&self, name: &str) -> Session {
        let token = self.homeserver.registration_token().to_owned();
        let answer = self.client().register(name, &format!("pw-{name}"), Some(&token)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.session(&answer)
    }

    pub(crate) fn session(&self, answer: &Answer) -> Session {
        Session {
            client: self.client(),
            token: answer.text("access_token"),
            device: answer.text("device_id"),
        }
    }

    /// Stops the server, so that everything is written, and counts the lines of its log.
    pub(crate) async fn stop_and_measure_log(&self) -> usize {
        self.homeserver.stop().await.unwrap();
        std::fs::read_to_string(self.homeserver.log_file())
            .unwrap()
            .lines()
            .count()
    }

    pub(crate) async fn login(&self, name: &str, password: &str) -> Answer {
        self.client().login(name, password).await
    }
}

impl Deref for World {
    type Target = dyn Homeserver;

    fn deref(&self) -> &Self::Target {
        self.homeserver.as_ref()
    }
}

/// One logged-in device.
pub(crate) struct Session {
    client: Client,
    token: String,
    pub(crate) device: String,
}

impl Session {
    pub(crate) async fn whoami(&self) -> Answer {
        self.client.get("account/whoami", Some(&self.token)).await
    }

    pub(crate) async fn joined_rooms(&self) -> Answer {
        self.client.get("joined_rooms", Some(&self.token)).await
    }

    pub(crate) async fn lives(&self) -> bool {
        let answer = self.whoami().await;
        match answer.status {
            200 => true,
            401 => false,
            _ => panic!("{answer:?}"),
        }
    }

    /// Sends a message into a new room and answers where it can be read again.
    pub(crate) async fn write(&self, text: &str) -> String {
        let body = serde_json::json!({ "preset": "private_chat" });
        let room = self
            .client
            .post("createRoom", Some(&self.token), body)
            .await
            .text("room_id");
        let path = format!("rooms/{room}/send/m.room.message/1");
        let body = serde_json::json!({ "msgtype": "m.text", "body": text });
        let event = self.client.put(&path, Some(&self.token), body).await.text("event_id");
        format!("rooms/{room}/event/{event}")
    }

    pub(crate) async fn read(&self, path: &str) -> String {
        let answer = self.client.get(path, Some(&self.token)).await;
        answer.body["content"]["body"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer:?}"))
            .to_owned()
    }
}
