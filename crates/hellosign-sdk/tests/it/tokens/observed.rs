//! What is to be seen of renewals: who, how, how long; and no token.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hellosign_sdk::tokens::Clock as _;
use metrics::{Key, Label, SharedString, Unit};
use metrics_util::CompositeKey;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

use super::{DAY, TestClock, builder, expired, tokens};
use crate::peer::{Act, Peer, TOKENS, answer};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

type Seen = Vec<(CompositeKey, Option<Unit>, Option<SharedString>, DebugValue)>;

/// The value of a metric, by its name and its outcome.
fn value<'a>(seen: &'a Seen, name: &str, outcome: Option<&str>) -> Option<&'a DebugValue> {
    let is_it = |key: &Key| key.name() == name && key.labels().map(Label::value).eq(outcome);
    seen.iter().find(|(key, ..)| is_it(key.key())).map(|(.., value)| value)
}

fn busy_first(request: &str) -> Act {
    static ASKED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    assert!(request.starts_with("POST"), "{request}");
    match ASKED.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => answer("503 Service Unavailable", "", r#"{"error":"temporary_unavailable"}"#),
        _ => answer("200 OK", "", TOKENS),
    }
}

#[tokio::test]
async fn spans_name_the_account_and_metrics_count_what_happened() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    let _log = tracing::subscriber::set_default(subscriber);
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _recorder = metrics::set_default_local_recorder(&recorder);

    let (peer, clock) = (Peer::start(Act::By(busy_first)).await, Arc::<TestClock>::default());
    let manager = builder(&peer, &clock).build();
    let jill = expired(&manager, &clock, "jill", "not-a-real-refresh-token").await;
    assert!(jill.access_token().await.unwrap_err().is_transient());
    clock.advance(Duration::from_secs(5));
    jill.access_token().await.unwrap();

    let seen = snapshotter.snapshot().into_vec();
    for outcome in ["unavailable", "renewed"] {
        let count = value(&seen, "hellosign_token_renewals_total", Some(outcome));
        assert_eq!(count, Some(&DebugValue::Counter(1)), "{outcome}");
        assert!(value(&seen, "hellosign_token_renewal_seconds", Some(outcome)).is_some(), "{outcome}");
    }
    for gauge in ["hellosign_token_waiters", "hellosign_token_renewals_running"] {
        assert_eq!(value(&seen, gauge, None), Some(&DebugValue::Gauge(0.0.into())), "{gauge}");
    }
    let left = |seen: &Seen| match value(seen, "hellosign_token_left_seconds", None) {
        Some(DebugValue::Histogram(left)) => left.iter().map(|left| left.round()).collect(),
        _ => Vec::new(),
    };
    assert_eq!(left(&seen), [0.0], "it had expired");

    let joan = manager.insert("joan", tokens("at", "rt", DAY), clock.wall()).await.unwrap();
    clock.advance(DAY - Duration::from_secs(20));
    joan.access_token().await.unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    manager.shutdown().await;
    assert_eq!(left(&snapshotter.snapshot().into_vec()), [10.0], "it was renewed early");

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains(r#"token{account="jill"}"#) && log.contains("kind=\"unavailable\""), "{log}");
    assert!(log.contains("the token was renewed"), "{log}");
    assert!(!log.contains("not-a-real-refresh-token") && !log.contains("the-client-secret"), "{log}");
}
