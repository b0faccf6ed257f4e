//! Where challenges come from.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::{Challenge, keyword_of};
use crate::words;

const ATTEMPTS: usize = 5;
/// So many characters of a title are shown.
const LONGEST: usize = 200;
/// An answer that takes longer than this is not worth a newcomer's wait.
const PATIENCE: Duration = Duration::from_secs(4);

/// Brings random articles.
#[derive(Clone, Debug)]
pub struct Source {
    http: reqwest::Client,
    url: Url,
    /// What a test asks instead.
    #[cfg(test)]
    only: Option<Challenge>,
}

#[derive(Deserialize)]
struct Summary {
    title: String,
}

impl Source {
    /// A source at a URL that answers with `{"title": …}`.
    pub fn new(http: reqwest::Client, url: Url) -> Self {
        Self {
            http,
            url,
            #[cfg(test)]
            only: None,
        }
    }

    /// A source that asks nobody.
    #[cfg(test)]
    pub(crate) fn only(challenge: Challenge) -> Self {
        let url = Url::parse("http://localhost/").unwrap();
        let mut source = Self::new(reqwest::Client::new(), url);
        source.only = Some(challenge);
        source
    }

    /// A challenge: that of the first article with a fit title among five attempts, otherwise the fall-back.
    pub async fn challenge(&self) -> Challenge {
        #[cfg(test)]
        if let Some(only) = &self.only {
            return only.clone();
        }
        for attempt in 1..=ATTEMPTS {
            match self.title().await {
                Ok(title) => {
                    if let Some(keyword) = keyword_of(&title) {
                        return Challenge { title, keyword };
                    }
                }
                Err(error) => {
                    tracing::debug!(attempt, error = %error.without_url(), "no article");
                }
            }
        }
        tracing::warn!("no article to be had in {ATTEMPTS} attempts: asking about Wikipedia itself");
        Challenge::fall_back()
    }

    async fn title(&self) -> Result<String, reqwest::Error> {
        let answer = self.http.get(self.url.clone()).timeout(PATIENCE).send().await?;
        let summary: Summary = answer.error_for_status()?.json().await?;
        // The title becomes one line of a message.
        let title = summary.title.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(words::line(&words::beginning(&title, LONGEST)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

    use super::*;

    fn article(title: &str) -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_json(json!({ "title": title }))
    }

    async fn challenge_of(server: &MockServer) -> Challenge {
        Source::new(reqwest::Client::new(), server.uri().parse().unwrap())
            .challenge()
            .await
    }

    #[tokio::test]
    async fn titles_without_a_keyword_and_failures_are_passed_over() {
        let server = MockServer::start().await;
        for answer in [article("1 + 1"), ResponseTemplate::new(429), ResponseTemplate::new(503)] {
            Mock::given(any())
                .respond_with(answer)
                .up_to_n_times(1)
                .mount(&server)
                .await;
        }
        Mock::given(any())
            .respond_with(article("Common  frog"))
            .mount(&server)
            .await;
        let expected = Challenge {
            title: "Common frog".to_owned(),
            keyword: "common".to_owned(),
        };
        assert_eq!(challenge_of(&server).await, expected);
    }

    #[tokio::test]
    async fn after_five_attempts_wikipedia_itself_is_asked_about() {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(500))
            .expect(5)
            .mount(&server)
            .await;
        assert_eq!(challenge_of(&server).await, Challenge::fall_back());
    }
}
