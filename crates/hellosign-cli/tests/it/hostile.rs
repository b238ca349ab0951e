//! Requests that no client should send: refused with 4xx, in bounded time, never answered 5xx and never with silence.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Answer, Command, Connection, FixtureFile, Random, Server, post_form, vendor_page};

type Headers<'a> = &'a [(&'a str, &'a str)];

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("Content-Type", "application/json");
const MULTIPART: (&str, &str) = ("Content-Type", "multipart/form-data; boundary=x");
/// The server gives a head and a body ten seconds each.
const SLOW: Duration = Duration::from_secs(40);
const QUICK: Duration = Duration::from_secs(5);

fn start(directory: &tempfile::TempDir) -> Server {
    let fixtures = FixtureFile::of_the_vendors_page().write(directory.path());
    let command = Command::server(&directory.path().join("data")).fixtures(&fixtures);
    command.args(["--rate-limit", "off"]).start()
}

fn assert_serves(address: SocketAddr) {
    let started = Instant::now();
    let parameters = [
        ("grant_type", "refresh_token"),
        ("client_id", vendor_page::CLIENT_ID),
        ("client_secret", vendor_page::CLIENT_SECRET),
        ("refresh_token", vendor_page::REFRESH_TOKEN),
    ];
    assert_eq!(post_form(address, "/oauth/token", &parameters).status, 200);
    assert!(started.elapsed() < QUICK, "an honest request took {:?}", started.elapsed());
}

/// What holds for every answer of the token endpoint.
fn assert_token_endpoint(answer: &Answer, what: &str) {
    for header in
        ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-limit-remaining", "x-ratelimit-reset"]
    {
        let number = answer.header(header).and_then(|value| value.parse::<i64>().ok());
        assert!(number.is_some_and(|n| n >= 0), "{header} for {what}: {answer:?}");
    }
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}: {answer:?}");
}

