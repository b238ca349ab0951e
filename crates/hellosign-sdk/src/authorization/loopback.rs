//! A callback for programs without a web server (RFC 8252 §7.3).

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::error::AuthorizationError;
use super::pending::{Authorized, PendingAuthorization};
use crate::tokens::Clock;

const PATH: &str = "/callback";
/// The most that a request's head may be, in bytes, and how long it may take.
const HEAD: usize = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections that are read from at the same time: browsers open more than they use.
const AT_ONCE: usize = 16;

/// Waits on a port of this machine for the browser to come back.
///
/// ```no_run
/// use hellosign_sdk::authorization::{AuthorizationRequest, LoopbackListener};
/// use hellosign_sdk::tokens::{Clock, SystemClock, TokenManager};
/// use hellosign_sdk::Configuration;
///
/// # async fn example(manager: TokenManager) -> Result<(), Box<dyn std::error::Error>> {
/// let listener = LoopbackListener::bind().await?;
/// let request = AuthorizationRequest::new(&Configuration::default(), "cc91c61d00f8bb2ece1428035716b")
///     .redirect_uri(listener.redirect_uri());
/// let pending = request.start(SystemClock.wall());
/// println!("Open {} in your browser.", pending.url());
/// let authorized = listener.wait(&pending, &SystemClock).await?;
/// manager.exchange("me", &authorized).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LoopbackListener {
    listener: TcpListener,
    redirect_uri: String,
}

impl LoopbackListener {
    /// Listens on a free port of 127.0.0.1. The app's callback URL has to be one on that address, with the
    /// path `/callback` and any port.
    ///
    /// # Errors
    /// Where there is no port.
    pub async fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let redirect_uri = format!("http://{}{PATH}", listener.local_addr()?);
        Ok(Self { listener, redirect_uri })
    }

    /// Where the browser has to be sent back to.
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Waits until the browser comes back, and tells it that it may be closed. A request with another
    /// state is no answer to this authorization: whatever page made it, it is refused, and the waiting goes
    /// on. There is no end to it otherwise; drop it, or give it a time-out.
    ///
    /// # Errors
    /// [`AuthorizationError`] where the callback, with the right state, is no authorization.
    pub async fn wait(
        &self,
        pending: &PendingAuthorization,
        clock: &dyn Clock,
    ) -> Result<Authorized, AuthorizationError> {
        let mut reading = JoinSet::new();
        loop {
            let (mut stream, target) = match self.next(&mut reading).await {
                Next::Came(stream) => {
                    reading.spawn(read(stream));
                    continue;
                }
                // No more descriptors, or the like: it passes.
                Next::Failed => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
                Next::Read(Some(request)) => request,
                Next::Read(None) => continue,
            };
            let Some(query) = target.strip_prefix(PATH).and_then(|rest| rest.strip_prefix('?')) else {
                say(&mut stream, "404 Not Found", "There is nothing here.").await;
                continue;
            };
            let completed = pending.complete(query, clock.wall());
            let (status, text) = match &completed {
                Ok(_) => ("200 OK", "You can close this page; the rest is in your terminal.".to_owned()),
                Err(error) => ("400 Bad Request", format!("You can close this page: {error}.")),
            };
            say(&mut stream, status, &text).await;
            let is_strange = matches!(
                completed,
                Err(AuthorizationError::StateMissing
                    | AuthorizationError::StateMismatch
                    | AuthorizationError::Repeated(_))
            );
            if !is_strange {
                return completed;
            }
        }
    }

    /// A connection, or what came over one.
    async fn next(&self, reading: &mut JoinSet<Option<(TcpStream, String)>>) -> Next {
        poll_fn(|context| {
            if reading.len() < AT_ONCE
                && let Poll::Ready(accepted) = self.listener.poll_accept(context)
            {
                return Poll::Ready(accepted.map_or(Next::Failed, |(stream, _)| Next::Came(stream)));
            }
            match reading.poll_join_next(context) {
                Poll::Ready(Some(read)) => Poll::Ready(Next::Read(read.ok().flatten())),
                _ => Poll::Pending,
            }
        })
        .await
    }
}

enum Next {
    Came(TcpStream),
    Failed,
    Read(Option<(TcpStream, String)>),
}

/// A request's target; `None` for what is no GET, takes too long or is too long.
async fn read(mut stream: TcpStream) -> Option<(TcpStream, String)> {
    let head = async {
        let mut head = Vec::new();
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            if head.len() > HEAD || stream.read_buf(&mut head).await.ok()? == 0 {
                return None;
            }
        }
        Some(head)
    };
    let head = tokio::time::timeout(PATIENCE, head).await.ok()??;
    let line = std::str::from_utf8(&head).ok()?.lines().next()?;
    let target = line.strip_prefix("GET ")?.split(' ').next()?.to_owned();
    Some((stream, target))
}

/// A page that says one thing. The texts are ours: nothing in them needs to be escaped.
async fn say(stream: &mut TcpStream, status: &str, text: &str) {
    let page = format!("<!doctype html><meta charset=\"utf-8\"><title>HelloSign</title><p>{text}</p>\n");
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n",
        page.len()
    );
    // A browser that has gone has seen what it wanted to see.
    let _ = tokio::time::timeout(PATIENCE, async {
        stream.write_all(format!("{head}{page}").as_bytes()).await?;
        stream.shutdown().await
    })
    .await;
}
