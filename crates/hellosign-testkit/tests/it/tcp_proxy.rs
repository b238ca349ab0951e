//! A way to a server that is slow, silent or gone.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use hellosign_testkit::TcpProxy;

/// Long enough for whatever can come, and short enough to wait for what cannot.
const SOON: Duration = Duration::from_millis(300);

/// A server that sends everything back.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
        }
    });
    address
}

fn connect(proxy: &TcpProxy) -> TcpStream {
    TcpStream::connect(proxy.address()).expect("the proxy listens")
}

fn ask(mut stream: &TcpStream, question: &[u8; 4]) -> std::io::Result<[u8; 4]> {
    stream.write_all(question)?;
    answer(stream)
}

fn answer(mut stream: &TcpStream) -> std::io::Result<[u8; 4]> {
    let mut answer = [0; 4];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

#[test]
fn an_open_way_carries_everything_and_its_end() {
    let proxy = TcpProxy::start(echo());
    let stream = connect(&proxy);
    let sent: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut received = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            (&stream).write_all(&sent).expect("all is taken");
            stream.shutdown(std::net::Shutdown::Write).expect("a half of the connection ends");
        });
        (&stream).read_to_end(&mut received).expect("all comes back");
    });
    assert!(received == sent);
}

#[test]
fn a_slow_way_takes_its_time_each_way_and_for_all_at_once() {
    let proxy = TcpProxy::start(echo());
    let stream = connect(&proxy);
    proxy.delay(SOON);
    let begun = Instant::now();
    (&stream).write_all(b"onlyone bytetime").expect("it is taken");
    for part in [b"only", b"one ", b"byte", b"time"] {
        assert_eq!(&answer(&stream).expect("an answer"), part);
    }
    assert!(begun.elapsed() >= SOON * 2, "{:?}", begun.elapsed());
    proxy.open();
    assert_eq!(ask(&stream, b"fast").expect("an answer"), *b"fast");
}

#[test]
fn a_cut_way_ends_what_is_connected_and_what_connects() {
    let proxy = TcpProxy::start(echo());
    let stream = connect(&proxy);
    assert_eq!(ask(&stream, b"here").expect("an answer"), *b"here");
    proxy.cut();
    assert!(answer(&stream).is_err());
    assert!(ask(&connect(&proxy), b"here").is_err());
    proxy.open();
    assert_eq!(ask(&connect(&proxy), b"here").expect("an answer"), *b"here");
}

#[test]
fn a_silent_way_keeps_what_is_sent_until_it_is_open() {
    let proxy = TcpProxy::start(echo());
    let stream = connect(&proxy);
    proxy.silence();
    stream.set_read_timeout(Some(SOON)).expect("a time-out");
    let nothing = ask(&stream, b"here").expect_err("nothing passes");
    assert!(matches!(nothing.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{nothing}");
    let later = connect(&proxy);
    proxy.open();
    stream.set_read_timeout(None).expect("no time-out");
    assert_eq!(answer(&stream).expect("an answer"), *b"here");
    assert_eq!(ask(&later, b"late").expect("an answer"), *b"late");
}
