//! The app's end of an authorization: the link that it sends the browser to, and the callback.

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::output::{self, Refused};

const THANKS: &str = "<!doctype html><meta charset=\"utf-8\"><title>Done</title><p>You can close this page; the rest is in your terminal.</p>\n";

/// What the browser carries to the app's callback.
pub(super) struct Callback {
    pub(super) code: String,
    pub(super) state: String,
    /// Where it arrived.
    pub(super) redirect_uri: String,
}

impl Callback {
    /// # Errors
    /// Where the authorization was refused, or the server left something out.
    pub(super) fn parse(query: &str, redirect_uri: &str) -> anyhow::Result<Self> {
        let parameter = |wanted: &str| {
            let mut parameters = form_urlencoded::parse(query.as_bytes());
            parameters.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
        };
        if let Some(error) = parameter("error") {
            let description = parameter("error_description").unwrap_or_default();
            return Err(Refused(format!("the authorization was refused: {error}: {description}")).into());
        }
        Ok(Self {
            code: parameter("code").context("the callback was called without a code")?,
            state: parameter("state").context("the callback was called without a state")?,
            redirect_uri: redirect_uri.to_owned(),
        })
    }
}

/// The query of an authorization request (RFC 6749 §4.1.1).
pub(super) fn query(client_id: &str, state: &str, redirect_uri: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("response_type", "code")
        .append_pair("client_id", client_id)
        .append_pair("state", state)
        .append_pair("redirect_uri", redirect_uri)
        .finish()
}

/// Sends the person's browser to the authorization page, and waits until it comes to the callback.
pub(super) async fn ask_in_browser(
    server: SocketAddr,
    client_id: &str,
    state: &str,
    email_address: &str,
    password: &str,
) -> anyhow::Result<Callback> {
    // On loopback any port is the app's (RFC 8252 §7.3).
    let listener = TcpListener::bind("127.0.0.1:0").await.context("listening for the callback failed")?;
    let redirect_uri = format!("http://{}/callback", listener.local_addr()?);
    let url = format!("http://{server}/oauth/authorize?{}", query(client_id, state, &redirect_uri));
    output::line(&format!("   Sign in as {email_address} with the password {password}"));
    output::line("   on the page that opens in your browser, and allow; if none opens, open it yourself:");
    output::line(&format!("   {url}"));
    if let Err(error) = open::that_detached(&url) {
        tracing::debug!(%error, "no browser could be opened");
    }
    loop {
        let (stream, _) = listener.accept().await?;
        // Browsers ask for more than they were sent to, and may hang up.
        if let Ok(Some(query)) = answer(stream).await {
            return Callback::parse(&query, &redirect_uri);
        }
    }
}

/// Answers one request; the query of one for the callback.
async fn answer(stream: TcpStream) -> std::io::Result<Option<String>> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let mut header = String::new();
    while stream.read_line(&mut header).await? > 2 {
        header.clear();
    }
    let query = line.strip_prefix("GET /callback?").and_then(|rest| rest.split(' ').next());
    let (status, body) = if query.is_some() { ("200 OK", THANKS) } else { ("404 Not Found", "") };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    stream.shutdown().await?;
    Ok(query.map(str::to_owned))
}
