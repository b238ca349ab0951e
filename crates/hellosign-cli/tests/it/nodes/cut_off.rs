//! A node that is cut off from the database: what was revoked elsewhere it does not honor for longer than a second.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use hellosign_testkit::{Postgres, TcpProxy};

use super::site::{Site, Tokens, account, introspect, refresh, revoke};
use crate::harness::{Answer, wait_until};

/// How long an access token may outlive its grant at another node, and what a busy machine adds.
const STALE: Duration = Duration::from_millis(1000 + 800);
const SOON: Duration = Duration::from_secs(10);

/// Asks again and again for as long as a token may be honored, and some more; gives when it was honored last, counted
/// from `since` to the start of that request, and the answer to the last request.
fn last_honored(since: Instant, ask: impl Fn() -> Answer) -> (Duration, Answer) {
    let mut last = Duration::ZERO;
    loop {
        let asked = since.elapsed();
        let answer = ask();
        let is_honored =
            answer.status == 200 && !String::from_utf8_lossy(&answer.body).contains("\"active\":false");
        if is_honored {
            last = asked;
        }
        if asked > STALE * 2 {
            return (last, answer);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn hold(cut_off: impl FnOnce(&TcpProxy), last_status: [u16; 2]) {
    let site = Site::new(Postgres::shared_database());
    let proxy = TcpProxy::start(site.database());
    let (near, far) = (site.node().start(), site.node_by(proxy.address()).start());
    let (near, far) = (near.address(), far.address());
    let tokens = Tokens::imported();
    let (access_token, refresh_token) = refresh(near, tokens.get(0)).tokens();
    let access_token = access_token.as_str();
    let asks: [&(dyn Fn(SocketAddr) -> Answer + Sync); 2] =
        [&|node| account(node, access_token), &|node| introspect(node, access_token)];
    // What the far node knows of the grant is as fresh as can be when it is cut off.
    assert!(asks.iter().all(|ask| ask(far).status == 200));
    cut_off(&proxy);
    assert!(asks.iter().any(|ask| ask(far).status == 200), "nothing is honored for a second");
    assert_eq!(revoke(near, &refresh_token).status, 200);
    let revoked = Instant::now();
    assert_eq!(account(near, access_token).status, 401, "at once, where it was done");
    thread::scope(|scope| {
        let asking = asks.map(|ask| scope.spawn(move || last_honored(revoked, || ask(far))));
        for (asking, status) in asking.into_iter().zip(last_status) {
            let (last, answer) = asking.join().unwrap();
            println!("honored for {last:?} after it was revoked");
            assert!(last < STALE, "{last:?}");
            assert_eq!(answer.status, status, "{answer:?}");
        }
    });
    proxy.open();
    assert!(wait_until(SOON, || account(far, access_token).status == 401));
    assert_eq!(introspect(far, access_token).json()["active"], false);
    refresh(far, &refresh_token).assert_refused(400, "invalid_grant");
}

#[test]
fn no_revoked_grant_is_honored_where_no_byte_comes_through() {
    hold(TcpProxy::silence, [503, 503]);
}

#[test]
fn no_revoked_grant_is_honored_where_all_connections_break() {
    hold(TcpProxy::cut, [503, 503]);
}
