//! Which implementation a running server says it is.

use std::time::Duration;

use reqwest::{Client, header::SERVER};
use serde_json::Value;

use super::{Error, Flavor, Result, core::Core, select::flavor_of};
use crate::{cause::chain, client::plain_client};

/// Where servers say it. The first is the specification's, and closed where there is no federation; the last three are the conduwuit
/// family's own.
const PLACES: [&str; 5] = [
    "/_matrix/federation/v1/version",
    "/_matrix/client/versions",
    "/_conduwuit/server_version",
    "/_continuwuity/server_version",
    "/_tuwunel/server_version",
];

/// A server that answers answers these at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// Refuses a server that says it is another one than was wished for. One that says nothing is believed.
///
/// # Errors
/// [`Error::AnotherFlavor`]; `what` is the image or program in it.
pub(super) async fn is_as_wished(core: &Core, what: &str) -> Result<()> {
    match told(core.base_url.as_str()).await? {
        Some(says) if says != core.flavor => Err(Error::AnotherFlavor {
            what: what.to_owned(),
            says,
            wished: core.flavor,
        }),
        _ => Ok(()),
    }
}

async fn told(base: &str) -> Result<Option<Flavor>> {
    let client = plain_client().timeout(PATIENCE).build();
    let client = client.map_err(|error| Error::Operator {
        action: "make an HTTP client".to_owned(),
        reason: chain(&error),
    })?;
    for place in PLACES {
        if let Some(flavor) = told_at(&client, &format!("{}{place}", base.trim_end_matches('/'))).await {
            return Ok(Some(flavor));
        }
    }
    Ok(None)
}

/// What one answer says: its header `Server` (Synapse), `server.name` (the specification), `name` (the conduwuit family).
async fn told_at(client: &Client, url: &str) -> Option<Flavor> {
    let answer = client.get(url).send().await.ok()?;
    let header = answer.headers().get(SERVER).and_then(|name| name.to_str().ok());
    let header = header.map(str::to_lowercase);
    let body: Value = answer.json().await.unwrap_or_default();
    let name = body.pointer("/server/name").or_else(|| body.get("name"));
    let name = name.and_then(Value::as_str).map(str::to_lowercase);
    [name, header].into_iter().flatten().find_map(|text| flavor_of(&text))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

    use super::*;

    #[rstest]
    #[case("/_matrix/federation/v1/version", json!({"server": {"name": "conduwuit", "version": "0.5.0"}}), Flavor::Conduwuit)]
    #[case("/_matrix/client/versions", json!({"versions": [], "server": {"name": "Tuwunel"}}), Flavor::Tuwunel)]
    #[case("/_conduwuit/server_version", json!({"name": "Continuwuity", "version": "26.7.3"}), Flavor::Continuwuity)]
    #[tokio::test]
    async fn a_server_says_what_it_is(#[case] place: &str, #[case] body: Value, #[case] flavor: Flavor) {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(200).set_body_json(body);
        Mock::given(path(place)).respond_with(answer).mount(&server).await;
        assert_eq!(told(&server.uri()).await.unwrap(), Some(flavor));
    }

    #[tokio::test]
    async fn synapse_says_it_in_every_answer() {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(404).insert_header("Server", "Synapse/1.163.2");
        Mock::given(path(PLACES[0])).respond_with(answer).mount(&server).await;
        assert_eq!(told(&server.uri()).await.unwrap(), Some(Flavor::Synapse));
    }

    #[tokio::test]
    async fn one_that_says_nothing_is_believed() {
        let server = MockServer::start().await;
        assert_eq!(told(&server.uri()).await.unwrap(), None);
    }
}
