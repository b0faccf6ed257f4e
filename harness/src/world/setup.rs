//! Builds a world.

use std::collections::BTreeMap;

use knockproof_wikipedia::Wikipedia;
use serde_json::json;

use super::{BotAccount, Error, Result, Role, Rooms, WorldOptions, names::Names, rooms};
use crate::{
    client::{Registration, User},
    front_door::FrontDoor,
    homeserver::{self, Homeserver},
    secrets::Secrets,
};

/// The people and rooms of a fresh community.
pub(super) struct Community {
    pub(super) owner: User,
    pub(super) bots: Vec<User>,
    pub(super) rooms: Rooms,
}

/// The homeserver that a world stands on.
pub(super) async fn start_homeserver(options: &WorldOptions, folder: &std::path::Path) -> Result<homeserver::Chosen> {
    let mut wanted = homeserver::Options::new(options.choice, folder);
    wanted.rate_limits = options.rate_limits;
    wanted.settings.clone_from(&options.settings);
    Ok(homeserver::start(wanted).await?)
}

/// Makes the accounts and rooms, straight at the homeserver: none of it is traffic of people or bot.
pub(super) async fn populate(
    options: &WorldOptions,
    homeserver: &dyn Homeserver,
    front_door: &FrontDoor,
    names: &mut Names,
    secrets: &Secrets,
) -> Result<Community> {
    let mut localparts = vec!["owner", Role::Approver.localpart()];
    if options.two_identities {
        localparts.push(Role::Onboarding.localpart());
    }
    let passwords: Vec<String> = localparts.iter().map(|_| names.password()).collect();
    for (localpart, password) in localparts.iter().zip(&passwords) {
        secrets.add(format!("password of {localpart}"), password.as_str());
    }
    let registrations: Vec<Registration<'_>> = localparts
        .iter()
        .zip(&passwords)
        .map(|(username, password)| Registration {
            username,
            password,
            registration_token: homeserver.registration_token(),
        })
        .collect();
    let base = homeserver.base_url();
    let registered = registrations
        .iter()
        .map(|registration| User::register(base, registration));
    let users = futures_util::future::try_join_all(registered)
        .await
        .map_err(Error::doing("registering the owner and the bots"))?;
    for user in &users {
        front_door.knows(user.token(), user.user_id(), user.device_id());
    }
    let mut users = users.into_iter();
    let missing = || {
        Error::doing("registering the owner")(crate::client::Error::Shape {
            what: "register".to_owned(),
            missing: "user",
        })
    };
    let owner = users.next().ok_or_else(missing)?;
    let bots: Vec<User> = users.collect();
    let [approver, helpers @ ..] = bots.as_slice() else {
        return Err(missing());
    };
    let helpers: Vec<&str> = helpers.iter().map(User::user_id).collect();
    let rooms = rooms::make(&owner, options.room_version.as_deref(), approver.user_id(), &helpers)
        .await
        .map_err(Error::doing("making the rooms"))?;
    join(&bots, &rooms)
        .await
        .map_err(Error::doing("letting the bots join"))?;
    Ok(Community { owner, bots, rooms })
}

async fn join(bots: &[User], rooms: &Rooms) -> crate::client::Result<()> {
    let ids: Vec<&String> = rooms
        .children
        .iter()
        .map(|child| &child.id)
        .chain([&rooms.admin])
        .collect();
    let each = bots.iter().map(|bot| {
        let ids = ids.clone();
        async move {
            bot.join(&rooms.space).await?;
            futures_util::future::try_join_all(ids.iter().map(|id| bot.join(id))).await
        }
    });
    futures_util::future::try_join_all(each).await.map(drop)
}

/// The bot's environment, as an operator writes it.
pub(super) fn environment(
    options: &WorldOptions,
    homeserver: &dyn Homeserver,
    front_door: &FrontDoor,
    community: &Community,
    codes: &Codes,
    wikipedia: &Wikipedia,
) -> BTreeMap<String, String> {
    let rooms = &community.rooms;
    let children: Vec<&str> = rooms.children.iter().map(|child| child.id.as_str()).collect();
    let url = |url: &url::Url| url.as_str().trim_end_matches('/').to_owned();
    let code =
        |code: &str, label: &str| json!({ code: { "uses_remaining": options.code_uses, "label": label } }).to_string();
    let mut env: BTreeMap<String, String> = [
        ("HS", url(front_door.bot_url())),
        ("HS_PUBLIC", url(front_door.url())),
        ("SPACE_ID", rooms.space.clone()),
        ("SPACE_CHILD_IDS", children.join(",")),
        ("ADMIN_COMMAND_ROOM", rooms.admin.clone()),
        ("SERVER_NAME", homeserver.server_name().to_owned()),
        (
            "CONDUWUIT_REGISTRATION_TOKEN",
            homeserver.registration_token().to_owned(),
        ),
        ("ONBOARDING_INVITER_MXID", community.owner.user_id().to_owned()),
        ("APPROVER_USERNAME", Role::Approver.localpart().to_owned()),
        ("CHALLENGE_URL", wikipedia.url()),
        ("INITIAL_CODES", code(&codes.knock, "knock")),
        ("INITIAL_SIGNUP_CODES", code(&codes.signup, "signup")),
        ("LOBBY_CHALLENGE_DELAY_SEC", "1".to_owned()),
        (
            "LOBBY_WELCOME_DOC_URL",
            "https://docs.knockproof.invalid/start".to_owned(),
        ),
        // All people of a test have one address.
        ("HTTP_RATE_PER_MINUTE", "0".to_owned()),
        ("RUST_LOG", "info,knock_approver=debug,session_keeper=debug".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    for (role, bot) in [Role::Approver, Role::Onboarding].into_iter().zip(&community.bots) {
        env.insert(role.token_variable().to_owned(), bot.token().to_owned());
    }
    if options.two_identities {
        env.insert(
            "ONBOARDING_USERNAME".to_owned(),
            Role::Onboarding.localpart().to_owned(),
        );
    }
    env.extend(options.env.iter().cloned());
    env
}

/// The codes that a world begins with.
#[derive(Clone, Debug)]
pub(super) struct Codes {
    pub(super) knock: String,
    pub(super) signup: String,
}

impl Codes {
    pub(super) fn draw(names: &mut Names) -> Self {
        Self {
            knock: format!("knock-{}", names.text(10)),
            signup: format!("signup-{}", names.text(10)),
        }
    }
}

/// The accounts of the bot, with their password files written.
pub(super) fn accounts(bots: Vec<User>, data_dir: &std::path::Path, secrets: &Secrets) -> Result<Vec<BotAccount>> {
    [Role::Approver, Role::Onboarding]
        .into_iter()
        .zip(bots)
        .map(|(role, first)| {
            let account = BotAccount::new(role, first, data_dir, secrets.clone());
            account
                .write_password(account.password())
                .map_err(Error::io("write a password file"))?;
            Ok(account)
        })
        .collect()
}