#[test]
fn bodies_that_are_not_what_they_claim_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(&directory);
    let deep_array = [b"{\"code\":".to_vec(), vec![b'['; 30_000], vec![b']'; 30_000], b"}".to_vec()].concat();
    let deep_object = b"{\"a\":".repeat(10_000);
    let many = (0..7000).fold(String::new(), |mut all, n| {
        write!(all, "p{n}=1&").unwrap();
        all
    });
    let part = |name: &str, value: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let twice = part("grant_type", "refresh_token").repeat(2) + "--x--\r\n";
    let cut = part("grant_type", "refresh_token");
    let not_text = [part("code", "").trim_end().as_bytes(), b"\r\n\r\n\xff\xfe\r\n--x--\r\n"].concat();
    let cases: &[(Headers<'_>, &[u8], u16)] = &[
        (&[], b"grant_type=refresh_token", 415),
        (&[("Content-Type", "")], b"grant_type=refresh_token", 415),
        (&[("Content-Type", "text/plain")], b"grant_type=refresh_token", 415),
        (&[("Content-Type", "application/xml")], b"<grant_type/>", 415),
        (&[("Content-Type", "application/jsonp")], b"{}", 415),
        (&[("Content-Type", ";;;=")], b"{}", 415),
        (&[("Content-Type", "\u{fc}\u{fc}")], b"{}", 415),
        (&[("Content-Type", "multipart/form-data")], b"--x--", 400),
        (&[("Content-Type", "multipart/form-data; boundary=")], b"----", 400),
        (&[MULTIPART], b"", 400),
        (&[MULTIPART], cut.as_bytes(), 400),
        (&[MULTIPART], twice.as_bytes(), 400),
        (&[MULTIPART], &not_text, 400),
        (&[MULTIPART], b"--x\r\n\r\nno name\r\n--x--\r\n", 400),
        (&[JSON], b"", 400),
        (&[JSON], b"grant_type=refresh_token", 400),
        (&[JSON], b"null", 400),
        (&[JSON], b"[]", 400),
        (&[JSON], b"\"text\"", 400),
        (&[JSON], b"{\"grant_type\":\"refresh_token\"", 400),
        (&[JSON], b"{\"grant_type\":\"refresh_token\"} {}", 400),
        (&[JSON], b"{\"grant_type\":\"refresh_token\",\"grant_type\":\"refresh_token\"}", 400),
        (&[JSON], b"{\"grant_type\":7}", 400),
        (&[JSON], b"{\"grant_type\":[\"refresh_token\"]}", 400),
        (&[JSON], b"{\"grant_type\":\"refresh_token\",\"refresh_token\":{\"$gt\":\"\"}}", 400),
        (&[JSON], b"{\"grant_type\":\"refresh_token\",\"refresh_token\":1e999}", 400),
        (&[JSON], b"{\"grant_type\":\"\xff\xfe\"}", 400),
        (&[JSON], b"{\"grant_type\":\"\\ud800\"}", 400),
        (&[JSON], &deep_array, 400),
        (&[JSON], &deep_object, 400),
        (&[FORM], b"", 400),
        (&[FORM], b"{\"grant_type\":\"refresh_token\"}", 400),
        (&[FORM], b"grant_type=refresh_token&grant_type=refresh_token", 400),
        (&[FORM], b"grant_type=refresh_token&refresh_token=%", 400),
        (&[FORM], b"grant_type=refresh_token&refresh_token=%zz", 400),
        (&[FORM], b"grant_type=refresh_token&refresh_token=%ff%fe", 400),
        (&[FORM], b"grant_type=refresh_token&refresh_token=\xff\xfe", 400),
        (&[FORM], b"grant_type=refresh_token&refresh_token=%00", 400),
        (&[FORM], b"grant_type=refresh_token&refresh_token=", 400),
        (&[FORM], b"&&&&====&&&&", 400),
        (&[FORM], many.as_bytes(), 400),
        (&[FORM], b"grant_type=password&client_id=a&username=b&password=c", 400),
        (&[FORM, ("Authorization", "Basic %%%")], b"grant_type=authorization_code&code=1", 400),
        (&[FORM, ("Authorization", "Basic")], b"grant_type=authorization_code&code=1", 400),
        (&[FORM, ("Content-Encoding", "gzip")], b"\x1f\x8b\x08\x00", 400),
    ];
    for (headers, body, status) in cases {
        for path in ["/oauth/token", "/v3/oauth/token?refresh"] {
            let what = format!("{headers:?} {}", String::from_utf8_lossy(&body[..body.len().min(100)]));
            let started = Instant::now();
            let mut connection = Connection::open(server.address()).expect("a connection");
            let answer = connection.request(&format!("POST {path}"), headers, body);
            let answer = answer.unwrap_or_else(|e| panic!("{e} for {what}"));
            assert!(started.elapsed() < QUICK, "{what} took {:?}", started.elapsed());
            assert_eq!(answer.status, *status, "{what}: {answer:?}");
            assert_token_endpoint(&answer, &what);
            assert!(answer.json()["error"].is_string(), "{what}: {answer:?}");
            assert!(answer.json()["error_description"].is_string(), "{what}: {answer:?}");
        }
    }
    assert_serves(server.address());
}

#[test]
fn every_method_path_and_place_has_its_answer() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(&directory);
    let request = |line: &str| {
        let mut connection = Connection::open(server.address()).expect("a connection");
        connection.request(line, &[FORM], b"").unwrap_or_else(|e| panic!("{e} for {line}"))
    };
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "PROPFIND"] {
        for path in ["/oauth/token", "/oauth/token?refresh", "/v3/oauth/token"] {
            let line = format!("{method} {path}");
            let answer = request(&line);
            assert!((400..500).contains(&answer.status), "{line}: {answer:?}");
            assert_token_endpoint(&answer, &line);
        }
    }
    for path in [
        "/",
        "/oauth",
        "/oauth/",
        "/oauth/token/",
        "/oauth//token",
        "/v3",
        "/v3/",
        "/v3/account/",
        "/v4/account",
        "/favicon.ico",
        "/%00",
        "/%ff",
        "/oauth/%2e%2e/oauth/token",
        "/../../etc/passwd",
        "/v3/oauth/token/refresh",
    ] {
        for method in ["GET", "POST"] {
            let answer = request(&format!("{method} {path}"));
            assert_eq!(answer.status, 404, "{method} {path}: {answer:?}");
            assert_eq!(answer.json()["error"]["error_name"], "not_found", "{path}");
        }
    }
    for secret in ["client_secret", "code", "refresh_token"] {
        let line = format!("POST /oauth/token?grant_type=refresh_token&{secret}=x");
        let answer = request(&line);
        answer.assert_refused(400, "invalid_request");
        assert_token_endpoint(&answer, &line);
    }
    for authorization in
        ["Bearer", "Bearer ", "Bearer \u{fc}", "Basic Og==", "Digest x", "Bearer a b c", "bearer x"]
    {
        let answer =
            crate::harness::get(server.address(), "/v3/account", &[("Authorization", authorization)]);
        assert_eq!(answer.status, 401, "{authorization}: {answer:?}");
        assert_eq!(answer.json()["error"]["error_name"], "unauthorized", "{authorization}: {answer:?}");
    }
    for query in [
        "",
        "client_id",
        "client_id=",
        "client_id=x&client_id=x",
        "client_id=%ff",
        "response_type=code",
        "client_id=cc91c61d00f8bb2ece1428035716b&redirect_uri=javascript:alert(1)",
        "client_id=cc91c61d00f8bb2ece1428035716b&response_type=code&redirect_uri=http://127.0.0.1:9000/callback%0d%0aX:%20y",
    ] {
        let answer = request(&format!("GET /oauth/authorize?{query}"));
        assert!((400..500).contains(&answer.status), "{query}: {answer:?}");
        assert_eq!(
            answer.header("location"),
            None,
            "{query}: nobody is sent to an address that is not registered"
        );
    }
    assert_serves(server.address());
}

