//! The password is changed, and every token dies with it.

use std::{fs, time::Duration};

use async_trait::async_trait;

use super::{Anyhow, Expectation, Fault, Fired, Moment, NewDevice, acts};
use crate::{client::User, history::Event, world::World};

const MOMENTS: &[Moment] = &[Moment::AtBoot, Moment::WhileRunning, Moment::InTheMiddle];

/// How long after the reset the new password comes.
const LATE: Duration = Duration::from_secs(5);

/// Its device is gone with its token: a login on the old id, and where the server has lost its keys, one on a new.
fn expectation() -> Expectation {
    Expectation::one_login(NewDevice::Allowed).logins(2, 2)
}

/// The account's user changes the password and logs all other devices out.
#[derive(Debug)]
pub(super) struct ChangedByUser;

#[async_trait]
impl Fault for ChangedByUser {
    fn name(&self) -> &'static str {
        "password-changed-by-user"
    }

    fn summary(&self) -> &'static str {
        "somebody with the bot's password changes it, logging all devices out; the file has the new one"
    }

    fn moments(&self) -> &'static [Moment] {
        MOMENTS
    }

    fn expectation(&self, moment: Moment) -> Expectation {
        match moment {
            // A bot that runs may meet its dead token before the file is written.
            Moment::WhileRunning | Moment::InTheMiddle => expectation().logins(2, 3),
            _ => expectation(),
        }
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let (token, new) = (acts::bot_token(world), world.new_password());
        let met = acts::met(world);
        let account = world.approver();
        let base = world.homeserver.base_url();
        let user = User::login(base, account.user_id(), account.password(), None).await?;
        user.change_password(&new, true).await?;
        // The session that changed it lives on: it is not the bot's, and must not be counted among its devices.
        user.logout().await?;
        world.approver_mut().set_password(&new);
        acts::write_password(world)?;
        Ok(Fired::with(acts::is_dead(world, "the bot's token", &token).await?).going_on(met))
    }
}

/// The operator resets the password; the new one is in the file at once.
#[derive(Debug)]
pub(super) struct ResetByOperator;

#[async_trait]
impl Fault for ResetByOperator {
    fn name(&self) -> &'static str {
        "password-reset"
    }

    fn summary(&self) -> &'static str {
        "the operator resets the password, logging all devices out; the file has the new one"
    }

    fn moments(&self) -> &'static [Moment] {
        MOMENTS
    }

    fn expectation(&self, moment: Moment) -> Expectation {
        ChangedByUser.expectation(moment)
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let met = acts::met(world);
        let evidence = acts::reset_password(world).await?;
        acts::write_password(world)?;
        Ok(Fired::with(evidence).going_on(met))
    }
}

/// The operator resets the password; the new one is in the file only later.
#[derive(Debug)]
pub(super) struct ResetAndWrittenLate;

#[async_trait]
impl Fault for ResetAndWrittenLate {
    fn name(&self) -> &'static str {
        "password-reset-written-late"
    }

    fn summary(&self) -> &'static str {
        "the operator resets the password, logging all devices out; the file has the new one 5 s later"
    }

    fn moments(&self) -> &'static [Moment] {
        MOMENTS
    }

    fn expectation(&self, _moment: Moment) -> Expectation {
        expectation().logins(2, 3).waits()
    }

    async fn inject(&self, world: &mut World) -> Anyhow<Fired> {
        let met = acts::met(world);
        let evidence = acts::reset_password(world).await?;
        let account = world.approver();
        let (file, password) = (account.password_file().to_owned(), account.password().to_owned());
        let history = world.artifacts.history().clone();
        let write = Box::pin(async move {
            tokio::time::sleep(LATE).await;
            fs::write(&file, format!("{password}\n"))?;
            history.add(Event::Operator {
                what: "wrote the new password into the file".to_owned(),
            });
            Ok(format!("the new password was written {LATE:?} later"))
        });
        Ok(Fired::with(evidence).going_on(write).going_on(met))
    }
}
