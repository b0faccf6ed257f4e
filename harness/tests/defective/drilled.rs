//! The drills of the double, by the engine that drills every bot.

use std::sync::Arc;

use knockproof_harness::{
    bot::BotCommand,
    contract::Contract,
    drill,
    fault::{Expectation, Fault, Faults, Fired, Moment, NewDevice},
    front_door::{Action, Matcher},
    history::{Event, Proof},
    plan::Drill,
    report::Record,
    step::{Failure, Outcome},
    suite::Suite,
    world::{World, WorldOptions},
};

use crate::defect::Defect;

const PLAIN: &str = include_str!("double.toml");
const ENCRYPTED: &str = include_str!("encrypted.toml");

/// Which of the two bots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Double {
    /// The one that heals its session.
    Plain,
    /// The one that encrypts.
    Encrypted,
}

/// A fault and its moment.
pub(crate) type Trouble = (&'static str, Moment);

/// Drills a double, which is sound unless it has a defect.
pub(crate) async fn drilled(
    double: Double,
    defect: Option<Defect>,
    (fault, moment): Trouble,
) -> Result<Record, Failure> {
    let contract = match double {
        Double::Plain => plain(),
        Double::Encrypted => ENCRYPTED.to_owned(),
    };
    drilled_by(&contract, defect, (fault, moment)).await
}

/// The contract of the one that heals its session, as text.
pub(crate) fn plain() -> String {
    PLAIN.to_owned()
}

/// The same by another contract.
pub(crate) async fn drilled_by(
    contract: &str,
    defect: Option<Defect>,
    (fault, moment): Trouble,
) -> Result<Record, Failure> {
    let suite = Suite::of(Contract::from_toml(contract)?)
        .with_faults(faults()?)
        .in_worlds(move |options, contract| Box::pin(world(options, contract, defect)));
    let drill = Drill::plain("ping").broken(fault, moment).on("embedded");
    Ok(drill::alone(&suite, &drill).await?)
}

/// What is wrong with a drill: the steps that failed and the checks that do not hold.
pub(crate) fn red(record: &Record) -> Vec<String> {
    let steps = record.steps.iter().filter(|step| step.outcome == Outcome::Failed);
    let checks = record.findings.iter().filter(|finding| !finding.held);
    steps
        .map(|step| format!("step: {}", step.name))
        .chain(checks.map(|finding| finding.check.clone()))
        .collect()
}

/// The world of any bot, with this program as the bot, and a living token of a visitor's in its environment.
async fn world(options: WorldOptions, contract: Arc<Contract>, defect: Option<Defect>) -> Result<World, Failure> {
    let command = match contract.image {
        Some(_) => BotCommand::of(&contract)?,
        None => BotCommand::new(std::env::current_exe()?, [""; 0]),
    };
    let mut world = World::build_with(options, contract, command).await?;
    let visitor = world.new_user("visitor").await?;
    world.bot.set("SPARE", visitor.token());
    let defect = defect.map(|defect| defect.to_string()).unwrap_or_default();
    world.bot.set("DEFECT", &defect);
    Ok(world)
}

/// Those of the harness, and some that are wrong themselves or in a hurry.
fn faults() -> Result<Faults, Failure> {
    let standard = Faults::standard();
    let deleted = standard.named("device-deleted");
    let deleted = deleted
        .ok_or_else(|| Failure::new("there is no device-deleted"))?
        .clone();
    let hurried = Fault::new(
        "device-deleted-in-a-hurry",
        "the same, with less time to heal",
        deleted.moments(),
    )
    .expecting(|_| Expectation::one_login(NewDevice::Allowed).logins(2, 2).within(8))
    .injected(move |world| {
        let deleted = deleted.clone();
        Box::pin(async move { deleted.inject(world).await })
    });
    let unmet = Fault::new("never-met", "a bend that no request meets", &[Moment::WhileRunning])
        .expecting(|_| Expectation::unharmed().within(1))
        .injected(|world| {
            Box::pin(async move {
                let nowhere = Matcher::endpoint("GET", "/nowhere").from_bot();
                let bend = world.front_door.bend(nowhere, Action::bad_gateway());
                Ok(Fired::with("the way to nowhere is barred").bending(bend))
            })
        });
    let claimed =
        Fault::new("only-claimed", "says that it killed the bot", &[Moment::WhileRunning]).injected(|world| {
            Box::pin(async move {
                let pid = world.bot.pid().unwrap_or_default();
                world.artifacts.history().add(Event::Demanded(Proof::Killed { pid }));
                Ok(Fired::with(format!("process {pid} killed")))
            })
        });
    Ok(standard.with(hurried).with(unmet).with(claimed))
}
