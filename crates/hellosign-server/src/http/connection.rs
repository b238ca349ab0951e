//! Accepting connections, and letting go of them in good order.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
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

/// Serves every listener until `shutdown` completes, then finishes what is in flight.
pub(crate) async fn serve(routes: Router, listeners: Vec<TcpListener>, shutdown: impl Future<Output = ()>) {
    let connections = Arc::new(GracefulShutdown::new());
    let accepting =
        listeners.into_iter().map(|listener| accept(listener, routes.clone(), Arc::clone(&connections)));
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
    let service = routes.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request
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