#[test]
fn what_is_too_large_is_refused_and_heard() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(&directory);
    let head = "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let mut huge_announced = format!("{head}Content-Length: 10000000000\r\n\r\n").into_bytes();
    huge_announced.extend_from_slice(b"grant_type=refresh_token");
    let mut sent_whole = format!("{head}Content-Length: 1000000\r\n\r\n").into_bytes();
    sent_whole.resize(sent_whole.len() + 1_000_000, b'a');
    let mut chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..100 {
        chunked.extend_from_slice(b"2000\r\n");
        chunked.resize(chunked.len() + 0x2000, b'a');
        chunked.extend_from_slice(b"\r\n");
    }
    for (what, bytes) in [("announced", huge_announced), ("sent whole", sent_whole), ("in chunks", chunked)] {
        let started = Instant::now();
        let mut connection = Connection::open(server.address()).expect("a connection");
        // The server need not read it all; what it says has to arrive all the same.
        let _ = connection.send(&bytes);
        let answer = connection.answer(false).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(answer.status, 413, "{what}: {answer:?}");
        answer.assert_refused(413, "invalid_request");
        assert_token_endpoint(&answer, what);
        assert!(started.elapsed() < QUICK, "{what} took {:?}", started.elapsed());
    }
    assert_serves(server.address());
}

#[test]
fn what_is_not_http_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(&directory);
    let post = "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\n";
    let long_header = format!("{post}X-Long: {}\r\n\r\n", "a".repeat(1_000_000));
    let many_headers = format!("{post}{}\r\n", "X-Many: 1\r\n".repeat(500));
    let long_path = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(200_000));
    let chunk = |size: &str| {
        format!(
            "{post}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\n{{}}\r\n0\r\n\r\n"
        )
    };
    let chunks =
        [chunk("zz"), chunk("-2"), chunk("ffffffffffffffffff"), chunk(&format!("2;{}", "x".repeat(100_000)))];
    let cases: &[&[u8]] = &[
        b"\r\n\r\n\r\n\r\nnothing\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /oauth/token\r\n\r\n",
        b"GET /oauth/token HTTP/9.9\r\n\r\n",
        b"GET /oauth/token HTTP/1.1 and more\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03hello, is this TLS?\r\n\r\n",
        b"\x00\x00\x00\x00\r\n\r\n",
        b"G\xff\xfe /oauth/token HTTP/1.1\r\n\r\n",
        b"GET /oauth/to ken HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /oauth/token HTTP/1.1\r\nno colon here\r\n\r\n",
        b"GET /oauth/token HTTP/1.1\r\nBad Name: x\r\n\r\n",
        b"GET /oauth/token HTTP/1.1\r\n: no name\r\n\r\n",
        b"GET /oauth/token HTTP/1.1\r\nX: a\x00b\r\n\r\n",
        &[post.as_bytes(), b"Content-Length: -1\r\n\r\n"].concat(),
        &[post.as_bytes(), b"Content-Length: 99999999999999999999999\r\n\r\n"].concat(),
        &[post.as_bytes(), b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"].concat(),
        &[post.as_bytes(), b"Content-Length: ten\r\n\r\nab"].concat(),
        &[post.as_bytes(), b"Transfer-Encoding: gzip\r\n\r\nab"].concat(),
        &[post.as_bytes(), b"Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{\"cut\""].concat(),
        chunks[0].as_bytes(),
        chunks[1].as_bytes(),
        chunks[2].as_bytes(),
        chunks[3].as_bytes(),
        long_header.as_bytes(),
        many_headers.as_bytes(),
        long_path.as_bytes(),
    ];
    for bytes in cases {
        let what = String::from_utf8_lossy(&bytes[..bytes.len().min(120)]).into_owned();
        let started = Instant::now();
        let mut connection = Connection::open(server.address()).expect("a connection");
        let _ = connection.send(bytes);
        let _ = connection.finish_sending();
        let answer = connection.answer(false).unwrap_or_else(|e| panic!("{e} for {what:?}"));
        assert!((400..500).contains(&answer.status), "{what:?}: {answer:?}");
        assert!(started.elapsed() < QUICK, "{what:?} took {:?}", started.elapsed());
    }
    assert_serves(server.address());
}

