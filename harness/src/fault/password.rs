//! The password is changed, and every token dies with it.

use std::{fs, time::Duration};

use super::{Expectation, Fault, Fired, Moment, Need, NewDevice, Reach, Result, acts};
use crate::{client::User, history::Event, world::World};

const MOMENTS: &[Moment] = &[Moment::AtBoot, Moment::WhileRunning, Moment::InTheMiddle];

/// How long after the reset the new password comes.
const LATE: Duration = Duration::from_secs(5);

pub(super) fn faults() -> [Fault; 3] {
    let fault = |name, summary| {
        Fault::new(name, summary, MOMENTS)
            .needing(&[Need::PasswordLogin, Need::PasswordFile])
            .reaching(Reach::Accounts)
    };
    [
        fault(
            "password-changed-by-user",
            "somebody with the bot's password changes it, logging all devices out; the file has the new one",
        )
        .expecting(at_once)
        .injected(|world| Box::pin(changed_by_user(world))),
        fault(
            "password-reset",
            "the operator resets the password, logging all devices out; the file has the new one",
        )
        .expecting(at_once)
        .injected(|world| Box::pin(reset_by_operator(world))),
        fault(
            "password-reset-written-late",
            "the operator resets the password, logging all devices out; the file has the new one 5 s later",
        )
        .expecting(|_| expectation().logins(2, 3).waits())
        .injected(|world| Box::pin(reset_and_written_late(world))),
    ]
}

/// Its device is gone with its token: a login on the old id, and where the server has lost its keys, one on a new.
fn expectation() -> Expectation {
    Expectation::one_login(NewDevice::Allowed).logins(2, 2)
}

fn at_once(moment: Moment) -> Expectation {
    match moment {
        // A bot that runs may meet its dead token before the file is written.
        Moment::WhileRunning | Moment::InTheMiddle => expectation().logins(2, 3),
        _ => expectation(),
    }
}

async fn changed_by_user(world: &mut World) -> Result<Fired> {
    let (token, new) = (acts::bot_token(world), world.new_password());
    let met = acts::met(world);
    let account = world.account();
    let base = world.homeserver.base_url();
    let user = User::login(base, account.user_id(), account.password(), None).await?;
    user.change_password(&new, true).await?;
    // The session that changed it lives on: it is not the bot's, and must not be counted among its devices.
    user.logout().await?;
    world.account_mut().set_password(&new);
    acts::write_password(world)?;
    Ok(Fired::with(acts::is_dead(world, "the bot's token", &token).await?).going_on(met))
}

async fn reset_by_operator(world: &mut World) -> Result<Fired> {
    let met = acts::met(world);
    let evidence = acts::reset_password(world).await?;
    acts::write_password(world)?;
    Ok(Fired::with(evidence).going_on(met))
}

async fn reset_and_written_late(world: &mut World) -> Result<Fired> {
    let met = acts::met(world);
    let evidence = acts::reset_password(world).await?;
    let account = world.account();
    let file = account.password_file().ok_or("there is no file for the password")?;
    let password = account.password().to_owned();
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
