//! The asynchronous transport: hyper on tokio, with rustls.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use zeroize::Zeroizing;

use super::Failure;
use super::connector::{Connector, Way};
#[cfg(not(feature = "tls"))]
use super::no_tls::Outer;
#[cfg(feature = "tls")]
use super::tls::Outer;
use crate::configuration::Configuration;
use crate::protocol::{Answer, Request};

/// Connections to the configured hosts. Redirects are never followed: credentials would travel to
/// wherever an answer points.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client<Outer, Full<Bytes>>,
    way: Option<Arc<Way>>,
    timeout: Duration,
    max_response_bytes: usize,
}

impl Http {
    pub(crate) fn new(configuration: &Configuration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(configuration.connect_timeout));
        let is_https = [&configuration.api_host, &configuration.oauth_host]
            .into_iter()
            .any(|host| host.starts_with("https:"));
        let way = configuration.proxy.as_ref().map(|proxy| Arc::new(Way::new(proxy)));
        let connector = configuration.tls.connector(Connector::new(tcp, way.clone()), is_https);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(configuration.max_idle_connections)
            .build(connector);
        Self {
            client,
            way,
            timeout: configuration.timeout,
            max_response_bytes: configuration.max_response_bytes,
        }
    }

    /// The same connections, with another time-out.
    pub(crate) fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    /// Sends a request and reads the whole answer, all within the time-out.
    pub(crate) async fn send(&self, request: &Request) -> Result<Answer, Failure> {
        #[cfg(not(feature = "tls"))]
        if !request.url.starts_with("http:") {
            return Err(Failure::NoTls);
        }
        let mut builder = http::Request::builder().method(request.method).uri(&request.url);
        for (name, value) in &request.headers {
            let mut value =
                http::HeaderValue::from_str(value).map_err(|error| Failure::Connect(error.into()))?;
            value.set_sensitive(name == "authorization");
            builder = builder.header(name.as_ref(), value);
        }
        let mut request =
            builder.body(Full::new(request.body.clone())).map_err(|error| Failure::Connect(error.into()))?;
        if let Some(value) = self.way.as_ref().and_then(|way| way.authorization(request.uri())).cloned() {
            request.headers_mut().insert(http::header::PROXY_AUTHORIZATION, value);
        }
        match tokio::time::timeout(self.timeout, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::Timeout),
        }
    }

    async fn exchange(&self, request: http::Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let response = self.client.request(request).await.map_err(|error| {
            if error.is_connect() { Failure::Connect(error.into()) } else { Failure::Broken(error.into()) }
        })?;
        #[expect(clippy::disallowed_methods, reason = "an answer without a Date is held against this clock")]
        let received_at = SystemTime::now();
        let (head, body) = response.into_parts();
        let body = match Limited::new(body, self.max_response_bytes).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Err(Failure::TooLarge { limit: self.max_response_bytes });
            }
            Err(error) => return Err(Failure::Broken(error)),
        };
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Ok(Answer {
            status: head.status.as_u16(),
            headers: head
                .headers
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), text(value)))
                .collect(),
            body: Zeroizing::new(body.into()),
            received_at,
        })
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
