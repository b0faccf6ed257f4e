//! One small drill: a homeserver, the front door, the double, somebody who pings it, and trouble in the middle.

use std::{collections::BTreeMap, error::Error, sync::Arc, time::Duration};

use knockproof_harness::{
    bot::{Bot, BotCommand},
    check::{self, Checks, Finding, Need, Onlooker, Snapshot},
    client::{NewRoom, Registration, User},
    contract::Contract,
    fault::{Expectation, NewDevice},
    front_door::{Action, Entrance, FrontDoor, Matcher},
    history::{Account, Allowed, Event, History, Record, Subject},
    homeserver::{self, Choice, Driver, Flavor, Homeserver, Options},
    secrets::Secrets,
    wait::{self, Poll},
};

use crate::defect::Defect;

/// How long anything may take that a sound bot does.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the harness knows of the double.
const CONTRACT: &str = r#"
name = "double"
command = "double"
ready = { http = "/ready" }
alive = "/health"
identities = [{ name = "bot", localpart = "double" }]

[status]
http = "/ready"
state = "/{identity}/state"
serves = "ok"
needs_operator = "needs_operator"
why = "/{identity}/why"
next_step = "/{identity}/next_step"
user_id = "/{identity}/user_id"
device_id = "/{identity}/device_id"
"#;

type Anyhow<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What happens to the bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is started again.
    Restart,
    /// Nothing of it is answered for a second.
    Outage,
    /// Its device is deleted.
    DeviceDeleted,
    /// It is started again with a living token of somebody else in its environment.
    TokenOfAnother,
}

impl Trouble {
    pub(crate) const ALL: [Self; 4] = [Self::Restart, Self::Outage, Self::DeviceDeleted, Self::TokenOfAnother];

    fn expectation(self) -> Expectation {
        match self {
            Self::DeviceDeleted => Expectation::one_login(NewDevice::Allowed).logins(2, 3).within(10),
            Self::Restart | Self::Outage | Self::TokenOfAnother => Expectation::unharmed().within(10),
        }
    }
}

struct Scene {
    homeserver: Arc<dyn Homeserver>,
    door: FrontDoor,
    history: History,
    bot: Bot,
    owner: User,
    stranger: User,
    first: User,
    room: String,
    pings: usize,
    folder: tempfile::TempDir,
}

/// Plays the drill and judges it. The double is sound unless it has a defect.
pub(crate) async fn play(defect: Option<Defect>, trouble: Trouble) -> Anyhow<Vec<Finding>> {
    let mut scene = Scene::build(defect).await?;
    scene.bot.start()?;
    scene.bot.wait_ready(PATIENCE).await?;
    let answers = defect != Some(Defect::DoesNothing);
    scene.ping(answers).await?;
    scene.look("before").await?;
    scene.history.add(Event::Breaking {
        fault: format!("{trouble:?}"),
        moment: "while-running".to_owned(),
        drilled: true,
        allowed: Allowed::from(&trouble.expectation()),
    });
    let evidence = scene.break_it(trouble).await?;
    scene.history.add(Event::Fired { evidence });
    scene.healed().await?;
    scene.history.add(Event::Whole);
    scene.ping(answers).await?;
    scene.look("after").await?;
    scene.conclude().await?;
    let record = Record::read(&scene.folder.path().join("history.jsonl"))?;
    Ok(Checks::standard().judge(record))
}

impl Scene {
    async fn build(defect: Option<Defect>) -> Anyhow<Self> {
        let folder = tempfile::tempdir()?;
        let embedded = Choice::Exactly(Flavor::Embedded, Driver::Embedded);
        let homeserver = homeserver::start(Options::new(embedded, folder.path()))
            .await?
            .homeserver;
        let history = History::create(folder.path().join("history.jsonl"), Secrets::default())?;
        let door = FrontDoor::open_recording(homeserver.base_url(), history.clone()).await?;
        let register = async |base: &url::Url, username: &str| {
            history
                .secrets()
                .add(format!("password of {username}"), password(username));
            let registration = Registration {
                username,
                password: &password(username),
                registration_token: homeserver.registration_token(),
            };
            User::register(base, &registration).await
        };
        let owner = register(door.url(), "owner").await?;
        let stranger = register(door.url(), "stranger").await?;
        let first = register(homeserver.base_url(), "double").await?;
        door.knows(first.token(), first.user_id(), first.device_id());
        let room = owner.create_room(&NewRoom::preset("public_chat")).await?;
        first.join(&room).await?;
        history.add(Event::Subject(Subject {
            accounts: vec![Account {
                name: "bot".to_owned(),
                user_id: first.user_id().to_owned(),
                hit: true,
            }],
            rooms: vec![room.clone()],
            lacks: vec![Need::Encryption, Need::CrossSigning, Need::Backup],
        }));
        let bot = bot(&folder, &history, &door, &first, defect)?;
        Ok(Self {
            homeserver,
            door,
            history,
            bot,
            owner,
            stranger,
            first,
            room,
            pings: 0,
            folder,
        })
    }

    /// Says a ping, and waits for as many answers as there should be by now.
    async fn ping(&mut self, answers: bool) -> Anyhow<()> {
        self.owner.say(&self.room, "!ping").await?;
        self.pings += 1;
        if !answers {
            return Ok(());
        }
        let what = format!("{} answers", self.pings);
        wait::until(what, PATIENCE, || async {
            let events = self.owner.messages(&self.room, 100).await.unwrap_or_default();
            let answered = events.iter().filter(|event| event["sender"] == self.first.user_id());
            match answered.filter(|event| event["type"] == "m.room.message").count() {
                count if count >= self.pings => Poll::Ready(()),
                count => Poll::Pending(count.to_string()),
            }
        })
        .await?;
        Ok(())
    }

