//! A database that does not answer, or not well: answers are refused in time, with 503, and nobody is told that a
//! credential is wrong. When it is well again all goes on by itself, and with all that was answered before.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hellosign_testkit::{Postgres, TcpProxy};

use super::site::{Site, Tokens, account, exchange, introspect, refresh, revoke};
use crate::harness::{Answer, Server, get, wait_until};

/// No request is kept longer, whatever the database does.
const LONGEST: Duration = Duration::from_secs(6);
/// How soon all goes on, once the database does.
const SOON: Duration = Duration::from_secs(10);

/// What somebody asks of a node; `token` is a live refresh token.
type Asked = fn(node: SocketAddr, token: &str, access_token: &str) -> Answer;

/// Each endpoint that the database stands behind. What is wrong is asked, too: nobody knows that now.
const ASKED: [(&str, Asked); 7] = [
    ("refresh", |node, token, _| refresh(node, token)),
    ("refresh of what never was", |node, _, _| refresh(node, "no-such-token")),
    ("exchange", |node, _, _| exchange(node, "no-such-code", "state")),
    ("revoke", |node, token, _| revoke(node, token)),
    ("introspect", |node, _, access_token| introspect(node, access_token)),
    ("account", |node, _, access_token| account(node, access_token)),
    ("authorize", |node, _, _| {
        get(node, "/oauth/authorize?response_type=code&client_id=rotating&state=state", &[])
    }),
];

/// Asks everything at once; gives the answers and how long each took.
fn ask_all(node: SocketAddr, token: &str, access_token: &str) -> Vec<(&'static str, Answer, Duration)> {
    thread::scope(|scope| {
        let ask = |(what, asked): (&'static str, Asked)| {
            scope.spawn(move || {
                let began = Instant::now();
                (what, asked(node, token, access_token), began.elapsed())
            })
        };
        let asked: Vec<_> = ASKED.into_iter().map(ask).collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    })
}

fn assert_unavailable(what: &str, answer: &Answer) {
    assert_eq!(answer.status, 503, "{what}: {answer:?}");
    assert!(answer.header("retry-after").is_some(), "{what}: {answer:?}");
    let body = String::from_utf8_lossy(&answer.body);
    assert!(!body.contains("invalid_"), "{what}: {answer:?}");
    if matches!(what, "refresh" | "exchange") {
        answer.assert_refused(503, "temporary_unavailable");
    }
}

fn readiness(node: SocketAddr) -> (u16, String) {
    let answer = get(node, "/readyz", &[]);
    (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
}

/// Asks no more often than it is worth a line of the log.
fn wait(is_so: impl Fn() -> bool) -> bool {
    wait_until(SOON, || {
        let is_so = is_so();
        if !is_so {
            thread::sleep(Duration::from_millis(20));
        }
        is_so
    })
}

/// Holds a node to what is promised of a bad day: `begin` begins it and `end` ends it.
fn hold(node: &Server, reason: &str, begin: impl FnOnce(), end: impl FnOnce()) {
    let node = node.address();
    let mut tokens = Tokens::imported();
    tokens.assert_live(node);
    let (access_token, _) = refresh(node, tokens.get(0)).tokens();
    assert_eq!(account(node, &access_token).status, 200);

    begin();
    // What was read within the last second counts; and connections have to be found to be dead.
    assert!(wait(|| account(node, &access_token).status == 503));
    for (what, answer, took) in ask_all(node, tokens.get(1), &access_token) {
        assert!(took < LONGEST, "{what}: {took:?}");
        assert_unavailable(what, &answer);
    }
    let says_why = |(status, said): (u16, String)| {
        status == 503 && said.contains("No connection to the database works: ") && said.contains(reason)
    };
    assert!(wait(|| says_why(readiness(node))), "{:?}", readiness(node));

    end();
    let ended = Instant::now();
    assert!(wait(|| readiness(node).0 == 200), "{:?}", readiness(node));
    assert_eq!(refresh(node, tokens.get(0)).status, 200);
    println!("{reason}: all went on after {:?}", ended.elapsed());
    assert_eq!(account(node, &access_token).status, 200);
    // One that was to be revoked meanwhile may have been.
    tokens.take(1);
    tokens.assert_live(node);
}

#[test]
fn it_is_frozen() {
    let postgres = Postgres::start_with(&[("fsync", "off")]);
    let site = Site::new(postgres.create_database());
    let node = site.node().start();
    hold(&node, "it does not answer", || postgres.pause(), || postgres.resume());
}

#[test]
fn it_is_stopped_and_started_again() {
    let mut postgres = Postgres::start_with(&[("fsync", "off")]);
    let site = Site::new(postgres.create_database());
    let node = site.node().start();
    let postgres = std::cell::RefCell::new(&mut postgres);
    hold(&node, "error connecting", || postgres.borrow_mut().stop(), || postgres.borrow_mut().restart());
}

/// What it says of itself then is said in its place, for as long as it takes.
#[test]
fn it_is_starting_up() {
    let mut postgres = Postgres::start_with(&[("fsync", "off")]);
    let site = Site::new(postgres.create_database());
    let node = site.node().start();
    let port = postgres.port();
    let postgres = std::cell::RefCell::new(&mut postgres);
    let starting = std::cell::RefCell::new(None);
    let begin = || {
        postgres.borrow_mut().stop();
        *starting.borrow_mut() = Some(StartingUp::on(port));
        site.node().run().assert_refused(&["the database system is starting up"]);
    };
    let end = || {
        drop(starting.borrow_mut().take());
        postgres.borrow_mut().restart();
    };
    hold(&node, "the database system is starting up", begin, end);
}

/// Tells all who connect that it is starting up.
struct StartingUp {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    answering: Option<thread::JoinHandle<()>>,
}

impl StartingUp {
    fn on(port: u16) -> Self {
        const ANSWER: &[u8] = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let (address, is_over) = (listener.local_addr().unwrap(), Arc::<AtomicBool>::default());
        let until = Arc::clone(&is_over);
        let answering = thread::spawn(move || {
            for stream in listener.incoming() {
                if until.load(Ordering::Acquire) {
                    return;
                }
                let Ok(mut stream) = stream else { continue };
                let length = u32::try_from(ANSWER.len() + 4).unwrap().to_be_bytes();
                // Some hang up in the middle.
                let _ = stream
                    .read(&mut [0; 512])
                    .and_then(|_| stream.write_all(&[b"E".as_slice(), &length, ANSWER].concat()));
            }
        });
        Self { address, is_over, answering: Some(answering) }
    }
}

impl Drop for StartingUp {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
        if let Some(answering) = self.answering.take() {
            answering.join().unwrap();
        }
    }
}