#[test]
fn slow_clients_are_let_go_and_do_not_slow_others() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(&directory);
    let address = server.address();
    let body = "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Content-Length: 500\r\n\r\n{";
    let starts = ["", "POST /oau", "POST /oauth/token HTTP/1.1\r\nHost: loc", body];
    thread::scope(|scope| {
        for start in starts.iter().cycle().take(80) {
            scope.spawn(move || assert_let_go(address, start.as_bytes(), false));
            scope.spawn(move || assert_let_go(address, start.as_bytes(), true));
        }
        for _ in 0..20 {
            assert_serves(address);
        }
    });
    assert_serves(address);
}

/// Sends the start of a request, then nothing or byte after byte; what comes back is 4xx or the end.
fn assert_let_go(address: SocketAddr, start: &[u8], drips: bool) {
    let began = Instant::now();
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(start).expect("to be read");
    stream.set_read_timeout(Some(Duration::from_millis(500))).expect("a time-out");
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(&buffer[..read]),
            Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                assert!(began.elapsed() < SLOW, "after {SLOW:?} the server still waits");
                if drips && stream.write_all(b"x").is_err() {
                    break;
                }
            }
            Err(_) => break,
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
}

#[test]
fn many_connections_and_many_requests_on_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(&directory);
    let idle: Vec<_> = (0..300).map(|_| Connection::open(server.address()).expect("a connection")).collect();
    assert_serves(server.address());
    drop(idle);

    let body = "grant_type=refresh_token&refresh_token=unknown";
    let one = format!(
        "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = Connection::open(server.address()).expect("a connection");
    connection.send(one.repeat(100).as_bytes()).expect("to be read");
    for n in 0..100 {
        let answer = connection.answer(false).unwrap_or_else(|e| panic!("request {n}: {e}"));
        answer.assert_refused(400, "invalid_grant");
        assert_token_endpoint(&answer, "pipelined");
    }
}

/// A good request with some bytes changed, cut or doubled.
#[test]
fn damaged_requests_never_get_5xx_and_never_silence() {
    let mut random = Random::announced();
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(&directory);
    let body = "{\"grant_type\":\"refresh_token\",\"client_id\":\"cc91c61d00f8bb2ece1428035716b\",\
                \"client_secret\":\"1d14434088507ffa390e6f5528465\",\"refresh_token\":\"unknown\"}";
    let good = format!(
        "POST /oauth/token?refresh HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for _ in 0..1000 {
        let mut bytes = good.clone().into_bytes();
        for _ in 0..=random.below(6) {
            let at = random.below(bytes.len() as u64) as usize;
            match random.below(4) {
                0 => bytes[at] = random.next() as u8,
                1 => bytes[at] ^= 1 << random.below(8),
                2 => drop(bytes.remove(at)),
                _ => {
                    let copy = bytes[at..(at + 20).min(bytes.len())].to_vec();
                    bytes.splice(at..at, copy);
                }
            }
        }
        let what = String::from_utf8_lossy(&bytes).into_owned();
        let mut connection = Connection::open(server.address()).expect("a connection");
        let _ = connection.send(&bytes);
        let _ = connection.finish_sending();
        match connection.answer(false) {
            Ok(answer) => assert!((100..500).contains(&answer.status), "{what:?}: {answer:?}"),
            // Only a head that never ends has no answer.
            Err(e) => assert!(!what.contains("\r\n\r\n"), "{e} for {what:?}"),
        }
    }
    assert_serves(server.address());
}
