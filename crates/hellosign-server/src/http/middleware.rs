//! What holds for every answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::{Instrument as _, Span};

use super::error::Refused;
use super::forwarded::client_address;
use super::trace_context::traceparent;
use crate::app::App;
use crate::metrics::{NO_ROUTE, Routes};
use crate::{hex, random};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Where a request came from; the connection puts it there, and [`behind_proxies`] what a named proxy says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl Peer {
    pub(super) fn of(request: &Request) -> Self {
        let nobody = Self(SocketAddr::from(([0, 0, 0, 0], 0)));
        request.extensions().get().copied().unwrap_or(nobody)
    }
}

/// Puts who sent a request in the place of the proxy that it came through.
pub(super) async fn behind_proxies(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Peer(connected) = Peer::of(&request);
    let client = client_address(connected, request.headers(), &app.policy.trusted_proxies);
    request.extensions_mut().insert(Peer(client));
    next.run(request).await
}

/// Nothing that this server says is for a cache (RFC 6749 §5.1).
pub(super) async fn no_store(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    not_for_caches(&mut response);
    response
}

fn not_for_caches(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// Who watches what is answered.
#[derive(Debug)]
pub(super) struct Observer {
    pub(super) app: Arc<App>,
    pub(super) routes: Routes,
}

/// Names the request in the answer and in the log, and counts it. Log and metrics have the route and nothing that
/// the client wrote: a path may hold a secret as well as a query.
pub(super) async fn observe(State(observer): State<Arc<Observer>>, request: Request, next: Next) -> Response {
    let id = hex::encode(&random::bytes::<8>(observer.app.random.as_ref()));
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let started = Instant::now();
    let span = span(&id, &request);
    let mut response = next.run(request).instrument(span.clone()).await;
    let (status, took) = (response.status().as_u16(), started.elapsed());
    let route = route.as_ref().map(MatchedPath::as_str);
    observer.routes.answered(route, status, took, Refused::of(&response));
    let (route, micros) = (route.unwrap_or(NO_ROUTE), took.as_micros());
    tracing::info!(parent: &span, %method, %route, status, micros, "answered");
    not_for_caches(&mut response);
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Every line that is written while a request is handled has what this span has. Whatever the log's level is: a
/// warning without the request's id would be half a warning.
fn span(id: &str, request: &Request) -> Span {
    match traceparent(request.headers()) {
        Some(traceparent) => tracing::error_span!("request", request_id = %id, %traceparent),
        None => tracing::error_span!("request", request_id = %id),
    }
}
