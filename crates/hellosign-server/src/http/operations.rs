//! What those who run the server ask it: whether it is there, whether it is ready, how it does. None of it is a
//! secret, and none changes anything.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::error;
use crate::app::App;
use crate::metrics::Metrics;
use crate::readiness;
use crate::store::Backend as _;

/// The routes of the listener that is for this and nothing else.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_supported)
        .with_state(app)
}

/// The process answers, and that is all it says.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// One sentence a line for each reason why requests are better sent elsewhere.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let objections = readiness::objections(&app);
    if objections.is_empty() {
        return "ready\n".into_response();
    }
    let retry_after = [(header::RETRY_AFTER, HeaderValue::from_static("1"))];
    (StatusCode::SERVICE_UNAVAILABLE, retry_after, objections.join("\n") + "\n").into_response()
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    app.store.measure();
    match app.metrics.encode(readiness::objections(&app).is_empty(), &app.admission) {
        Ok(text) => ([(header::CONTENT_TYPE, Metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written down");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
