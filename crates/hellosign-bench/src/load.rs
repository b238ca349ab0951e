//! Closed-loop load: so many connections, each sends its next request when the last one was answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::target::CLIENT_SECRET;

/// What a run came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) answered: u64,
    /// Microseconds.
    pub(crate) median: u32,
    /// Microseconds.
    pub(crate) p99: u32,
}

/// Refreshes for so long. Each connection has its share of the grants to itself, and keeps what it is
/// given: after a rotation the successor is what is sent next.
pub(crate) async fn refresh(
    address: SocketAddr,
    tokens: &mut Vec<String>,
    client_id: &'static str,
    connections: usize,
    duration: Duration,
) -> anyhow::Result<Figures> {
    let began = Instant::now();
    let mut running = JoinSet::new();
    let share = tokens.len().div_ceil(connections);
    while !tokens.is_empty() {
        let mine = tokens.split_off(tokens.len().saturating_sub(share));
        running.spawn(connection(address, mine, client_id, began + duration));
    }
    let mut latencies = Vec::new();
    while let Some(done) = running.join_next().await {
        let (mine, measured) = done??;
        tokens.extend(mine);
        latencies.extend(measured);
    }
    Ok(figures(latencies, began.elapsed()))
}

fn figures(mut latencies: Vec<u32>, elapsed: Duration) -> Figures {
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    Figures {
        per_second: latencies.len() as f64 / elapsed.as_secs_f64(),
        answered: latencies.len() as u64,
        median: at(0.5),
        p99: at(0.99),
    }
}

/// Posts each of these forms: once, or again and again for so long. Where `tokens` is given, the access tokens of the
/// answers go there.
pub(crate) async fn each(
    address: SocketAddr,
    path: &'static str,
    mut bodies: Vec<String>,
    connections: usize,
    duration: Option<Duration>,
    mut tokens: Option<&mut Vec<String>>,
) -> anyhow::Result<Figures> {
    let began = Instant::now();
    let mut running = JoinSet::new();
    let share = bodies.len().div_ceil(connections);
    while !bodies.is_empty() {
        let mine = bodies.split_off(bodies.len().saturating_sub(share));
        let until = duration.map(|duration| began + duration);
        running.spawn(posting(address, path, mine, until));
    }
    let mut latencies = Vec::new();
    while let Some(done) = running.join_next().await {
        let (measured, answered) = done??;
        latencies.extend(measured);
        if let Some(tokens) = &mut tokens {
            tokens.extend(answered);
        }
    }
    Ok(figures(latencies, began.elapsed()))
}

async fn posting(
    address: SocketAddr,
    path: &str,
    bodies: Vec<String>,
    until: Option<Instant>,
) -> anyhow::Result<(Vec<u32>, Vec<String>)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut latencies, mut tokens) = (Vec::new(), Vec::new());
    let mut answer = vec![0; 16 * 1024];
    let rounds = if until.is_some() { usize::MAX } else { bodies.len() };
    for body in bodies.iter().cycle().take(rounds) {
        let began = Instant::now();
        if until.is_some_and(|until| began >= until) {
            break;
        }
        post(&mut stream, address, path, body).await?;
        let answer = read_answer(&mut stream, &mut answer).await?;
        latencies.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
        match answer.split_once("\"access_token\":\"") {
            Some((_, rest)) => tokens.push(rest.split('"').next().unwrap_or_default().to_owned()),
            None if answer.contains("\"active\":true") => {}
            None => bail!("refused: {answer}"),
        }
    }
    Ok((latencies, tokens))
}

async fn post(stream: &mut TcpStream, address: SocketAddr, path: &str, body: &str) -> anyhow::Result<()> {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Ok(stream.write_all(request.as_bytes()).await?)
}

async fn connection(
    address: SocketAddr,
    mut tokens: Vec<String>,
    client_id: &str,
    until: Instant,
) -> anyhow::Result<(Vec<String>, Vec<u32>)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut latencies = Vec::with_capacity(100_000);
    let mut answer = vec![0; 16 * 1024];
    for at in (0..tokens.len()).cycle() {
        let began = Instant::now();
        if began >= until {
            break;
        }
        let body = format!(
            "grant_type=refresh_token&refresh_token={}&client_id={client_id}&client_secret={CLIENT_SECRET}",
            tokens[at]
        );
        post(&mut stream, address, "/oauth/token?refresh", &body).await?;
        let body = read_answer(&mut stream, &mut answer).await?;
        latencies.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
        let (_, rest) =
            body.split_once("\"refresh_token\":\"").with_context(|| format!("refused: {body}"))?;
        let token = rest.split('"').next().unwrap_or_default();
        if token != tokens[at] {
            token.clone_into(&mut tokens[at]);
        }
    }
    Ok((tokens, latencies))
}

/// The body of an answer of known length.
async fn read_answer<'a>(stream: &mut TcpStream, buffer: &'a mut [u8]) -> anyhow::Result<&'a str> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            bail!("the server hung up");
        }
        filled += read;
        let text = std::str::from_utf8(&buffer[..filled])?;
        let Some(end) = text.find("\r\n\r\n") else { continue };
        let length = text[..end].lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
        });
        let whole = end + 4 + length.context("an answer without a length")?;
        if filled >= whole {
            return Ok(std::str::from_utf8(&buffer[end + 4..whole])?);
        }
    }
}
