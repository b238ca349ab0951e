//! `GET /.well-known/oauth-authorization-server` (RFC 8414).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hellosign_wire::error::ErrorName;
use hellosign_wire::metadata::AuthorizationServerMetadata;

use super::error::envelope;
use super::host::loopback_host;
use crate::app::App;

const NOT_SAID: &str = "The server was not told its public URL; start it with --public-url.";

/// The origin is the configured one, or else the one that was asked on loopback. What a client does with
/// its secrets hangs on it, so it is never just any `Host`.
pub(super) async fn get(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let configured = app.policy.public_url.clone();
    let issuer = configured.or_else(|| Some(format!("http://{}", loopback_host(&headers)?)));
    match issuer {
        Some(issuer) => Json(AuthorizationServerMetadata::new(&issuer)).into_response(),
        None => envelope(StatusCode::NOT_FOUND, ErrorName::NotFound, NOT_SAID),
    }
}
