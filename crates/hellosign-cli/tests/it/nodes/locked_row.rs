//! Somebody holds one grant's row, for longer than anybody waits: whoever refreshes that grant is told to come back, and
//! nobody else notices.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hellosign_testkit::{Postgres, psql, try_psql};

use super::site::{Site, Tokens, refresh};
use crate::harness::{Answer, wait_until};

/// Those who refresh the locked grant, again and again.
const INSISTENT: usize = 32;
/// How long others' refreshes may take while the row is locked, on average of a round. Without it they take
/// milliseconds.
const ON_AVERAGE: Duration = Duration::from_millis(150);
const HELD: Duration = Duration::from_secs(6);

#[test]
fn other_grants_are_refreshed_while_a_row_is_locked() {
    let url = Postgres::shared_database();
    let site = Site::new(url.clone());
    let node = site.node().start();
    let node = node.address();
    let mut tokens = Tokens::imported();
    tokens.assert_live(node);
    let locked = tokens.take(0);
    let row = "(SELECT grant_id FROM grants ORDER BY generation DESC, issued_at DESC LIMIT 1)";
    let locked = refresh(node, &locked).string("refresh_token");
    let is_over = AtomicBool::new(false);

    let (mine, others) = thread::scope(|scope| {
        scope.spawn(|| {
            let hold = format!(
                "BEGIN; SELECT 1 FROM grants WHERE grant_id = {row} FOR UPDATE;
                 SELECT pg_sleep({}); COMMIT",
                HELD.as_secs()
            );
            try_psql(&url, &hold, Duration::from_secs(60)).unwrap();
            is_over.store(true, Ordering::Release);
        });
        let is_held =
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(%' AND wait_event = 'PgSleep'";
        assert!(wait_until(Duration::from_secs(30), || psql(&url, is_held) == "1"));
        let insist = || {
            let mut answers = Vec::new();
            while !is_over.load(Ordering::Acquire) {
                answers.push(timed(node, &locked).0);
            }
            answers
        };
        let insisting: Vec<_> = (0..INSISTENT).map(|_| scope.spawn(insist)).collect();
        let mut others = Vec::new();
        while !is_over.load(Ordering::Acquire) {
            let began = Instant::now();
            tokens.assert_live(node);
            others.push(began.elapsed() / u32::try_from(tokens.len()).unwrap());
        }
        let mine: Vec<Answer> = insisting.into_iter().flat_map(|one| one.join().unwrap()).collect();
        (mine, others)
    });
    println!("{} rounds of others: {others:?}", others.len());
    println!("{} answers for the locked", mine.len());
    assert!(others.iter().all(|took| *took < ON_AVERAGE), "{others:?}");
    for answer in mine.iter().filter(|answer| answer.status != 200) {
        answer.assert_refused(503, "temporary_unavailable");
    }
    assert!(mine.iter().any(|answer| answer.status == 503));
    assert_eq!(refresh(node, &locked).status, 200);
}

fn timed(node: SocketAddr, token: &str) -> (Answer, Duration) {
    let began = Instant::now();
    (refresh(node, token), began.elapsed())
}