    /// Looks at the world past the front door.
    async fn look(&self, when: &str) -> Anyhow<()> {
        let devices = self.homeserver.operator().devices(self.first.localpart()).await?;
        let mut people = BTreeMap::new();
        for user in [&self.owner, &self.stranger] {
            let lives = user.through(self.homeserver.base_url()).whoami().await.is_ok();
            people.insert(user.user_id().to_owned(), lives);
        }
        let snapshot = Snapshot {
            seq: self.door.traffic().last_seq(),
            devices: [(self.first.user_id().to_owned(), devices.into_iter().collect())].into(),
            ready: self.bot.ready().await.ok(),
            people,
            ..Snapshot::default()
        };
        self.history.add(Event::Look {
            when: when.to_owned(),
            snapshot: Box::new(snapshot),
        });
        Ok(())
    }

    async fn break_it(&mut self, trouble: Trouble) -> Anyhow<String> {
        match trouble {
            Trouble::Restart => {
                self.bot.restart().await?;
                Ok("it was started again".to_owned())
            }
            Trouble::Outage => {
                let bend = self.door.bend(Matcher::any().from_bot(), Action::bad_gateway());
                // News end the poll that is under way.
                self.owner.say(&self.room, "is it dark?").await?;
                let fired = wait::until("the outage to be met several times", PATIENCE, || async {
                    match bend.fired() {
                        fired if fired >= 3 => Poll::Ready(fired),
                        fired => Poll::Pending(fired.to_string()),
                    }
                });
                Ok(format!("{} requests met a 502", fired.await?))
            }
            Trouble::DeviceDeleted => {
                let device = self.first.device_id();
                self.homeserver
                    .operator()
                    .delete_device(self.first.localpart(), device)
                    .await?;
                Ok(format!("{device} was deleted"))
            }
            Trouble::TokenOfAnother => {
                self.bot.set("TOKEN", self.stranger.token());
                self.bot.restart().await?;
                Ok("the environment has the stranger's token".to_owned())
            }
        }
    }

    /// Waits until the bot syncs with a token that lives, and says that it serves. A supervisor starts it again where it ended.
    async fn healed(&mut self) -> Anyhow<()> {
        let since = self.door.traffic().last_seq();
        self.owner.say(&self.room, "better now?").await?;
        let (traffic, user) = (self.door.traffic().clone(), self.first.user_id().to_owned());
        let synced = async || {
            let what = "the bot to sync";
            traffic
                .wait_until(what, PATIENCE, |exchanges| {
                    let mut own = exchanges.iter().filter(|exchange| {
                        exchange.seq > since && exchange.entrance == Entrance::Bot && exchange.path.ends_with("/sync")
                    });
                    let last = own.rfind(|exchange| exchange.is_over())?;
                    let is_own = last.who.as_ref().is_some_and(|who| who.user_id == user);
                    (is_own && last.status == Some(200)).then_some(())
                })
                .await
        };
        if wait_ended_or(&mut self.bot, synced()).await?.is_none() {
            self.bot.start()?;
            synced().await?;
        }
        self.bot.wait_ready(PATIENCE).await?;
        Ok(())
    }

    async fn conclude(&mut self) -> Anyhow<()> {
        let base = self.homeserver.base_url();
        let people: Vec<Onlooker> = [&self.owner, &self.stranger]
            .map(|user| Onlooker {
                user_id: user.user_id().to_owned(),
                token: user.token().to_owned(),
            })
            .into();
        let subject = self.history.record()?.subject();
        let exchanges = self.door.traffic().snapshot();
        self.history.add(Event::Sight(
            check::look(base, &exchanges, &subject, &people, None).await,
        ));
        // One that does not end is killed, which is in the history.
        let _ = self.bot.stop().await;
        self.bot.search()?;
        self.history.searched("nothing else", "");
        self.homeserver.stop().await?;
        Ok(())
    }
}

/// Waits for something unless the bot ends before; nothing where it did.
async fn wait_ended_or<T, E: Error + Send + Sync + 'static>(
    bot: &mut Bot,
    waiting: impl Future<Output = Result<T, E>>,
) -> Anyhow<Option<T>> {
    tokio::pin!(waiting);
    loop {
        tokio::select! {
            done = &mut waiting => return Ok(Some(done?)),
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
        if !bot.is_running() {
            return Ok(None);
        }
    }
}

fn password(localpart: &str) -> String {
    format!("correct horse of {localpart}")
}

/// This program, told to be the double.
fn bot(
    folder: &tempfile::TempDir,
    history: &History,
    door: &FrontDoor,
    first: &User,
    defect: Option<Defect>,
) -> Anyhow<Bot> {
    let command = BotCommand::new(std::env::current_exe()?, [""; 0]);
    let log = folder.path().join("bot.log");
    let mut bot = Bot::new(
        Contract::from_toml(CONTRACT)?.into(),
        command,
        folder.path().join("bot"),
        log,
        history.clone(),
    )?;
    std::fs::write(bot.data_dir().join("password"), password("double"))?;
    let (data, port) = (bot.data_dir().display().to_string(), bot.port().to_string());
    let defect = defect.map(|defect| defect.to_string()).unwrap_or_default();
    for (name, value) in [
        (crate::ROLE, "double"),
        ("DATA_DIR", data.as_str()),
        ("HTTP_PORT", port.as_str()),
        ("HS", door.bot_url().as_str()),
        ("LOCALPART", first.localpart()),
        ("USER_ID", first.user_id()),
        ("DEVICE_ID", first.device_id()),
        ("TOKEN", first.token()),
        ("DEFECT", defect.as_str()),
    ] {
        bot.set(name, value);
    }
    Ok(bot)
}
