//! The sync loop.

use std::{pin::pin, time::Duration};

use matrix_sdk::{
    config::{SyncSettings, SyncToken},
    ruma::api::client::{
        filter::{FilterDefinition, LazyLoadOptions},
        sync::sync_events::v3::Filter,
    },
    sync::SyncResponse,
};
use tokio::time::{Instant, sleep_until};

use super::{
    Handle,
    device::Proven,
    forgotten::Forgetting,
    supervisor::{Damaged, End, Supervisor, chance},
    token_errors::{is_refused, looks_dead},
    upkeep::Upkeep,
};
use crate::{
    crypto::{cure_of, is_damage},
    healing::{About, Backoff, Mark, Refusal},
    session::{Session, refusal_of},
};

/// The longest poll. Whatever a homeserver forgets to wake a poll for is seen when the next one begins: well within the
/// quarter of a minute in which people expect an answer.
const LONGEST_POLL: Duration = Duration::from_secs(10);
/// The poll after news; without any they double from there. A server may let a poll run on although its token has died,
/// and a token that somebody else kills dies young. And conduwuit 0.5.0 begins to watch for news only after it has looked
/// for them, so that what comes in between wakes nobody: news seldom come alone.
const SHORT_POLL: Duration = Duration::from_secs(1);
/// No sync for so long, and it is said: longer than a poll takes, and as long again for an answer that is slow.
const STALE: Duration = Duration::from_secs(2 * LONGEST_POLL.as_secs());
/// So many events of a room in one batch, so that gaps are rare.
const TIMELINE: u32 = 100;
/// So many refusals in a row, and the position is given up: the server's database is another one.
const REFUSALS: u32 = 3;

/// Whether anything happened that more may follow on.
fn has_news(batch: &SyncResponse) -> bool {
    let rooms = &batch.rooms;
    let quiet =
        rooms.joined.is_empty() && rooms.invited.is_empty() && rooms.left.is_empty() && rooms.knocked.is_empty();
    !quiet || !batch.to_device.is_empty()
}

impl Supervisor {
    /// Hands batch after batch to the intake until the generation ends.
    pub(super) async fn sync(&mut self, handle: &Handle, mut proven: Proven) -> End {
        let mut upkeep = Upkeep::new(proven.password, proven.settled);
        let end = self.sync_with(handle, &mut proven, &mut upkeep).await;
        upkeep.stop().await;
        end
    }

    async fn sync_with(&mut self, handle: &Handle, proven: &mut Proven, upkeep: &mut Upkeep) -> End {
        let mut position = match self.resume(handle, &proven.session).await {
            Ok(position) => position,
            Err(end) => return end,
        };
        let mut forgetting = Forgetting::default();
        let mut poll = Duration::ZERO;
        let mut trouble = Trouble::default();
        loop {
            let result = match self
                .poll(handle, &proven.session, position.clone(), poll, trouble.unsaid())
                .await
            {
                Ok(result) => result,
                Err(end) => return end,
            };
            match result {
                Ok(batch) => {
                    // Before anything is done about it: the other copy has it too.
                    if let Some(end) = self.look_for_copies(&batch, &proven.session) {
                        return end;
                    }
                    if let Some(end) = self.hand_over(handle, &batch, &proven.session).await {
                        return end;
                    }
                    trouble = Trouble::default();
                    if let Some(end) = self.synced(handle, proven, poll.is_zero()).await {
                        return end;
                    }
                    self.forget(handle, &mut forgetting).await;
                    poll = match has_news(&batch) {
                        true => SHORT_POLL,
                        false => (poll * 2).clamp(SHORT_POLL, LONGEST_POLL),
                    };
                    position = Some(batch.next_batch);
                }
                Err(error) => match self.sync_failed(&error, handle, proven, &mut trouble).await {
                    Some(end) => return end,
                    None if trouble.refusals >= REFUSALS => {
                        tracing::warn!(
                            role = self.role.name(),
                            "the server refuses the sync position: starting afresh"
                        );
                        position = None;
                        trouble = Trouble::default();
                    }
                    None => {}
                },
            }
            if trouble.count == 0
                && let Some(end) = self.maintain(upkeep, proven).await
            {
                return end;
            }
        }
    }

