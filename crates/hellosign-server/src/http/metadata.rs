//! `GET /.well-known/oauth-authorization-server` (RFC 8414).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hellosign_wire::error::ErrorName;
use hellosign_wire::metadata::AuthorizationServerMetadata;

use super::error::envelope;
use super::host::{issuer, loopback_host};
use crate::app::App;
use crate::config::Profile;

const NOT_SAID: &str = "The server was not told its public URL; start it with --public-url.";

pub(super) async fn get(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    match issuer(&app, loopback_host(&headers)) {
        Some(issuer) => {
            let metadata = AuthorizationServerMetadata::new(&issuer);
            Json(match app.settings().profile {
                Profile::HelloSign => metadata,
                Profile::Strict => metadata.with_public_clients().with_issuer_in_response(),
            })
            .into_response()
        }
        None => envelope(StatusCode::NOT_FOUND, ErrorName::NotFound, NOT_SAID),
    }
}