#[test]
fn it_takes_no_writes() {
    let postgres = Postgres::start_with(&[("fsync", "off")]);
    let site = Site::new(postgres.create_database());
    let node = site.node().start();
    hold(&node, "does not allow writes", || postgres.set_read_only(true), || postgres.set_read_only(false));
}

#[test]
fn no_byte_comes_through() {
    let site = Site::new(Postgres::shared_database());
    let (proxy, node) = behind_a_proxy(&site);
    hold(&node, "it does not answer", || proxy.silence(), || proxy.open());
}

#[test]
fn others_have_all_its_connections() {
    let postgres = Postgres::start_with(&[("fsync", "off"), ("max_connections", "20")]);
    let proxy = TcpProxy::start(SocketAddr::from(([127, 0, 0, 1], postgres.port())));
    let site = Site::new(postgres.create_database());
    let node = site.node_by(proxy.address()).start();
    let others = std::cell::RefCell::new(Vec::new());
    let begin = || {
        proxy.cut();
        *others.borrow_mut() = take_all_connections(postgres.port());
        proxy.open();
        site.node().run().assert_refused(&["too many clients already"]);
    };
    hold(&node, "too many clients already", begin, || others.borrow_mut().clear());
}

/// Begins sessions, without signing in, until there is no place for another one.
fn take_all_connections(port: u16) -> Vec<TcpStream> {
    const STARTUP: &[u8] = b"\0\x03\0\0user\0postgres\0\0";
    let mut taken = Vec::new();
    let mut refused = 0;
    // Those of the node that was cut off go one after the other.
    while refused < 3 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let length = u32::try_from(STARTUP.len() + 4).unwrap();
        stream.write_all(&length.to_be_bytes()).and_then(|()| stream.write_all(STARTUP)).unwrap();
        let mut kind = [0];
        match stream.read_exact(&mut kind) {
            Ok(()) if kind == *b"R" => taken.push(stream),
            _ => {
                refused += 1;
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
    taken
}

fn behind_a_proxy(site: &Site) -> (TcpProxy, Server) {
    let proxy = TcpProxy::start(site.database());
    let node = site.node_by(proxy.address()).start();
    (proxy, node)
}

/// Every round trip takes half a second more: all works, and takes its time.
#[test]
fn it_is_slow() {
    let site = Site::new(Postgres::shared_database());
    let (proxy, node) = behind_a_proxy(&site);
    let node = node.address();
    let mut tokens = Tokens::imported();
    let (access_token, _) = refresh(node, tokens.get(0)).tokens();
    proxy.delay(Duration::from_millis(250));
    for rounds in 0..2 {
        thread::scope(|scope| {
            for grant in 1..6 {
                let tokens = &tokens;
                scope.spawn(move || {
                    let began = Instant::now();
                    let answer = refresh(node, tokens.get(grant));
                    assert_eq!(answer.status, 200, "{answer:?}");
                    let took = began.elapsed();
                    assert!(took > Duration::from_millis(500) && took < LONGEST, "{took:?}");
                });
            }
        });
        assert_eq!(account(node, &access_token).status, 200);
        if rounds == 0 {
            // Connections come about over such a way, too.
            proxy.cut();
            assert!(wait(|| readiness(node).0 == 503));
            proxy.delay(Duration::from_millis(250));
            assert!(wait(|| readiness(node).0 == 200), "{:?}", readiness(node));
        }
    }
    proxy.open();
    tokens.assert_live(node);
}

/// A node that is started then says so, and ends: whoever starts it tries again.
#[test]
fn a_node_starts_while_it_is_frozen() {
    let site = Site::new(Postgres::shared_database());
    let proxy = TcpProxy::start(site.database());
    site.node().start().stop();
    proxy.silence();
    let began = Instant::now();
    site.node_by(proxy.address()).run().assert_refused(&["it does not answer"]);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}
