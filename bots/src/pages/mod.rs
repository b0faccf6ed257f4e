//! The pages for people: self-contained, and working without any other server.

use axum::{
    Router,
    http::{HeaderValue, header},
    response::Html,
    routing::get,
};

const HOME: &str = include_str!("home.html");
const JOIN: &str = include_str!("join.html");
const SIGNUP: &str = include_str!("signup.html");
const STYLE: &str = include_str!("style.css");

/// Nothing from elsewhere, nothing framed; the scripts and styles are within the pages.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The routes of the pages.
pub fn router<S: Clone + Send + Sync + 'static>(community: &str) -> Router<S> {
    let page = |template: &str| {
        let text = render(template, community);
        get(move || async move {
            let headers = [
                (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
                (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
                // The address holds the code.
                (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ];
            (headers, Html(text))
        })
    };
    Router::new()
        .route("/", page(HOME))
        .route("/join", page(JOIN))
        .route("/signup", page(SIGNUP))
}

fn render(template: &str, community: &str) -> String {
    let name = community
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    template.replace("{{style}}", STYLE).replace("{{community}}", &name)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(HOME)]
    #[case(JOIN)]
    #[case(SIGNUP)]
    fn a_page_is_whole_escapes_the_name_and_fetches_nothing(#[case] template: &str) {
        let page = render(template, "<b>Rotators & \"friends\"</b>");
        assert!(page.contains("&lt;b&gt;Rotators &amp; &quot;friends&quot;&lt;/b&gt;"));
        assert!(!page.contains("{{"), "every place is filled");
        assert!(!page.contains("src=") && !page.contains("http://") && !page.contains("<link"));
        assert!(page.contains("<html lang=\"en\">") && page.contains("name=\"viewport\""));
    }
}
