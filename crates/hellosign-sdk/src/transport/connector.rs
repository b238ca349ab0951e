//! TCP to a host, or to the proxy that stands before it.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;
use zeroize::Zeroizing;

use crate::configuration::Proxy;

type BoxError = Box<dyn Error + Send + Sync>;

/// Connects by the way that the settings say.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: HttpConnector,
    way: Option<Arc<Way>>,
}

/// The way through a proxy.
pub(super) struct Way {
    proxy: Uri,
    authorization: Option<HeaderValue>,
    hosts: Matcher,
    /// The matcher takes `*` for names only.
    is_for_nobody: bool,
}

impl Way {
    pub(super) fn new(proxy: &Proxy) -> Self {
        let authorization = proxy.credentials.as_ref().map(|(user, password)| {
            let pair = Zeroizing::new(format!("{user}:{}", password.expose()));
            let header = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
            let mut header = HeaderValue::from_str(&header).expect("base64 is a header's value");
            header.set_sensitive(true);
            header
        });
        Self {
            proxy: proxy.url.parse().expect("build() has checked it"),
            authorization,
            is_for_nobody: proxy.without.iter().any(|host| host == "*"),
            hosts: Matcher::builder().all(proxy.url.as_str()).no(proxy.without.join(",")).build(),
        }
    }

    /// What the proxy is told with a request that it reads itself, if this is one.
    pub(super) fn authorization(&self, uri: &Uri) -> Option<&HeaderValue> {
        let reads_it = uri.scheme_str() == Some("http") && self.is_for(uri);
        self.authorization.as_ref().filter(|_| reads_it)
    }

    fn is_for(&self, uri: &Uri) -> bool {
        !self.is_for_nobody && self.hosts.intercept(uri).is_some()
    }
}

impl Connector {
    pub(super) fn new(tcp: HttpConnector, way: Option<Arc<Way>>) -> Self {
        Self { tcp, way }
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let way = self.way.as_ref().filter(|way| way.is_for(&uri));
        let Some(way) = way else {
            let connecting = self.tcp.call(uri);
            return Box::pin(async move { Ok(Stream { tcp: connecting.await?, is_to_proxy: false }) });
        };
        if uri.scheme_str() == Some("https") {
            let mut tunnel = Tunnel::new(way.proxy.clone(), self.tcp.clone());
            if let Some(authorization) = &way.authorization {
                tunnel = tunnel.with_auth(authorization.clone());
            }
            let connecting = tunnel.call(uri);
            return Box::pin(async move { Ok(Stream { tcp: connecting.await?, is_to_proxy: false }) });
        }
        let connecting = self.tcp.call(way.proxy.clone());
        Box::pin(async move { Ok(Stream { tcp: connecting.await?, is_to_proxy: true }) })
    }
}

/// A connection that knows whether a proxy reads what is written to it.
pub(super) struct Stream {
    tcp: TokioIo<TcpStream>,
    is_to_proxy: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        self.tcp.connected().proxy(self.is_to_proxy)
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(context, buffers)
    }
}
