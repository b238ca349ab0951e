//! Keeps requests within what the server takes on. What is turned away is told so in its endpoint's own way.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::client_request::Asking;
use super::error::Error;
use super::{api, authorize};
use crate::admission::{Shed, Visit};
use crate::app::App;
use crate::grant;

/// Lets a request in once its body has arrived and there is room for it, and lets it take only so long.
pub(super) async fn within(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let asking = Asking::new(&app, &request);
    let visit = Arc::new(Visit::new(Arc::clone(&app.admission)));
    let manner = Manner::of(request.uri().path());
    let request = request.map(|body| gated(body, &visit));
    let working = async {
        if request.body().is_end_stream() {
            visit.begin().await.ok()?;
        }
        Some(next.run(request).await)
    };
    match tokio::time::timeout(app.limits.request_timeout, working).await {
        Ok(Some(response)) => response,
        Ok(None) => manner.turn_away(&app, asking),
        Err(_) => {
            app.metrics.requests.timed_out();
            tracing::warn!("a request took too long, and was answered that it cannot be answered now");
            manner.turn_away(&app, asking)
        }
    }
}

/// In whose words an endpoint answers.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// RFC 6749's, with a budget in the headers.
    OAuth,
    /// A page for a person.
    Page,
    /// The vendor's envelope.
    Api,
}

impl Manner {
    fn of(path: &str) -> Self {
        match path {
            "/oauth/token" | "/v3/oauth/token" | "/oauth/revoke" | "/oauth/introspect" => Self::OAuth,
            path if path.starts_with("/oauth/authorize") => Self::Page,
            _ => Self::Api,
        }
    }

    /// "Not now."
    fn turn_away(self, app: &App, asking: Asking) -> Response {
        match self {
            Self::OAuth => asking.render(app, Err(Error::Grant(grant::Error::Unavailable))),
            Self::Page => authorize::unavailable(),
            Self::Api => api::unavailable(),
        }
    }
}

fn gated(body: Body, visit: &Arc<Visit>) -> Body {
    if body.is_end_stream() {
        return body;
    }
    Body::new(Gated { body, visit: Arc::clone(visit), beginning: None })
}

type Beginning = Pin<Box<dyn Future<Output = Result<(), Shed>> + Send>>;

/// A body whose end comes when its request may be worked on: what is still on its way takes no room.
struct Gated {
    body: Body,
    visit: Arc<Visit>,
    beginning: Option<Beginning>,
}

impl HttpBody for Gated {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.beginning.is_none() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => {
                    let bytes = frame.data_ref().map_or(0, Bytes::len);
                    let arrived = self.visit.arrived(bytes);
                    return Poll::Ready(Some(arrived.map(|()| frame).map_err(axum::Error::new)));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {}
            }
        }
        if self.visit.begin_at_once() {
            return Poll::Ready(None);
        }
        let visit = Arc::clone(&self.visit);
        let beginning = self.beginning.get_or_insert_with(|| Box::pin(async move { visit.begin().await }));
        let begun = ready!(beginning.as_mut().poll(context));
        self.beginning = None;
        match begun {
            Ok(()) => Poll::Ready(None),
            Err(shed) => Poll::Ready(Some(Err(axum::Error::new(shed)))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    /// Not before the request may be worked on.
    fn is_end_stream(&self) -> bool {
        false
    }
}

/// Whether a body ended because there is no room for its request.
pub(super) fn is_shed(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.any(|error| error.is::<Shed>())
}
