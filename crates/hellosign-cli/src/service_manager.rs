//! What systemd, or a service manager like it, hands over and is told.
//!
//! Sockets that it listens on outlive the server, so that a restart refuses nobody.

use std::convert::Infallible;
use std::io;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixDatagram};
use std::time::Duration;

use anyhow::{Context as _, bail};
use listenfd::ListenFd;
use tokio::net::TcpListener;

use crate::config::variable;

/// The sockets for the OAuth endpoints.
pub(crate) const HTTP: &str = "http";

/// Sockets that the server was started with, by name (`FileDescriptorName=`).
#[derive(Debug, Default)]
pub(crate) struct Sockets(Vec<(String, std::net::TcpListener)>);

impl Sockets {
    /// Takes those of this process. To be called before it has other threads: what says so leaves the
    /// environment.
    pub(crate) fn inherited() -> anyhow::Result<Self> {
        let names = variable("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut inherited = ListenFd::from_env();
        let mut sockets = Vec::new();
        for number in 0..inherited.len() {
            let listener =
                inherited.take_tcp_listener(number).context("a socket of the service manager's")?;
            let name = names.next().unwrap_or_default();
            // What systemd calls a socket that its unit gives no name, and what others do.
            let is_unnamed = name.ends_with(".socket") || matches!(name, "" | "unknown");
            let name = if is_unnamed { HTTP } else { name };
            sockets.extend(listener.map(|listener| (name.to_owned(), listener)));
        }
        Ok(Self(sockets))
    }

    /// Those with this name.
    pub(crate) fn take(&mut self, name: &str) -> anyhow::Result<Vec<TcpListener>> {
        let named = self.0.extract_if(.., |(socket, _)| socket == name);
        named.map(|(_, listener)| Ok(asynchronous(listener)?)).collect()
    }

    /// Fails where one is left that nothing is for.
    pub(crate) fn end(self) -> anyhow::Result<()> {
        if let Some((name, _)) = self.0.first() {
            bail!("the service manager passes a socket named {name:?}; name it {HTTP}");
        }
        Ok(())
    }
}

fn asynchronous(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Tells the service manager how it goes, where it wants to know (`Type=notify`).
#[derive(Debug)]
pub(crate) struct Notifier(Option<UnixDatagram>);

impl Notifier {
    /// Finds out whether there is one.
    pub(crate) fn from_environment() -> anyhow::Result<Self> {
        let Some(path) = variable("NOTIFY_SOCKET") else { return Ok(Self(None)) };
        let socket = UnixDatagram::unbound()?;
        let connected = unix_address(&path).and_then(|address| socket.connect_addr(&address));
        connected.with_context(|| format!("the service manager's socket {path}"))?;
        Ok(Self(Some(socket)))
    }

    /// The server answers.
    pub(crate) fn ready(&self) {
        self.tell("READY=1");
    }

    /// The server finishes what is in flight.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Tells again and again that the runtime is alive, where the service manager waits for that (`WatchdogSec=`).
    pub(crate) async fn keep_alive(&self) -> Infallible {
        let microseconds = variable("WATCHDOG_USEC").and_then(|text| text.parse().ok());
        let Some(patience) = microseconds.filter(|_| self.0.is_some()).map(Duration::from_micros) else {
            return std::future::pending().await;
        };
        let mut interval = tokio::time::interval((patience / 2).max(Duration::from_millis(1)));
        loop {
            interval.tick().await;
            self.tell("WATCHDOG=1");
        }
    }

    fn tell(&self, state: &str) {
        let Some(socket) = &self.0 else { return };
        // A server that works is not ended because nobody listens.
        if let Err(error) = socket.send(state.as_bytes()) {
            tracing::warn!(%error, state, "the service manager could not be told");
        }
    }
}

/// A path, or a name that is none: Linux has those.
fn unix_address(path: &str) -> io::Result<UnixAddress> {
    #[cfg(target_os = "linux")]
    if let Some(name) = path.strip_prefix('@') {
        return <UnixAddress as std::os::linux::net::SocketAddrExt>::from_abstract_name(name);
    }
    UnixAddress::from_pathname(path)
}
