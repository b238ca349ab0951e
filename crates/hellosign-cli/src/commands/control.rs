//! `hellosign control`: the control API of a server under test, from a shell.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;

use crate::args::{ControlCommand, Cut, FaultArgs, GrantArgs};
use crate::control_access::ControlAccess;
use crate::output::{self, Refused};

/// How long an answer may take, a reset's too.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most that an answer may be: a thousand requests, each as large as it can be.
const ANSWER_LIMIT: usize = 256 * 1024 * 1024;

pub(crate) async fn run(data_dir: Option<&Path>, command: ControlCommand) -> anyhow::Result<()> {
    let access = ControlAccess::find(data_dir)?;
    let (method, path, body) = request(command);
    let answer = tokio::time::timeout(PATIENCE, ask(&access, method, path, body)).await;
    let answer = answer.with_context(|| format!("{} did not answer within {PATIENCE:?}", access.url))??;
    match answer {
        Value::Null => {}
        // A line each, so that line tools and jq can be used on them.
        Value::Object(lists) if lists.values().all(Value::is_array) => {
            lists
                .values()
                .filter_map(Value::as_array)
                .flatten()
                .for_each(|item| output::line(&item.to_string()));
        }
        other => output::line(&other.to_string()),
    }
    Ok(())
}

/// What has to be asked for a command.
fn request(command: ControlCommand) -> (Method, &'static str, Option<Value>) {
    let list = |path, clear| (if clear { Method::DELETE } else { Method::GET }, path, None);
    let post = |path, body| (Method::POST, path, Some(body));
    let grants = |grant: GrantArgs| json!({"client_id": grant.client_id, "account": grant.account});
    match command {
        ControlCommand::Clock => (Method::GET, "/clock", None),
        ControlCommand::Advance { seconds } => post("/clock/advance", json!({"seconds": seconds})),
        ControlCommand::Fault(args) => post("/faults", fault(args)),
        ControlCommand::Faults { clear } => list("/faults", clear),
        ControlCommand::Requests { clear } => list("/requests", clear),
        ControlCommand::Expire(grant) => post("/grants/expire", grants(grant)),
        ControlCommand::Revoke(grant) => post("/grants/revoke", grants(grant)),
        ControlCommand::Account { email_address, confirmed, locked } => post(
            "/accounts",
            json!({"email_address": email_address, "is_confirmed": confirmed, "is_locked": locked}),
        ),
        ControlCommand::App { client_id, refresh_token_rotation, approved, switch } => post(
            "/api_apps",
            json!({
                "client_id": client_id,
                "refresh_token_rotation": refresh_token_rotation,
                "is_approved": approved,
                "switches": Map::from_iter(switch),
            }),
        ),
        ControlCommand::Reset => (Method::POST, "/reset", None),
    }
}

fn fault(args: FaultArgs) -> Value {
    json!({
        "method": args.method,
        "path": args.path,
        "grant_type": args.grant_type,
        "client_id": args.client_id,
        "times": args.times.0.map_or(Value::from("always"), Value::from),
        "status": args.status,
        "error": args.error,
        "retry_after": args.retry_after,
        "html": args.html,
        "body": args.body,
        "truncate": args.truncate,
        "bytes_per_second": args.bytes_per_second,
        "cut": args.cut.map(|cut| match cut {
            Cut::BeforeRequest => "before_request",
            Cut::AfterRequest => "after_request",
            Cut::AfterCommit => "after_commit",
        }),
        "delay_ms": args.delay,
    })
}

/// Asks, and gives what was answered; null where there is nothing to say.
async fn ask(
    access: &ControlAccess,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> anyhow::Result<Value> {
    let address = access.address()?;
    let stream = TcpStream::connect(address).await;
    let stream =
        stream.with_context(|| format!("nobody answers at {}: has the server ended?", access.url))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the sender; what goes wrong on it, the answer tells.
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, address.to_string())
        .header(AUTHORIZATION, format!("Bearer {}", access.token.expose()))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::<Bytes>::from(body.map(|body| body.to_string()).unwrap_or_default()))
        .context("the control token cannot be sent: it is not a line of visible characters")?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_LIMIT).collect().await;
    let body = body.map_err(anyhow::Error::from_boxed).context("reading the answer failed")?.to_bytes();
    if status == StatusCode::NO_CONTENT {
        return Ok(Value::Null);
    }
    let answer: Value = serde_json::from_slice(&body)
        .map_err(|_| anyhow::anyhow!("what answers at {} is not a server's control API", access.url))?;
    if !status.is_success() {
        match answer["error"].as_str() {
            Some(sentence) => return Err(Refused(sentence.to_owned()).into()),
            None => bail!("the server answered {status}"),
        }
    }
    Ok(answer)
}
