//! Posting to the collector. The exporter asks from a thread of its own, which no runtime drives.

use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::HOST;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use opentelemetry_http::{HttpClient, HttpError};
use tokio::net::TcpStream;

/// The most of an answer that is read, in bytes.
const ANSWER_LIMIT: usize = 64 * 1024;

/// Posts by plain HTTP.
#[derive(Debug, Clone)]
pub(super) struct Collector {
    pub(super) timeout: Duration,
}

type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Collector {
    fn send_bytes<'a, 'b>(&'a self, request: Request<Bytes>) -> Sending<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let sent = runtime.block_on(async { tokio::time::timeout(self.timeout, post(request)).await });
            let sent = sent.map_err(anyhow::Error::from).flatten();
            sent.map_err(|error| {
                tracing::warn!("traces could not be sent: {error:#}");
                error.into()
            })
        })
    }
}

async fn post(request: Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
    let (mut parts, body) = request.into_parts();
    let authority = parts.uri.authority().context("the collector's URL has no host")?.to_string();
    let host = parts.uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let stream = TcpStream::connect((host, parts.uri.port_u16().unwrap_or(80))).await;
    let stream = stream.with_context(|| format!("nobody answers at {authority}"))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the sender; what goes wrong on it, the answer tells.
    tokio::spawn(connection);
    parts.headers.insert(HOST, authority.parse()?);
    parts.uri = parts.uri.path_and_query().map_or(Uri::from_static("/"), |path| path.clone().into());
    let answer = sender.send_request(Request::from_parts(parts, Full::new(body))).await?;
    let (parts, body) = answer.into_parts();
    if !parts.status.is_success() {
        bail!("the collector at {authority} answered {}", parts.status);
    }
    let body = Limited::new(body, ANSWER_LIMIT).collect().await;
    let body = body.map_err(anyhow::Error::from_boxed)?.to_bytes();
    Ok(Response::from_parts(parts, body))
}
