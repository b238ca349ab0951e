//! Has requests go wrong as a test asked for, and notes what was asked. In front of the routes, where a server is
//! told to be controlled.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use hellosign_wire::error::{ErrorCode, ErrorName, ErrorResponse, OAuthErrorResponse};
use http_body_util::BodyExt as _;
use http_body_util::channel::{Channel, Sender};

use super::api::fields::Fields;
use super::body;
use super::connection::Cut as CutConnection;
use super::error::exceeded_rate;
use crate::app::App;
use crate::emulator::{Cut, Emulator, Fault, RecordedRequest};
use crate::store::Backend as _;

/// The most that is read of a request, in bytes: no endpoint takes more.
const BODY_LIMIT: usize = 4 * 1024 * 1024;
/// How often a slow body goes on.
const DRIP: Duration = Duration::from_millis(100);

pub(super) async fn emulate(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Some(emulator) = &app.emulator else { return next.run(request).await };
    let (parts, body) = request.into_parts();
    let mut recorded =
        RecordedRequest::new(app.store.now().as_millis(), parts.method.as_str(), parts.uri.path());
    note_head(&mut recorded, parts.uri.query(), &parts.headers);
    if let Some(fault) = emulator.take_before_body(&recorded) {
        return end(emulator, recorded, Some(fault), CutConnection::response());
    }
    let body = match body::read(body, BODY_LIMIT).await {
        Ok(body) => body,
        Err(error) => return end(emulator, recorded, None, error.into_response(false)),
    };
    note_body(&mut recorded, &parts.headers, body.clone()).await;
    let fault = emulator.take(&recorded);
    let request = Request::from_parts(parts, Body::from(body));
    let response = match &fault {
        None => next.run(request).await,
        Some(fault) => {
            if let Some(millis) = fault.delay_ms {
                tokio::time::sleep(Duration::from_millis(millis)).await;
            }
            disturbed(fault, request, next).await
        }
    };
    end(emulator, recorded, fault, response)
}

fn end(
    emulator: &Emulator,
    mut recorded: RecordedRequest,
    fault: Option<Fault>,
    response: Response,
) -> Response {
    recorded.has_fault = fault.is_some();
    recorded.status = (!CutConnection::is(&response)).then(|| response.status().as_u16());
    emulator.record(recorded);
    response
}

fn note_head(recorded: &mut RecordedRequest, query: Option<&str>, headers: &HeaderMap) {
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        recorded.add(&name, &value);
    }
    for (name, value) in headers {
        recorded.add_header(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
    }
}

/// What cannot be read is not noted; the endpoint says what is wrong with it.
async fn note_body(recorded: &mut RecordedRequest, headers: &HeaderMap, body: Bytes) {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if let Ok(fields) = Fields::parse(content_type.unwrap_or_default(), body).await {
        for (name, value) in fields.joined() {
            recorded.add(name, &value);
        }
    }
}

/// What the fault makes of a request.
async fn disturbed(fault: &Fault, request: Request, next: Next) -> Response {
    if matches!(fault.cut, Some(Cut::BeforeRequest | Cut::AfterRequest)) {
        return CutConnection::response();
    }
    let response = match fault.status.and_then(|status| StatusCode::from_u16(status).ok()) {
        Some(status) => made_up(fault, status, request.uri().path()),
        None => next.run(request).await,
    };
    if fault.cut == Some(Cut::AfterCommit) {
        return CutConnection::response();
    }
    if fault.truncate {
        return with_body(response, |body, mut sender| async move {
            // An error says that the client has gone.
            let _ = sender.send_data(body.slice(..body.len() / 2)).await;
            // What an aborted body has left unsent is not sent any more.
            tokio::time::sleep(DRIP).await;
            sender.abort(std::io::ErrorKind::ConnectionAborted.into());
        })
        .await;
    }
    match fault.bytes_per_second {
        Some(speed) => with_body(response, move |body, sender| drip(body, sender, speed)).await,
        None => response,
    }
}

/// The answer that a fault has in place of the endpoint's.
fn made_up(fault: &Fault, status: StatusCode, path: &str) -> Response {
    let message = "A test asked for this error.";
    let mut response = if let Some(body) = &fault.body {
        (status, [(header::CONTENT_TYPE, "application/json")], body.clone()).into_response()
    } else if fault.html {
        let body = format!("<html><body><h1>{status}</h1></body></html>\n");
        (status, [(header::CONTENT_TYPE, "text/html")], body).into_response()
    } else if path.contains("/oauth/") {
        match &fault.error {
            None if status == StatusCode::TOO_MANY_REQUESTS => exceeded_rate(),
            error => {
                let code = ErrorCode::from(error.as_deref().unwrap_or(oauth_code(status)));
                (status, Json(OAuthErrorResponse::new(code, message))).into_response()
            }
        }
    } else {
        let name = ErrorName::from(fault.error.as_deref().unwrap_or(error_name(status)));
        (status, Json(ErrorResponse::new(name, message))).into_response()
    };
    if let Some(seconds) = fault.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn oauth_code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "invalid_client",
        402 => "payment_required",
        403 => "unauthorized_client",
        503 => "temporary_unavailable",
        500.. => "server_error",
        _ => "invalid_request",
    }
}

fn error_name(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "unauthorized",
        402 => "payment_required",
        403 => "forbidden",
        404 => "not_found",
        405 => "method_not_supported",
        409 => "conflict",
        410 => "deleted",
        422 => "unprocessable_entity",
        429 => "exceeded_rate",
        503 => "unavailable",
        500.. => "unknown",
        _ => "bad_request",
    }
}

/// The same answer, announced whole, whose body somebody else sends.
async fn with_body<F: Future<Output = ()> + Send + 'static>(
    response: Response,
    send: impl FnOnce(Bytes, Sender<Bytes, std::io::Error>) -> F,
) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(body) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
        return CutConnection::response();
    };
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let (sender, channel) = Channel::new(1);
    tokio::spawn(send(body, sender));
    Response::from_parts(parts, Body::new(channel))
}

async fn drip(mut body: Bytes, mut sender: Sender<Bytes, std::io::Error>, bytes_per_second: u32) {
    let mut due = 0.0;
    while !body.is_empty() {
        due += f64::from(bytes_per_second) * DRIP.as_secs_f64();
        let mut count = 0;
        while due >= 1.0 && count < body.len() {
            (due, count) = (due - 1.0, count + 1);
        }
        if count > 0 && sender.send_data(body.split_to(count)).await.is_err() {
            return;
        }
        tokio::time::sleep(DRIP).await;
    }
}
