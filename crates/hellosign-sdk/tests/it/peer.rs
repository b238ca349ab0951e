//! A server that answers with the bytes it was given, and remembers what it was sent.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hellosign_sdk::apis::OAuthApi;
use hellosign_sdk::models::{OAuthTokenGenerateRequest, OAuthTokenRefreshRequest, OAuthTokenResponse};
use hellosign_sdk::{ApiClient, ApiError, Configuration, ConfigurationBuilder};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the peer does after it has read a request.
#[derive(Clone)]
pub(crate) enum Act {
    /// Sends these bytes and closes the connection.
    Say(Vec<u8>),
    /// Sends the first, then the second again and again.
    SayForever(Vec<u8>, Vec<u8>),
    /// Says this to each request of a connection.
    Converse(String),
    /// Does the first with the first request, and so on; the last with all that follow.
    InTurn(Vec<Self>),
    /// Says nothing and keeps the connection open.
    Freeze,
    /// What the request deserves.
    #[cfg_attr(not(feature = "tokens"), expect(dead_code, reason = "tokens' tests do"))]
    By(fn(&str) -> Self),
}

pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

/// The secret values of [`generate`] and [`refresh`].
pub(crate) const SECRETS: [&str; 3] = ["the-client-secret", "the-code", "the-refresh-token"];

pub(crate) const TOKENS: &str = r#"{"access_token":"at","token_type":"Bearer","refresh_token":"rt","expires_in":86400,"state":"900e06e2"}"#;

pub(crate) fn generate() -> OAuthTokenGenerateRequest {
    OAuthTokenGenerateRequest::new("the-client", SECRETS[0], SECRETS[1], "900e06e2")
}

pub(crate) fn refresh() -> OAuthTokenRefreshRequest {
    OAuthTokenRefreshRequest::new(SECRETS[2]).with_client("the-client", SECRETS[0])
}

/// A complete answer with its length. It says that the connection ends with it: a client that did not know
/// might send its next request there.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Act {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n");
    Act::Say((head + body).into_bytes())
}

/// These bytes and no others.
pub(crate) fn say(bytes: impl Into<Vec<u8>>) -> Act {
    Act::Say(bytes.into())
}

impl Peer {
    pub(crate) async fn start(act: Act) -> Self {
        Self::start_at(TcpListener::bind("127.0.0.1:0").await.expect("a free port"), act)
    }

    pub(crate) fn start_at(listener: TcpListener, act: Act) -> Self {
        let address = listener.local_addr().expect("a bound listener has an address");
        let (heard, connections) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicUsize>::default());
        let (remembered, counted) = (Arc::clone(&heard), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(talk(stream, act.clone(), Arc::clone(&remembered)));
            }
        });
        Self { address, heard, connections }
    }

    /// How many connections were made to it.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub(crate) fn configuration(&self) -> ConfigurationBuilder {
        Configuration::builder().server(&format!("http://{}", self.address))
    }

    pub(crate) fn oauth(&self) -> OAuthApi {
        OAuthApi::new(&ApiClient::new(self.configuration().build().expect("a good configuration")))
    }

    /// Everything that it was sent, one string a request.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("no test panicked here").clone()
    }
}

/// The result of a refresh against a peer that does this.
pub(crate) async fn refreshed(act: Act) -> Result<OAuthTokenResponse, ApiError> {
    Peer::start(act).await.oauth().oauth_token_refresh(&refresh()).await
}

/// The error of a refresh against a peer that does this.
pub(crate) async fn refusal(act: Act) -> ApiError {
    refreshed(act).await.expect_err("should fail")
}

/// The error where the time-outs are short.
pub(crate) async fn impatient(act: Act) -> ApiError {
    let peer = Peer::start(act).await;
    let configuration = peer.configuration().timeout(Duration::from_millis(200)).build().expect("good");
    OAuthApi::new(&ApiClient::new(configuration))
        .oauth_token_refresh(&refresh())
        .await
        .expect_err("should fail")
}

async fn talk(mut stream: TcpStream, act: Act, heard: Arc<Mutex<Vec<String>>>) {
    let Some(request) = read_request(&mut stream).await else { return };
    let earlier = {
        let mut heard = heard.lock().expect("no test panicked here");
        heard.push(request.clone());
        heard.len() - 1
    };
    let act = match act {
        Act::InTurn(acts) => acts[earlier.min(acts.len() - 1)].clone(),
        Act::By(decide) => decide(&request),
        act => act,
    };
    // A client that has gone is what some of the tests are about.
    let _ = match act {
        Act::Say(bytes) => stream.write_all(&bytes).await,
        Act::SayForever(first, again) => {
            let mut written = stream.write_all(&first).await;
            while written.is_ok() {
                written = stream.write_all(&again).await;
                tokio::task::yield_now().await;
            }
            written
        }
        Act::Converse(answer) => loop {
            if let Err(error) = stream.write_all(answer.as_bytes()).await {
                break Err(error);
            }
            let Some(request) = read_request(&mut stream).await else { break Ok(()) };
            heard.lock().expect("no test panicked here").push(request);
        },
        Act::InTurn(_) | Act::By(_) => unreachable!("what was decided is decided"),
        Act::Freeze => stream.read_u8().await.map(drop),
    };
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece).await.ok().filter(|length| *length > 0)?;
        bytes.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text.into_owned());
            }
        }
    }
}