    /// A sync has come to an end, and what it brought is stored: the account lives. `Some` where another copy has begun later.
    async fn synced(&mut self, handle: &Handle, proven: &Proven, is_first: bool) -> Option<End> {
        self.restarts.reset();
        self.healer.token_works();
        if is_first {
            Mark::Live.hit(self.role);
            self.provide_standby(proven);
        }
        self.forget_blocker(handle);
        self.say_serving(handle);
        self.claim(&proven.session).await
    }

    /// One poll; calls are answered meanwhile. The poll is not dropped for them: what it brings is half processed then.
    async fn poll(
        &mut self,
        handle: &Handle,
        session: &Session,
        position: Option<String>,
        poll: Duration,
        since: Option<Instant>,
    ) -> Result<matrix_sdk::Result<SyncResponse>, End> {
        let poll = match position {
            Some(_) => poll,
            None => unlike_any_other(),
        };
        let mut sync = pin!(handle.client.sync_once(settings(position, poll, filter())));
        let mut said = since.is_none();
        let mut late = pin!(sleep_until(since.unwrap_or_else(Instant::now) + STALE));
        loop {
            tokio::select! {
                biased;
                result = &mut sync => return Ok(result),
                Some(report) = self.reports.recv() => {
                    if let Some(end) = self.answer(report, handle, session).await {
                        return Err(end);
                    }
                }
                () = &mut late, if !said => {
                    said = true;
                    self.say_healing("waiting for the homeserver: no sync has come to an end for a while".to_owned());
                }
            }
        }
    }

    /// The intake gets the batch until it has taken it: the position must not run ahead.
    async fn hand_over(&mut self, handle: &Handle, batch: &SyncResponse, session: &Session) -> Option<End> {
        let mut backoff = Backoff::default();
        while let Err(error) = self.intake.take(handle, batch, &batch.next_batch).await {
            tracing::error!(role = self.role.name(), %error, "what the sync brought could not be stored");
            self.say_broken(&error);
            let wait = backoff.next(Duration::ZERO, chance());
            if let Some(end) = self.pause(wait, handle, session).await {
                return Some(end);
            }
        }
        None
    }

    async fn resume(&mut self, handle: &Handle, session: &Session) -> Result<Option<String>, End> {
        let mut backoff = Backoff::default();
        loop {
            let resumed = async {
                self.intake.resumed(handle).await?;
                self.intake.position().await
            };
            match resumed.await {
                Ok(position) => return Ok(position),
                Err(error) => {
                    tracing::warn!(role = self.role.name(), %error, "could not resume");
                    // The intake's error does not say what it met, so whoami is asked.
                    if let Some(end) = self.end_of_token(session).await {
                        return Err(end);
                    }
                    match error.cure() {
                        Some(_) => self.say_broken(&error),
                        None => self.say_healing(format!("resuming: {error}")),
                    }
                    let wait = backoff.next(Duration::ZERO, chance());
                    if let Some(end) = self.pause(wait, handle, session).await {
                        return Err(end);
                    }
                }
            }
        }
    }

    /// The sync failed, but not at the homeserver. A database that is damaged somewhere is replaced by the next generation.
    fn failed_here(&mut self, error: &matrix_sdk::Error, proven: &Proven) {
        tracing::error!(role = self.role.name(), %error, "the sync failed on this side");
        let why = causes(error);
        let said = format!("the sync failed on this side: {why}");
        match cure_of(&why, &self.config.data_dir) {
            Some(step) => self.say_operator(said, step, None),
            None => self.say_healing(said),
        }
        if !is_damage(&why) {
            return;
        }
        let device = proven.session.device.clone();
        self.damaged = Some(match error {
            matrix_sdk::Error::StateStore(_) => Damaged::Rooms(proven.stores.clone(), device),
            _ => Damaged::Keys(proven.stores.clone(), device),
        });
    }

    async fn sync_failed(
        &mut self,
        error: &matrix_sdk::Error,
        handle: &Handle,
        proven: &Proven,
        trouble: &mut Trouble,
    ) -> Option<End> {
        let session = &proven.session;
        trouble.count += 1;
        if looks_dead(error)
            && let Some(end) = self.end_of_token(session).await
        {
            if end == End::DeadToken {
                Mark::DeadTokenInSync.hit(self.role);
            }
            return Some(end);
        }
        if !matches!(error, matrix_sdk::Error::Http(_)) {
            self.failed_here(error, proven);
            return Some(End::Restart);
        }
        if is_refused(error, 400) {
            trouble.refusals += 1;
        }
        let refusal = refusal_of(About::Other, error);
        let wait = match &refusal {
            // One lost connection is no news.
            Refusal::Transient(_) if trouble.count == 1 => trouble.backoff.next(Duration::ZERO, chance()),
            refusal => {
                match refusal {
                    Refusal::Limited(_) => Mark::Limited.hit(self.role),
                    _ => Mark::Unreachable.hit(self.role),
                }
                self.say_refused(refusal, &mut trouble.backoff)
            }
        };
        self.pause(wait, handle, session).await
    }
}

