//! What is well and what is not, for the operator, beside a running bot or in its place.
//!
//! It only looks: it never logs in, sends nothing, and writes nothing but what opening a database needs. So it can be asked at any
//! time, and what it says of a password is whether one is there, not whether it is right: only a login would tell, and that ends the
//! token of the bot that runs.
//!
//! ```text
//! Config ─▶ place (this machine) ─▶ account (each identity: token, device, keys, trust, backup) ─▶ monitor (each room and its power)
//! ```

mod account;
mod place;
mod signed;

pub use crate::finding::{Finding, Standing};
use crate::{
    config::{Config, DEVICE_NAME, IdentityConfig},
    monitor,
    secret::Secret,
    session::{Server, ServerError},
};

/// Looks at everything, and says of each what was seen.
///
/// # Errors
///
/// [`ServerError`] when the HTTP client cannot be made. What is wrong with the bot is no error: it is in the findings.
pub async fn examine(config: &Config) -> Result<Vec<Finding>, ServerError> {
    let server = Server::new(config.homeserver.clone(), DEVICE_NAME)?;
    let mut findings = place::examine(config).await;
    let homeserver = place::homeserver(config, &server).await;
    let answers = homeserver.standing() != Standing::Broken;
    findings.push(homeserver);
    // Without an answer everything below would say the same again.
    if answers {
        let approver = account::examine(&config.approver, &server, &mut findings).await;
        if let Some(onboarding) = &config.onboarding {
            account::examine(onboarding, &server, &mut findings).await;
        }
        if let Some(approver) = approver {
            findings.extend(monitor::examine(config, &server, &approver.token, &approver.user).await);
        }
    }
    Ok(findings)
}

/// An identity whose token lives.
struct Patient<'a> {
    config: &'a IdentityConfig,
    user: matrix_sdk::ruma::OwnedUserId,
    device: Option<matrix_sdk::ruma::OwnedDeviceId>,
    token: Secret,
}
