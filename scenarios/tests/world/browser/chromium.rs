//! A headless Chromium with a fresh profile, driven through ChromeDriver. Whatever a page asks for, it reaches this machine only.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use fantoccini::{Client, ClientBuilder, Locator, error::CmdError, wd::WebDriverCompatibleCommand};
use harness::{
    run::{Owner, RunId, Scratch, Watchdog},
    step::Failure,
    wait::{self, Poll},
    world::World,
};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use url::{ParseError, Url};

/// How long the browser may take to start, and a page to show something.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a browser that ChromeDriver looks for is called.
const BROWSERS: [&str; 5] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
];
const DRIVER: &str = "chromedriver";

/// Not for people, as root, without errands of its own; every name but this machine's is unknown to it.
const FLAGS: [&str; 12] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/// Why there is no browser here; nothing where there is one.
pub(crate) fn missing() -> Option<String> {
    let missing = match (program(&[DRIVER]), program(&BROWSERS)) {
        (Some(_), Some(_)) => return None,
        (None, Some(_)) => "ChromeDriver",
        (_, None) => "Chromium",
    };
    Some(format!(
        "{missing} is not in PATH: install it (Debian: chromium and chromium-driver), or run ci/test as root on Debian"
    ))
}

/// The browser and its one tab.
pub(crate) struct Chromium {
    tab: Client,
    driver: Child,
    // Kills driver and browser, which are one process group, however this process ends.
    watchdog: Watchdog,
    _scratch: Scratch,
}

