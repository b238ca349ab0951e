//! What holds for every answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use super::forwarded::client_address;
use crate::app::App;
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
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Names the request in the answer and in the log. The log has the route and nothing that the client
/// wrote: a path may hold a secret as well as a query.
pub(super) async fn request_id(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let id = hex::encode(&random::bytes::<8>(app.random.as_ref()));
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let started = Instant::now();
    let mut response = next.run(request).await;
    let (status, micros) = (response.status().as_u16(), started.elapsed().as_micros());
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    tracing::info!(request_id = id, %method, route, status, micros, "answered");
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}
