//! `GET /openapi.json`: what all these endpoints take and answer, for programs.

use axum::http::header;
use axum::response::{IntoResponse as _, Response};

/// Checked against the running server by the tests of the binary.
const DOCUMENT: &str = include_str!("openapi.json");

pub(super) async fn get() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// What is documented is tried out elsewhere; this is the other direction.
    #[test]
    fn every_route_is_documented() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let documented: BTreeSet<&str> =
            document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        // What the pages' own forms post to.
        let within_the_pages = ["/oauth/authorize/sign_in", "/oauth/authorize/sign_out"];
        let router = include_str!("router.rs").split('"').skip(1).step_by(2);
        let served = router.filter(|text| text.starts_with('/') && !within_the_pages.contains(text));
        assert_eq!(documented, served.collect());
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}
