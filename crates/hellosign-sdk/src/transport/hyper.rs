//! The asynchronous transport: hyper and rustls, on tokio.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::HeaderName;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use zeroize::Zeroizing;

use super::Failure;
use crate::configuration::Configuration;
use crate::protocol::{Answer, Request};

/// Connections to the configured hosts. Redirects are never followed: credentials would travel to
/// wherever an answer points.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
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
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(is_https))
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        Self { client, timeout: configuration.timeout, max_response_bytes: configuration.max_response_bytes }
    }

    /// Sends a request and reads the whole answer, all within the time-out.
    pub(crate) async fn send(&self, request: &Request) -> Result<Answer, Failure> {
        let mut builder = http::Request::builder().method(request.method).uri(&request.url);
        for (name, value) in &request.headers {
            let mut value =
                http::HeaderValue::from_str(value).map_err(|error| Failure::Connect(error.into()))?;
            value.set_sensitive(*name == "authorization");
            builder = builder.header(HeaderName::from_static(name), value);
        }
        let request =
            builder.body(Full::new(request.body.clone())).map_err(|error| Failure::Connect(error.into()))?;
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

/// TLS that trusts what the system trusts. A certificate that cannot be read is one that nothing is
/// trusted by: the connection that needs it fails and says so.
fn tls(is_needed: bool) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    if is_needed {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the ciphers of TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
