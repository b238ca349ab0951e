//! Every route of the server.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, any, get, post};

use super::api::{account, api_app};
use super::middleware::Observer;
use super::{
    authorize, emulate, error, introspect, limits, metadata, middleware, openapi, operations, revoke, token,
};
use crate::app::App;

/// The routes. The token endpoint is served under `/v3` too, where the vendor's documentation (and
/// not its service) has it.
pub(crate) fn router(app: Arc<App>) -> Router {
    let token_endpoint = || post(token::post).fallback(token::other_method);
    let about_token = |asked: MethodRouter<Arc<App>>| asked.fallback(token::other_method);
    // Old clients update with POST.
    let account = get(account::get).put(account::update).post(account::update);
    let api_app = get(api_app::get).put(api_app::update).post(api_app::update).delete(api_app::delete);
    let answered = [
        ("/oauth/authorize", only(get(authorize::get).post(authorize::decide))),
        ("/oauth/authorize/sign_in", only(post(authorize::sign_in))),
        ("/oauth/authorize/sign_out", only(post(authorize::sign_out))),
        ("/oauth/token", token_endpoint()),
        ("/v3/oauth/token", token_endpoint()),
        ("/oauth/revoke", about_token(post(revoke::post))),
        ("/oauth/introspect", about_token(post(introspect::post))),
        ("/.well-known/oauth-authorization-server", only(get(metadata::get))),
        ("/openapi.json", only(get(openapi::get))),
        ("/v3/account", only(account)),
        ("/v3/account/verify", only(post(account::verify))),
        ("/v3/account/create", only(post(account::create))),
        ("/v3/api_app", only(post(api_app::create))),
        ("/v3/api_app/list", only(get(api_app::list))),
        ("/v3/api_app/{client_id}", only(api_app)),
    ];
    // What probes ask is answered whatever becomes of the other requests.
    let probed = [("/healthz", only(get(operations::healthz))), ("/readyz", only(get(operations::readyz)))];
    let names = answered.iter().chain(&probed).map(|(name, _)| *name);
    let observer = Arc::new(Observer { routes: app.metrics.requests.routes(names), app: Arc::clone(&app) });

    let routes = self::routes(answered).fallback(any(error::not_found));
    let routes = routes.layer(from_fn_with_state(Arc::clone(&app), limits::within));
    let routes = match app.emulator {
        Some(_) => routes.layer(from_fn_with_state(Arc::clone(&app), emulate::emulate)),
        None => routes,
    };
    let routes = match app.policy.trusted_proxies.is_empty() {
        true => routes,
        false => routes.layer(from_fn_with_state(Arc::clone(&app), middleware::behind_proxies)),
    };
    routes
        .merge(self::routes(probed))
        .layer(from_fn_with_state(observer, middleware::observe))
        .with_state(app)
}

fn routes<const N: usize>(routes: [(&'static str, MethodRouter<Arc<App>>); N]) -> Router<Arc<App>> {
    routes.into_iter().fold(Router::new(), |router, (path, methods)| router.route(path, methods))
}

/// These methods and no others.
fn only(methods: MethodRouter<Arc<App>>) -> MethodRouter<Arc<App>> {
    methods.fallback(error::method_not_supported)
}
