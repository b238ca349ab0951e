//! Every route of the server.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get, post};

use super::{account, authorize, error, introspect, metadata, middleware, revoke, token};
use crate::app::App;

/// The routes. The token endpoint is served under `/v3` too, where the vendor's documentation (and
/// not its service) has it.
pub(crate) fn router(app: Arc<App>) -> Router {
    let token_endpoint = || post(token::post).fallback(token::other_method);
    Router::new()
        .route(
            "/oauth/authorize",
            get(authorize::get).post(authorize::decide).fallback(error::method_not_supported),
        )
        .route("/oauth/authorize/sign_in", post(authorize::sign_in).fallback(error::method_not_supported))
        .route("/oauth/authorize/sign_out", post(authorize::sign_out).fallback(error::method_not_supported))
        .route("/oauth/token", token_endpoint())
        .route("/v3/oauth/token", token_endpoint())
        .route("/oauth/revoke", post(revoke::post).fallback(token::other_method))
        .route("/oauth/introspect", post(introspect::post).fallback(token::other_method))
        .route(
            "/.well-known/oauth-authorization-server",
            get(metadata::get).fallback(error::method_not_supported),
        )
        .route("/v3/account", get(account::get).fallback(error::method_not_supported))
        .fallback(any(error::not_found))
        .layer(from_fn(middleware::no_store))
        .layer(from_fn_with_state(Arc::clone(&app), middleware::request_id))
        .with_state(app)
}
