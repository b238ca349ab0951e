//! After an outage every account wants to be renewed at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use hellosign_sdk::tokens::{Clock as _, TokenManager};
use hellosign_sdk::{ApiClient, Configuration};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::{Counting, DAY, TestClock, tokens};
use crate::peer::TOKENS;

/// Requests that may be under way, as `docs/tokens.md` has it.
const AT_ONCE: usize = 16;

/// How many accounts expire: the full size is `./check --long`'s.
fn accounts() -> usize {
    #[expect(clippy::disallowed_methods, reason = "how ./check tells the tests their sizes")]
    let is_long = std::env::var("HELLOSIGN_LONG").is_ok();
    if is_long { 100_000 } else { 3_000 }
}

/// A token endpoint that can be out, and that answers nobody while its gate is shut.
struct Endpoint {
    is_out: AtomicBool,
    gate: Semaphore,
    under_way: AtomicUsize,
    most: AtomicUsize,
    /// The refresh tokens, in the order in which they came.
    asked: Mutex<Vec<String>>,
}

async fn token(State(endpoint): State<Arc<Endpoint>>, body: String) -> Response {
    let under_way = endpoint.under_way.fetch_add(1, Ordering::SeqCst) + 1;
    endpoint.most.fetch_max(under_way, Ordering::SeqCst);
    let request: serde_json::Value = serde_json::from_str(&body).unwrap();
    endpoint.asked.lock().unwrap().push(request["refresh_token"].as_str().unwrap().to_owned());
    let answer = if endpoint.is_out.load(Ordering::SeqCst) {
        (StatusCode::SERVICE_UNAVAILABLE, r#"{"error":"temporary_unavailable"}"#.to_owned()).into_response()
    } else {
        drop(endpoint.gate.acquire().await.unwrap());
        ([(header::CONTENT_TYPE, "application/json")], TOKENS).into_response()
    };
    endpoint.under_way.fetch_sub(1, Ordering::SeqCst);
    answer
}

#[tokio::test]
async fn all_accounts_recover_sixteen_at_a_time_and_those_that_are_waited_for_first() {
    let callers = accounts();
    let in_background = callers / 10;
    let endpoint = Arc::new(Endpoint {
        is_out: AtomicBool::new(true),
        gate: Semaphore::new(0),
        under_way: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
        asked: Mutex::default(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().route("/oauth/token", post(token)).with_state(Arc::clone(&endpoint));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let configuration =
        Configuration::builder().server(&server).timeout(Duration::from_secs(300)).build().unwrap();
    let clock = Arc::<TestClock>::default();
    let manager = TokenManager::builder(&ApiClient::new(configuration), "the-client", "the-client-secret")
        .clock(Arc::clone(&clock) as _)
        .random(Arc::new(Counting))
        .build();

    // All of them expire within the next minute.
    let mut expiring = Vec::new();
    for n in 0..callers {
        let left = Duration::from_secs(60).mul_f64((n + 1) as f64 / callers as f64) + Duration::from_secs(11);
        let asked_at = clock.wall() - (DAY - left);
        let name = format!("caller-{n}");
        expiring.push(manager.insert(&name, tokens("old", &name, DAY), asked_at).await.unwrap());
    }
    let mut quiet = Vec::new();
    for n in 0..in_background {
        let name = format!("background-{n}");
        let asked_at = clock.wall() - (DAY - Duration::from_secs(250));
        quiet.push(manager.insert(&name, tokens("old", &name, DAY), asked_at).await.unwrap());
    }

    // The outage: the old tokens serve, and the server is left alone.
    for account in &expiring {
        assert_eq!(account.access_token().await.unwrap().expose(), "old");
    }
    while endpoint.asked.lock().unwrap().len() < AT_ONCE {
        tokio::task::yield_now().await;
    }
    // Until all of them have been told to wait.
    for _ in 0..callers {
        tokio::task::yield_now().await;
    }
    let asked = std::mem::take(&mut *endpoint.asked.lock().unwrap()).len();
    assert!(asked <= 2 * AT_ONCE, "{asked} requests to a server that is out");

    // It is over, and everybody's token with it. First come those that nobody waits for.
    clock.advance(Duration::from_secs(120));
    endpoint.is_out.store(false, Ordering::SeqCst);
    for account in &quiet {
        assert_eq!(account.access_token().await.unwrap().expose(), "old");
    }
    while endpoint.under_way.load(Ordering::SeqCst) < AT_ONCE {
        tokio::task::yield_now().await;
    }
    let waiting: Vec<_> = expiring
        .into_iter()
        .map(|account| {
            tokio::spawn(async move { account.access_token().await.map(|token| token.expose().to_owned()) })
        })
        .collect();
    // Until all of them are in the queue.
    for _ in 0..callers {
        tokio::task::yield_now().await;
    }
    endpoint.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    for caller in waiting {
        assert_eq!(caller.await.unwrap().unwrap(), "at");
    }
    manager.shutdown().await;

    let asked = endpoint.asked.lock().unwrap();
    assert_eq!(asked.len(), callers + in_background, "one request for each");
    let is_callers = |token: &String| token.starts_with("caller-");
    let order: Vec<bool> = asked.iter().map(is_callers).collect();
    assert!(order[..AT_ONCE].iter().all(|is_callers| !is_callers), "the gate was shut for them: {asked:?}");
    let last = order.iter().rposition(|is_callers| *is_callers);
    assert_eq!(last, Some(AT_ONCE + callers - 1), "then callers, and then the others");
    assert_eq!(endpoint.most.load(Ordering::SeqCst), AT_ONCE);
}
