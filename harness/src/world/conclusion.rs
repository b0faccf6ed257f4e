//! The end of a world that is judged: everything that is left to be recorded.

use std::collections::BTreeSet;

use reqwest::Method;

use super::{BotAccount, Error, Result, World};
use crate::{
    check::{self, Need, Onlooker},
    client::{Http, Peer},
    contract::{HttpPath, Readiness},
    history::{Account, Event, Subject},
    secrets::Leak,
};

/// What no bot serves: an error has a text too.
const NOWHERE: &str = "/no-such-page";

impl World {
    /// Brings somebody with encryption into the rooms who is there before the bot: the owner on a device of its own, which decrypts what
    /// the bot says from its first word to its last.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn bring_witness(&mut self) -> Result<()> {
        let owner = self.owner();
        let base = self.homeserver.base_url();
        self.witness = Some(Box::new(Peer::login(base, owner.user_id(), owner.password()).await?));
        Ok(())
    }

    /// Records what can be told only in the end: what people have seen of all rooms, how the bot ends when it is asked to, and every
    /// secret that stands where it must not. The bot is stopped.
    ///
    /// # Errors
    ///
    /// When the history cannot be written.
    pub async fn conclude(&mut self) -> Result<()> {
        let history = self.artifacts.history().clone();
        let exchanges = self.traffic().snapshot();
        let subject = self.subject();
        let base = self.homeserver.base_url().clone();
        let seen = check::look(&base, &exchanges, &subject, &self.onlookers(), self.witness.as_deref()).await;
        for room in &seen.rooms {
            let text: String = room.events.iter().map(ToString::to_string).collect();
            history.searched(&format!("room {}", room.id), &text);
        }
        history.add(Event::Sight(seen));
        let http = Http::new(self.bot.url());
        for page in self.pages() {
            if let Ok(reply) = http.send(Method::GET, &page, None, None).await {
                history.searched(&format!("page {page}"), &reply.body.to_string());
            }
        }
        if let Err(error) = self.bot.stop().await {
            history.note(format!("the bot did not end: {error}"));
        }
        self.bot.search().map_err(Error::io("search what the bot wrote"))?;
        // What the operator does is in it too, with the passwords that the operator sets; and what other people send.
        let bots = |leak: &Leak| {
            let is_bots = |owner: &String| subject.accounts.iter().any(|account| account.user_id == *owner);
            !leak.given && leak.owner.as_ref().is_none_or(is_bots)
        };
        history.searched_for("the homeserver's log", &self.homeserver.printed(), bots);
        Ok(())
    }

    /// The paths of the bot's HTTP side that its contract names, and one that it does not have.
    fn pages(&self) -> Vec<String> {
        let contract = self.contract();
        let ready = match &contract.ready {
            Readiness::Http(path) => Some(path),
            Readiness::Log(_) | Readiness::Ping => None,
        };
        let status = contract.status.as_ref().map(|status| &status.http);
        let named = contract.public.iter().chain(ready).chain(status).chain(&contract.alive);
        let named: BTreeSet<&str> = named.map(HttpPath::as_str).collect();
        match named.is_empty() {
            true => Vec::new(),
            false => named.into_iter().chain([NOWHERE]).map(str::to_owned).collect(),
        }
    }

    /// Who is tested.
    pub(super) fn subject(&self) -> Subject {
        let account = |(place, account): (usize, &BotAccount)| Account {
            name: account.name().to_owned(),
            user_id: account.user_id().to_owned(),
            hit: self.hit().contains(&place),
        };
        Subject {
            accounts: self.accounts.iter().enumerate().map(account).collect(),
            rooms: self.rooms().ids().map(str::to_owned).collect(),
            lacks: Need::lacking(self.contract()),
            healing: self.contract().healing,
            operator_log: self.contract().operator_log.clone(),
        }
    }

    /// Everybody but the bot who ever had a session: those whose token lives for certain first.
    fn onlookers(&self) -> Vec<Onlooker> {
        let mut onlookers: Vec<Onlooker> = self
            .people()
            .into_iter()
            .map(|(user_id, token)| Onlooker { user_id, token })
            .collect();
        for (token, who) in self.front_door.sessions() {
            if !self.accounts.iter().any(|account| account.user_id() == who.user_id)
                && !onlookers.iter().any(|known| known.token == token)
            {
                onlookers.push(Onlooker {
                    user_id: who.user_id,
                    token,
                });
            }
        }
        onlookers
    }
}