/// An error with all that led to it: what SQLite says is the innermost.
fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut said: Vec<String> = Vec::new();
    for cause in causes.map(ToString::to_string) {
        // Many an error repeats its cause in its own words.
        if !said.iter().any(|said| said.contains(&cause)) {
            said.push(cause);
        }
    }
    said.join(": ")
}

/// What has gone wrong since the last sync that succeeded.
struct Trouble {
    /// When that was.
    since: Instant,
    count: u32,
    refusals: u32,
    backoff: Backoff,
}

/// The time-out of a first sync, which is answered at once. Synapse answers the same question once more from memory, with
/// what was so then; what came since would follow as if it were new.
fn unlike_any_other() -> Duration {
    Duration::from_millis(1 + (chance() * 2000.0) as u64)
}

impl Trouble {
    /// Since when there has been no sync, unless it was said already why not.
    fn unsaid(&self) -> Option<Instant> {
        (self.count <= 1).then_some(self.since)
    }
}

impl Default for Trouble {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            count: 0,
            refusals: 0,
            backoff: Backoff::default(),
        }
    }
}

/// The settings of one poll. The position is always told: the SDK's own must not be used.
pub(super) fn settings(position: Option<String>, poll: Duration, filter: FilterDefinition) -> SyncSettings {
    let token = position.map_or(SyncToken::NoToken, SyncToken::Specific);
    SyncSettings::new()
        .token(token)
        .timeout(poll)
        .filter(Filter::FilterDefinition(filter))
}

/// Everything the flows need, without what they do not: presence, typing, receipts.
fn filter() -> FilterDefinition {
    let mut filter = FilterDefinition::default();
    filter.presence.not_types = vec!["*".to_owned()];
    filter.room.ephemeral.not_types = vec!["*".to_owned()];
    filter.room.timeline.limit = Some(TIMELINE.into());
    filter.room.state.lazy_load_options = LazyLoadOptions::Enabled {
        include_redundant_members: false,
    };
    filter.room.timeline.lazy_load_options = LazyLoadOptions::Enabled {
        include_redundant_members: false,
    };
    filter
}

/// To fill a store that knows no rooms: their state, hardly any messages.
pub(super) fn filling() -> FilterDefinition {
    let mut filter = filter();
    filter.room.timeline.limit = Some(1_u32.into());
    filter
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use matrix_sdk::StoreError;
    use rstest::rstest;

    use super::*;

    /// In SQLite's own words, as the SDK hands them on.
    #[rstest]
    #[case::full("database or disk is full", "make room on the disk of /data")]
    #[case::read_only("attempt to write a readonly database", "write /data and all in it")]
    #[case::gone("unable to open database file: /data/crypto/D/x", "see that /data is a directory")]
    #[case::failing("disk I/O error", "the disk of /data")]
    #[case::held("database is locked", "end the other program that has a database in /data open")]
    fn what_the_sync_meets_on_this_machine_has_a_step(#[case] words: &str, #[case] step: &str) {
        let error = matrix_sdk::Error::StateStore(Box::new(StoreError::backend(std::io::Error::other(words))));
        let why = causes(&error);
        assert!(why.contains(words), "{why}");
        let cure = cure_of(&why, Path::new("/data")).unwrap();
        assert!(cure.contains(step), "{cure}");
        assert!(!is_damage(&why));
    }

    #[test]
    fn damage_has_no_step_of_its_own_and_a_cause_is_said_once() {
        let damage = std::io::Error::other("database disk image is malformed");
        let error = matrix_sdk::Error::StateStore(Box::new(StoreError::backend(damage)));
        let why = causes(&error);
        assert_eq!(why.matches("malformed").count(), 1, "{why}");
        assert!(is_damage(&why) && cure_of(&why, Path::new("/data")).is_none());
    }
}
