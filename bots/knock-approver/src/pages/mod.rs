//! The pages for people: self-contained, and working without any other server.
//!
//! A page is one answer: its style and script are within it, and its policy admits these two by their hashes and nothing else.

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    response::Html,
    routing::{MethodRouter, get},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("style.css");
/// What every page with a form does.
const FORM: &str = include_str!("form.js");

/// What a page is made of.
#[derive(Clone, Copy, Debug)]
struct Source {
    template: &'static str,
    /// What it does besides what every form does; `None` for a page without a form.
    script: Option<&'static str>,
}

const HOME: Source = Source {
    template: include_str!("home.html"),
    script: None,
};
const JOIN: Source = Source {
    template: include_str!("join.html"),
    script: Some(include_str!("join.js")),
};
const SIGNUP: Source = Source {
    template: include_str!("signup.html"),
    script: Some(include_str!("signup.js")),
};

/// The routes of the pages.
pub fn router<S: Clone + Send + Sync + 'static>(community: &str) -> Router<S> {
    Router::new()
        .route("/", page(HOME, community))
        .route("/join", page(JOIN, community))
        .route("/signup", page(SIGNUP, community))
}

fn page<S: Clone + Send + Sync + 'static>(source: Source, community: &str) -> MethodRouter<S> {
    let (text, headers) = (source.render(community), headers(&source));
    get(move || async move { (headers, Html(text)) })
}

impl Source {
    fn script(&self) -> Option<String> {
        self.script.map(|script| format!("{FORM}{script}"))
    }

    fn render(&self, community: &str) -> String {
        let name = community
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;");
        // The name comes last: nothing in it is a place to be filled.
        self.template
            .replace("{{head}}", include_str!("head.html").trim_end())
            .replace("{{mark}}", include_str!("mark.svg").trim_end())
            .replace("{{style}}", STYLE)
            .replace("{{script}}", &self.script().unwrap_or_default())
            .replace("{{community}}", &name)
    }

    /// Nothing from elsewhere, nothing framed, no form sent by the browser itself: a password would stand in an address.
    fn policy(&self) -> String {
        let admitted = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
        let script = self.script().map_or("'none'".to_owned(), |script| admitted(&script));
        format!(
            "default-src 'none'; style-src {}; script-src {script}; connect-src 'self'; img-src data:; form-action 'none'; \
             base-uri 'none'; frame-ancestors 'none'",
            admitted(STYLE)
        )
    }
}

fn headers(source: &Source) -> [(HeaderName, HeaderValue); 4] {
    // Hashes in base64 and words: it always is a header's value. If it were not, nothing at all would be admitted.
    let policy = HeaderValue::try_from(source.policy());
    [
        (
            header::CONTENT_SECURITY_POLICY,
            policy.unwrap_or(HeaderValue::from_static("default-src 'none'")),
        ),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        // The address holds the code.
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ]
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// The text between a pair of tags, as a browser hashes it.
    fn between<'a>(page: &'a str, tag: &str) -> &'a str {
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        let start = page.find(&open).unwrap() + open.len();
        &page[start..start + page[start..].find(&close).unwrap()]
    }

    #[rstest]
    #[case(HOME)]
    #[case(JOIN)]
    #[case(SIGNUP)]
    fn a_page_is_whole_escapes_the_name_and_fetches_nothing(#[case] source: Source) {
        let page = source.render("<b>Rotators & \"{{script}}\"</b>");
        assert!(page.contains("&lt;b&gt;Rotators &amp; &quot;{{script}}&quot;&lt;/b&gt;"));
        let page = source.render("Rotators");
        assert!(!page.contains("{{"), "every place is filled");
        assert!(!page.contains("src=") && !page.contains("https://") && !page.contains("url("));
        for (at, _) in page.match_indices("http://") {
            assert!(
                page[at..].starts_with("http://www.w3.org/2000/svg"),
                "fetched by nobody"
            );
        }
        assert_eq!(
            page.matches("<link").count(),
            page.matches("<link rel=\"icon\" href=\"data:").count()
        );
        assert!(page.contains("<html lang=\"en\">") && page.contains("name=\"viewport\""));
    }

    #[rstest]
    #[case(HOME)]
    #[case(JOIN)]
    #[case(SIGNUP)]
    fn the_policy_admits_the_pages_own_style_and_script_and_no_other(#[case] source: Source) {
        let (page, policy) = (source.render("Rotators"), source.policy());
        let tags: &[&str] = if source.script.is_some() {
            &["style", "script"]
        } else {
            &["style"]
        };
        for tag in tags {
            let hash = STANDARD.encode(Sha256::digest(between(&page, tag)));
            assert!(policy.contains(&format!("{tag}-src 'sha256-{hash}'")), "{policy}");
        }
        assert!(!policy.contains("unsafe"));
        assert!(
            !page.contains(" style=") && !page.contains(" onclick="),
            "the policy would not admit it"
        );
    }
}
