use std::{collections::HashMap, fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use knockproof_homeserver::{Config as EmbeddedConfig, Dialect, RateLimits};
use url::Url;

use super::{
    Driver, Error, Flavor, Operator as _, Options, Result, Selection,
    conduwuit::{self, ConduwuitOperator, Place},
    container::Container,
    core::Core,
    embedded::{Embedded, EmbeddedOperator},
    identity,
    interface::Interface,
    log::Log,
    process::{Process, Program, failed},
    runner::Runner,
    secret,
    server::Server,
    synapse::{Config, Paths, SynapseOperator},
};
use crate::{
    images::Served,
    run::{Port, Scratch, engine},
};

/// Starts what was selected and makes what an operator needs: his account, the registration token.
pub(super) async fn launch(options: &Options, selection: &Selection) -> Result<Server> {
    let ground = Ground::prepare(options)?;
    match (selection.flavor, selection.driver) {
        (_, Driver::Embedded) | (Flavor::Embedded, _) => embedded(options, selection, ground).await,
        (Flavor::Synapse, Driver::Process) => synapse_process(options, selection, ground).await,
        (Flavor::Synapse, Driver::Container) => synapse_container(options, selection, ground).await,
        (_, Driver::Process) => conduwuit_process(options, selection, ground).await,
        (_, Driver::Container) => conduwuit_container(options, selection, ground).await,
    }
}

/// What every server stands on.
struct Ground {
    log: Log,
    port: Port,
    base_url: Url,
}

impl Ground {
    fn prepare(options: &Options) -> Result<Self> {
        let log = Log::create(&options.folder, options.secrets.clone()).map_err(failed("make the log"))?;
        let port = Port::reserve().map_err(failed("reserve a port"))?;
        let base_url = Url::parse(&format!("http://127.0.0.1:{}", port.number()));
        let base_url = base_url.map_err(|error| failed("make the base URL")(std::io::Error::other(error)))?;
        Ok(Self { log, port, base_url })
    }
}

async fn synapse_process(options: &Options, selection: &Selection, ground: Ground) -> Result<Server> {
    let scratch = Scratch::new(&options.run, "synapse").map_err(failed("make a scratch folder"))?;
    let paths = Paths {
        data: scratch.path(),
        address: "127.0.0.1",
        port: ground.port.number(),
    };
    let config = Config::new(options, &paths);
    for (path, content) in config.files(scratch.path()) {
        write_private(Path::new(&path), &content)?;
    }
    let program = Program {
        path: Path::new(&selection.source).join("bin/python"),
        arguments: vec![
            "-m".into(),
            "synapse.app.homeserver".into(),
            "--config-path".into(),
            scratch.path().join(Config::HOMESERVER_YAML).into(),
        ],
        environment: vec![("PYTHONUNBUFFERED".to_owned(), "1".to_owned())],
    };
    let runner = Process::new(program, ground.log.clone(), scratch, ground.port)?;
    let core = core(options, selection, ground.base_url, ground.log, runner);
    synapse(options, selection, core, &config.shared_secret).await
}

async fn synapse_container(options: &Options, selection: &Selection, ground: Ground) -> Result<Server> {
    let served = Served::synapse(options).in_image(&selection.source);
    let shared_secret = served.shared_secret().to_owned();
    let runner = container(options, served, &ground.log, ground.port).await?;
    let core = core(options, selection, ground.base_url, ground.log, runner);
    synapse(options, selection, core, &shared_secret).await
}

async fn conduwuit_process(options: &Options, selection: &Selection, ground: Ground) -> Result<Server> {
    let scratch = Scratch::new(&options.run, selection.flavor.name()).map_err(failed("make a scratch folder"))?;
    let registration_token = secret();
    let program = Program {
        path: selection.source.clone().into(),
        arguments: Vec::new(),
        environment: conduwuit_here(options, &scratch, &ground.port, &registration_token),
    };
    let runner = Process::new(program, ground.log.clone(), scratch, ground.port)?;
    let core = core(options, selection, ground.base_url, ground.log, runner);
    conduwuit(options, selection, core, registration_token).await
}

/// The variables of a server of the conduwuit family that runs on this machine, with its data in a folder.
fn conduwuit_here(options: &Options, scratch: &Scratch, port: &Port, token: &str) -> Vec<(String, String)> {
    let place = Place {
        database: &scratch.path().join("database").display().to_string(),
        address: "127.0.0.1",
        port: port.number(),
    };
    conduwuit::environment(options, &place, token)
}

async fn conduwuit_container(options: &Options, selection: &Selection, ground: Ground) -> Result<Server> {
    let registration_token = secret();
    let served = Served::conduwuit(selection.flavor, options, &registration_token).in_image(&selection.source);
    let runner = container(options, served, &ground.log, ground.port).await?;
    let core = core(options, selection, ground.base_url, ground.log, runner);
    conduwuit(options, selection, core, registration_token).await
}

async fn container(options: &Options, served: Served, log: &Log, port: Port) -> Result<Container> {
    let docker = engine::docker().await.map_err(Error::NotAtHand)?;
    Container::new(docker, served, &options.run, log.clone(), port).await
}

fn core(options: &Options, selection: &Selection, base_url: Url, log: Log, runner: impl Runner + 'static) -> Arc<Core> {
    Arc::new(Core::new(
        selection.flavor,
        selection.driver,
        base_url,
        log,
        Box::new(runner),
        options.start_deadline,
    ))
}

/// The embedded homeserver takes the configuration of the conduwuit family, whatever dialect it speaks.
async fn embedded(options: &Options, selection: &Selection, ground: Ground) -> Result<Server> {
    let scratch = Scratch::new(&options.run, selection.flavor.name()).map_err(failed("make a scratch folder"))?;
    let registration_token = secret();
    let variables: HashMap<String, String> = conduwuit_here(options, &scratch, &ground.port, &registration_token)
        .into_iter()
        .collect();
    let mut config =
        EmbeddedConfig::from_variables(|name| variables.get(name).cloned()).map_err(|error| Error::Operator {
            action: "configure the embedded homeserver".to_owned(),
            reason: error.to_string(),
        })?;
    config.rate_limits = if options.rate_limits {
        RateLimits::ALL
    } else {
        RateLimits::NONE
    };
    if let Some(dialect) = options.dialect {
        config.dialect = Dialect::named(dialect.name())
            .ok_or_else(|| Error::NotAtHand(format!("the embedded homeserver does not speak {dialect}")))?;
    }
    let runner = Embedded::new(config, ground.log.clone(), scratch, ground.port);
    let core = core(options, selection, ground.base_url, ground.log, runner.clone());
    core.start().await?;
    let operator = EmbeddedOperator::new(core.clone(), runner);
    operator.create_user("operator", &secret()).await?;
    Ok(Server {
        core,
        server_name: options.server_name.clone(),
        registration_token,
        operator: Box::new(operator),
    })
}

/// The first start of a Synapse.
async fn synapse(options: &Options, selection: &Selection, core: Arc<Core>, shared_secret: &str) -> Result<Server> {
    core.start().await?;
    identity::is_as_wished(&core, &selection.source).await?;
    let http = Interface::new(&core.base_url);
    let registration_token = secret();
    core.log.hide("shared secret for registrations", shared_secret);
    let operator = SynapseOperator::establish(http, &options.server_name, shared_secret, &registration_token).await?;
    Ok(Server {
        core,
        server_name: options.server_name.clone(),
        registration_token,
        operator: Box::new(operator),
    })
}

/// The first start of a server of the conduwuit family.
async fn conduwuit(
    options: &Options,
    selection: &Selection,
    core: Arc<Core>,
    registration_token: String,
) -> Result<Server> {
    core.start().await?;
    identity::is_as_wished(&core, &selection.source).await?;
    let http = Interface::new(&core.base_url);
    let first_user = conduwuit::make_first_user(&http, &core.log, &registration_token).await?;
    core.log.hide("token of the operator", &first_user.token);
    let operator = ConduwuitOperator::establish(core.clone(), http, &options.server_name, &first_user).await?;
    Ok(Server {
        core,
        server_name: options.server_name.clone(),
        registration_token,
        operator: Box::new(operator),
    })
}

/// Writes a file that holds secrets.
fn write_private(path: &Path, content: &str) -> Result<()> {
    let written = fs::write(path, content).and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o600)));
    written.map_err(failed(&format!("write {}", path.display())))
}
