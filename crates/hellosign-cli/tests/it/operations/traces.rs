//! Traces, as a collector gets them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use super::server;
use crate::harness::{Answer, Command, Connection, Server, vendor_page};

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID: &str = "00f067aa0ba902b7";

/// Takes whatever is exported, until the test is over.
struct Collector {
    address: SocketAddr,
    exported: Receiver<(String, Vec<u8>)>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (found, exported) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                if Self::take(stream, &found).is_err() {
                    return;
                }
            }
        });
        Self { address, exported }
    }

    fn take(stream: TcpStream, found: &Sender<(String, Vec<u8>)>) -> Result<(), Box<dyn std::error::Error>> {
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let head = head.to_ascii_lowercase();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).ok_or("no length")?;
        let mut body = vec![0; length.trim().parse()?];
        stream.read_exact(&mut body)?;
        stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
        Ok(found.send((head, body))?)
    }

    /// All that was exported by a server that has ended: it leaves nothing behind.
    fn spans(&self) -> (Vec<Span>, Vec<u8>) {
        let (mut spans, mut bytes) = (Vec::new(), Vec::new());
        while let Ok((head, body)) = self.exported.recv_timeout(Duration::from_secs(1)) {
            assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
            assert!(head.contains("content-type: application/x-protobuf"), "{head}");
            assert!(head.contains("x-tenant: mine"), "the standard's variable: {head}");
            bytes.extend_from_slice(&body);
            let request = ExportTraceServiceRequest::decode(body.as_slice()).expect("an export");
            for resource in request.resource_spans {
                spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        }
        (spans, bytes)
    }
}

fn attribute(span: &Span, key: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|attribute| attribute.value.clone()?.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{key} of {span:?} is {other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn start(directory: &tempfile::TempDir, collector: &Collector) -> Server {
    let command = server(directory.path(), "data").env("RUST_LOG", "warn");
    let command = command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", collector.address));
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=mine").start()
}

fn refresh(server: &Server, traceparent: Option<&str>) -> Answer {
    let body = format!(
        "grant_type=refresh_token&client_id={}&client_secret={}&refresh_token={}",
        vendor_page::CLIENT_ID,
        vendor_page::CLIENT_SECRET,
        vendor_page::REFRESH_TOKEN
    );
    let mut headers = vec![("Content-Type", "application/x-www-form-urlencoded")];
    headers.extend(traceparent.map(|value| ("traceparent", value)));
    let mut connection = Connection::open(server.address()).expect("a connection");
    let line = "POST /oauth/token?refresh&planted=query";
    let answer = connection.request(line, &headers, body.as_bytes()).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

#[test]
fn each_request_is_a_span_within_its_caller_s_trace() {
    let (directory, collector) = (tempfile::tempdir().expect("a directory"), Collector::start());
    let server = start(&directory, &collector);
    let traced = refresh(&server, Some(&format!("00-{TRACE_ID}-{PARENT_ID}-01")));
    let by_itself = refresh(&server, None);
    let unsampled = refresh(&server, Some(&format!("00-{TRACE_ID}-{PARENT_ID}-00")));
    let mut connection = Connection::open(server.address()).expect("a connection");
    connection.request("PLANTED /planted/path", &[], b"").expect("an answer");
    server.stop();
    let (spans, bytes) = collector.spans();
    let of = |answer: &Answer| {
        let id = answer.header("x-request-id").expect("an id").to_owned();
        spans.iter().find(|span| attribute(span, "hellosign.request_id") == id)
    };
    let span = of(&traced).expect("a span");
    assert_eq!((hex(&span.trace_id), hex(&span.parent_span_id)), (TRACE_ID.to_owned(), PARENT_ID.to_owned()));
    assert_eq!(span.name, "POST /oauth/token");
    assert_eq!(attribute(span, "http.route"), "/oauth/token");
    assert_eq!(attribute(span, "http.request.method"), "POST");
    assert_eq!(attribute(span, "http.response.status_code"), "200");
    assert!(span.start_time_unix_nano > 0 && span.end_time_unix_nano > span.start_time_unix_nano);
    let root = of(&by_itself).expect("a span");
    assert_eq!(root.parent_span_id, Vec::<u8>::new());
    assert_ne!(hex(&root.trace_id), TRACE_ID);
    assert!(of(&unsampled).is_none(), "its caller does not want it");
    assert_eq!(spans.len(), 3);
    assert!(spans.iter().any(|span| span.name == "_OTHER none"), "{spans:?}");

    let text = String::from_utf8_lossy(&bytes);
    let secrets = [
        vendor_page::REFRESH_TOKEN,
        vendor_page::CLIENT_SECRET,
        vendor_page::CLIENT_ID,
        "planted",
        "PLANTED",
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(text.contains("hellosign"), "the service's name");
}

#[test]
fn a_collector_that_is_away_keeps_nobody() {
    let directory = tempfile::tempdir().expect("a directory");
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let command = server(directory.path(), "data");
    let server = command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{gone}")).start();
    refresh(&server, None);
    let ended = server.stop();
    assert!(ended.stderr.contains("traces could not be sent"), "{ended:?}");
}

#[test]
fn what_traces_cannot_be_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let refused = |name: &str, value: &str, words: &[&str]| {
        let command = Command::server(&directory.path().join("data"));
        let command = command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        command.env(name, value).run().assert_refused(words);
    };
    refused("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.example:4318", &["http://"]);
    refused("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", &["http/protobuf"]);
    refused("OTEL_EXPORTER_OTLP_TIMEOUT", "soon", &["OTEL_EXPORTER_OTLP_TIMEOUT"]);
}
