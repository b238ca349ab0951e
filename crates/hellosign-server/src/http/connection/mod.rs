//! Accepting connections, and letting go of them in good order.

mod watched;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use self::watched::{Phase, Watch, Watched};
use super::middleware::Peer;
use crate::limits::Limits;
use crate::metrics::ConnectionMetrics;
use crate::readiness::Draining;

/// How long answers in flight are waited for at the end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// A listener that cannot accept (no more files, say) is left alone this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The most that is kept of a connection's input before it is understood, in bytes: no head may be longer.
const BUFFER: usize = 16 * 1024;

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

/// Listeners that share a limit of connections, and what is answered there.
pub(crate) struct Entrance {
    pub(crate) listeners: Vec<(TcpListener, Router)>,
    pub(crate) limits: Limits,
    pub(crate) draining: Arc<Draining>,
    /// Counted nowhere where there is none.
    pub(crate) metrics: Option<ConnectionMetrics>,
}

/// Serves every listener until `shutdown` completes, then finishes what is in flight.
pub(crate) async fn serve(entrance: Entrance, shutdown: impl Future<Output = ()>) {
    let Entrance { listeners, limits, draining, metrics } = entrance;
    let room = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
    let connections = Arc::new(GracefulShutdown::new());
    let door = Arc::new(Door { room, limits, draining, metrics, connections });
    let (stop, stopped) = watch::channel(());
    let mut accepting = JoinSet::new();
    for (listener, routes) in listeners {
        accepting.spawn(accept(listener, routes, Arc::clone(&door), stopped.clone()));
    }
    shutdown.await;
    drop(stop);
    while accepting.join_next().await.is_some() {}
    // The accepting tasks held the only other references, and they have ended.
    let Some(Door { connections, .. }) = Arc::into_inner(door) else { return };
    let Some(connections) = Arc::into_inner(connections) else { return };
    if tokio::time::timeout(DRAIN_TIMEOUT, connections.shutdown()).await.is_err() {
        tracing::warn!("some answers took too long and were cut off");
    }
}

/// What all connections of an entrance share.
struct Door {
    room: Arc<Semaphore>,
    limits: Limits,
    draining: Arc<Draining>,
    metrics: Option<ConnectionMetrics>,
    connections: Arc<GracefulShutdown>,
}

async fn accept(listener: TcpListener, routes: Router, door: Arc<Door>, mut stopped: watch::Receiver<()>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
        };
        match accepted {
            Ok((stream, address)) => door.admit(stream, Peer(address), &routes),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Who is connected already, as far as he knows, is not to be told otherwise.
    let Ok(listener) = listener.into_std() else { return };
    while let Ok((stream, address)) = listener.accept() {
        let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
        if let Ok(stream) = stream {
            door.admit(stream, Peer(address), &routes);
        }
    }
}

impl Door {
    /// Answers on a connection, if there is room for it; else closes it at once: whoever connects is to notice now and
    /// go to another server, rather than wait for what may never come.
    fn admit(&self, stream: TcpStream, peer: Peer, routes: &Router) {
        let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else {
            if let Some(metrics) = &self.metrics {
                metrics.refused();
            }
            // A reset, so that nothing of it lingers here.
            let _ = stream.set_zero_linger();
            return;
        };
        // Without it an answer in two writes waits for the client's delayed acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection was gone before it was served");
            return;
        }
        self.answer(stream, peer, routes.clone(), permit);
    }

    fn answer(&self, stream: TcpStream, peer: Peer, routes: Router, permit: OwnedSemaphorePermit) {
        let watch = Arc::new(Watch::new());
        let (asked, answered, draining) =
            (Arc::clone(&watch), Arc::clone(&watch), Arc::clone(&self.draining));
        let service = routes
            .map_request(move |mut request: Request<Incoming>| {
                asked.enter(Phase::Handling);
                request.extensions_mut().insert(peer);
                request
            })
            .map_result(move |result: Result<Response, Infallible>| {
                answered.enter(Phase::Answering);
                match result {
                    Ok(response) if Cut::is(&response) => Err(NoAnswer),
                    Ok(response) => Ok(with_farewell(response, &draining)),
                    Err(never) => match never {},
                }
            });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // A client that has said all it wants to still waits for its answer.
            .half_close(true)
            // The watch sees to it, and takes no timer for each request.
            .header_read_timeout(None)
            .max_buf_size(BUFFER)
            .serve_connection(
                TokioIo::new(Watched { stream, watch: Arc::clone(&watch) }),
                TowerToHyperService::new(service),
            );
        let connection = self.connections.watch(connection);
        let (limits, metrics) = (self.limits.clone(), self.metrics.clone());
        tokio::spawn(async move {
            let _permit = permit;
            let _open = metrics.as_ref().map(ConnectionMetrics::opened);
            tokio::select! {
                result = connection => if let Err(error) = result {
                    tracing::debug!(%error, "a connection ended early");
                },
                phase = watch.overstayed(&limits) => {
                    tracing::debug!(?phase, "a connection was let go");
                    if let Some(metrics) = &metrics && phase != Phase::Idle {
                        metrics.cut(phase == Phase::Answering);
                    }
                }
            }
        });
    }
}

/// While the server is on its way to its end, each answer is its connection's last: who asks again does so elsewhere.
fn with_farewell(mut response: Response, draining: &Draining) -> Response {
    if draining.has_begun() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
