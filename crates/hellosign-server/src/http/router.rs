//! Every route of the server.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, any, get, post};

use super::api::{account, api_app};
use super::{authorize, emulate, error, introspect, metadata, middleware, openapi, revoke, token};
use crate::app::App;

/// The routes. The token endpoint is served under `/v3` too, where the vendor's documentation (and
/// not its service) has it.
pub(crate) fn router(app: Arc<App>) -> Router {
    let token_endpoint = || post(token::post).fallback(token::other_method);
    let routes = Router::new()
        .route("/oauth/authorize", only(get(authorize::get).post(authorize::decide)))
        .route("/oauth/authorize/sign_in", only(post(authorize::sign_in)))
        .route("/oauth/authorize/sign_out", only(post(authorize::sign_out)))
        .route("/oauth/token", token_endpoint())
        .route("/v3/oauth/token", token_endpoint())
        .route("/oauth/revoke", post(revoke::post).fallback(token::other_method))
        .route("/oauth/introspect", post(introspect::post).fallback(token::other_method))
        .route("/.well-known/oauth-authorization-server", only(get(metadata::get)))
        .route("/openapi.json", only(get(openapi::get)))
        // Old clients update with POST.
        .route("/v3/account", only(get(account::get).put(account::update).post(account::update)))
        .route("/v3/account/verify", only(post(account::verify)))
        .route("/v3/account/create", only(post(account::create)))
        .route("/v3/api_app", only(post(api_app::create)))
        .route("/v3/api_app/list", only(get(api_app::list)))
        .route(
            "/v3/api_app/{client_id}",
            only(get(api_app::get).put(api_app::update).post(api_app::update).delete(api_app::delete)),
        )
        .fallback(any(error::not_found));
    let routes = match app.emulator {
        Some(_) => routes.layer(from_fn_with_state(Arc::clone(&app), emulate::emulate)),
        None => routes,
    };
    let routes = match app.policy.trusted_proxies.is_empty() {
        true => routes,
        false => routes.layer(from_fn_with_state(Arc::clone(&app), middleware::behind_proxies)),
    };
    routes
        .layer(from_fn(middleware::no_store))
        .layer(from_fn_with_state(Arc::clone(&app), middleware::request_id))
        .with_state(app)
}

/// These methods and no others.
fn only(methods: MethodRouter<Arc<App>>) -> MethodRouter<Arc<App>> {
    methods.fallback(error::method_not_supported)
}