impl Chromium {
    /// Starts ChromeDriver on a free port, and a browser.
    pub(crate) async fn open(world: &World) -> Result<Self, Failure> {
        let scratch = Scratch::new(&RunId::current(), "chromium")?;
        let log = world.artifacts.path("chromedriver.log");
        let driver = Command::new(DRIVER)
            .arg("--port=0")
            .env("HOME", scratch.path())
            .env("KNOCKPROOF_RUN_ID", RunId::current().as_str())
            .stdin(Stdio::null())
            .stdout(fs::File::create(&log)?)
            .stderr(fs::File::create(world.artifacts.path("chromium.log"))?)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let mut watchdog = Watchdog::new::<&str>([])?;
        if let Some(pid) = driver.id() {
            watchdog.guard(pid)?;
            if let Some(owner) = Owner::of(pid) {
                scratch.note_child(&owner)?;
            }
        }
        let port = wait::until("ChromeDriver to name its port", PATIENCE, || async { port(&log) }).await?;
        let mut flags = FLAGS.map(str::to_owned).to_vec();
        flags.push(format!("--user-data-dir={}", scratch.path().join("profile").display()));
        let capabilities = json!({ "goog:chromeOptions": { "args": flags } });
        let tab = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().cloned().unwrap_or_default())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await?;
        Ok(Self {
            tab,
            driver,
            watchdog,
            _scratch: scratch,
        })
    }

    /// Ends the browser, then the driver.
    pub(crate) async fn close(mut self) -> Result<(), Failure> {
        self.tab.close().await?;
        self.driver.kill().await?;
        Ok(self.watchdog.dismiss()?)
    }

    /// The tab, for everything not here.
    pub(crate) fn tab(&self) -> &Client {
        &self.tab
    }

    /// Sends a text to an element, as if typed.
    pub(crate) async fn type_into(&self, css: &str, text: &str) -> Result<(), Failure> {
        let what = |error: CmdError| Failure::from(error).while_doing(format!("typing into {css}"));
        let element = self.tab.find(Locator::Css(css)).await.map_err(what)?;
        element.send_keys(text).await.map_err(what)
    }

    /// Presses keys wherever the focus is.
    pub(crate) async fn press(&self, keys: &str) -> Result<(), Failure> {
        Ok(self.tab.active_element().await?.send_keys(keys).await?)
    }

    /// Clicks an element.
    pub(crate) async fn click(&self, css: &str) -> Result<(), Failure> {
        let what = |error: CmdError| Failure::from(error).while_doing(format!("clicking {css}"));
        let element = self.tab.find(Locator::Css(css)).await.map_err(what)?;
        element.click().await.map_err(what)
    }

    /// Waits until an element is to be seen with a text; answers the text.
    pub(crate) async fn see(&self, css: &str) -> Result<String, Failure> {
        let text = wait::until(format!("{css} to be seen"), PATIENCE, || async {
            match self.shown(css).await {
                Ok(Some(text)) if !text.is_empty() => Poll::Ready(text),
                Ok(_) => Poll::Pending(self.shown("main").await.ok().flatten().unwrap_or_default()),
                Err(failure) => Poll::Pending(failure.to_string()),
            }
        });
        Ok(text.await?)
    }

    /// The text of an element, if it is to be seen now.
    pub(crate) async fn shown(&self, css: &str) -> Result<Option<String>, Failure> {
        let element = self.tab.find(Locator::Css(css)).await?;
        if !element.is_displayed().await? {
            return Ok(None);
        }
        Ok(Some(element.text().await?))
    }

    /// What stands in a field.
    pub(crate) async fn value(&self, css: &str) -> Result<String, Failure> {
        let element = self.tab.find(Locator::Css(css)).await?;
        Ok(element.prop("value").await?.unwrap_or_default())
    }

    /// The id of the element with the focus.
    pub(crate) async fn focus(&self) -> Result<String, Failure> {
        Ok(self.tab.active_element().await?.prop("id").await?.unwrap_or_default())
    }

    /// Runs a function's body in the page; answers what it returns.
    pub(crate) async fn run(&self, script: &str) -> Result<Value, Failure> {
        Ok(self.tab.execute(script, Vec::new()).await?)
    }

    /// A screen of this size in one of the two schemes of colours. Nothing moves on it: what is to be seen is not between two colours.
    pub(crate) async fn screen(&self, (width, height): (u32, u32), scheme: &str) -> Result<(), Failure> {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await?;
        let wishes = [("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce")];
        let features = wishes.map(|(name, value)| json!({ "name": name, "value": value }));
        let media = json!({ "features": features });
        self.devtools("Emulation.setEmulatedMedia", media).await.map(drop)
    }

    /// Sends a command of the DevTools protocol.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) -> Result<Value, Failure> {
        let body = json!({ "cmd": command, "params": parameters });
        self.issue(Method::POST, "goog/cdp/execute", Some(body)).await
    }

    /// What a screen reader calls an element.
    pub(crate) async fn label(&self, element: &fantoccini::elements::Element) -> Result<String, Failure> {
        let path = format!("element/{}/computedlabel", &*element.element_id());
        let label = self.issue(Method::GET, &path, None).await?;
        Ok(label.as_str().unwrap_or_default().trim().to_owned())
    }

    /// Keeps a picture of what is to be seen.
    pub(crate) async fn shoot(&self, file: &Path) -> Result<(), Failure> {
        let picture = self.issue(Method::GET, "screenshot", None).await?;
        Ok(fs::write(file, STANDARD.decode(picture.as_str().unwrap_or_default())?)?)
    }

    async fn issue(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let path = path.to_owned();
        Ok(self.tab.issue_cmd(Extension { method, path, body }).await?)
    }
}

/// The first of these programs that is found in `PATH`.
fn program(names: &[&str]) -> Option<PathBuf> {
    let folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH")?).collect();
    let places = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// The port in ChromeDriver's log.
fn port(log: &Path) -> Poll<u16> {
    let text = fs::read_to_string(log).unwrap_or_default();
    let said = text.split("started successfully on port ").nth(1);
    let port = said.and_then(|said| said.split('.').next()?.parse().ok());
    port.map_or(Poll::Pending(text), Poll::Ready)
}

/// A command of a session that the library does not know.
#[derive(Debug)]
struct Extension {
    method: Method,
    path: String,
    body: Option<Value>,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (self.method.clone(), self.body.as_ref().map(Value::to_string))
    }
}
