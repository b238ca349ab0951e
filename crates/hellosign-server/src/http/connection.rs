//! Accepting connections, and letting go of them in good order.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

use super::middleware::Peer;

/// How long the head of a request may take to arrive, and how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long answers in flight are waited for at the end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// A listener that cannot accept (no more files, say) is left alone this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Takes the place of an answer: the connection ends without one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut;

impl Cut {
    pub(super) fn response() -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(Self);
        response
    }

    pub(super) fn is(response: &Response) -> bool {
        response.extensions().get::<Self>().is_some()
    }
}

/// What hyper closes a connection for.
#[derive(Debug, thiserror::Error)]
#[error("the connection was cut, as a test had asked for")]
struct NoAnswer;

impl From<Infallible> for NoAnswer {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Serves every listener until `shutdown` completes, then finishes what is in flight.
pub(crate) async fn serve(listeners: Vec<(TcpListener, Router)>, shutdown: impl Future<Output = ()>) {
    let connections = Arc::new(GracefulShutdown::new());
    let accepting =
        listeners.into_iter().map(|(listener, routes)| accept(listener, routes, Arc::clone(&connections)));
    let mut accepting: tokio::task::JoinSet<Infallible> = accepting.collect();
    shutdown.await;
    accepting.abort_all();
    while accepting.join_next().await.is_some() {}
    // The accepting tasks held the only other references, and they have ended.
    let Some(connections) = Arc::into_inner(connections) else { return };
    if tokio::time::timeout(DRAIN_TIMEOUT, connections.shutdown()).await.is_err() {
        tracing::warn!("some answers took too long and were cut off");
    }
}

async fn accept(listener: TcpListener, routes: Router, connections: Arc<GracefulShutdown>) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => answer(stream, Peer(address), routes.clone(), &connections),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn answer(stream: TcpStream, peer: Peer, routes: Router, connections: &GracefulShutdown) {
    // Without it an answer in two writes waits for the client's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection was gone before it was served");
        return;
    }
    let service = routes
        .map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            request
        })
        .map_result(|result: Result<Response, Infallible>| match result {
            Ok(response) if Cut::is(&response) => Err(NoAnswer),
            Ok(response) => Ok(response),
            Err(never) => match never {},
        });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // A client that has said all it wants to still waits for its answer.
        .half_close(true)
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
    });
}
