//! The OpenAPI document, held against the server by Schemathesis: it makes requests up from it, good ones and bad ones,
//! and looks whether each answer is one that the document has.

use std::path::{Path, PathBuf};
use std::process::Command as StdCommand;

use hellosign_server::emulator::RecordedRequest;
use hellosign_testkit::{API_KEY, Request, TestServer};

use crate::harness::{environment, python};

/// By how many made-up requests each operation is tried out.
fn examples() -> &'static str {
    if environment("HELLOSIGN_LONG").is_some() { "1000" } else { "25" }
}

fn schemathesis(server: &TestServer, more: &[&str]) {
    let requirements: PathBuf =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/openapi/requirements.txt");
    // It writes down what it has found where it is started.
    let directory = tempfile::tempdir().expect("a directory");
    let output = StdCommand::new(python(&requirements))
        .current_dir(&directory)
        .args([
            "-c",
            "from schemathesis.cli import schemathesis; schemathesis()",
            "run",
            &format!("{}/openapi.json", server.url()),
            "--url",
            &server.url(),
        ])
        .args([
            "--auth",
            &format!("{API_KEY}:"),
            "--max-redirects",
            "0",
            "--no-color",
            "--generation-deterministic",
        ])
        // What is not refused that it might be is the vendor's leniency: unknown fields, numbers for texts. And other
        // methods than POST are invalid_request at the token endpoint.
        .args(["--exclude-checks", "negative_data_rejection,positive_data_acceptance,unsupported_method"])
        .args(more)
        .output()
        .expect("python");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_one_that_is_documented() {
    let server = TestServer::spawn_in_real_time(|config| config.rate_limit = None).await;
    let control = server.control();

    let document = server.send(Request::new("GET", "/openapi.json")).await.json();
    let paths = document["paths"].as_object().expect("an object").values();
    for operation in paths.flat_map(|path| path.as_object().expect("an object").values()) {
        let id = operation["operationId"].as_str().expect("each has one");
        control.reset().await.unwrap();
        schemathesis(&server, &["--phases", "examples,coverage", "--include-operation-id", id]);
        let is_answered = |request: &RecordedRequest| request.status.is_some_and(|status| status < 400);
        // The document itself is asked for first, each time.
        let answered = control.requests().iter().skip(1).filter(|request| is_answered(request)).count();
        // A decision takes a ticket, which only a page has; what probes ask is not recorded.
        let is_unseen = ["oauthDecide", "healthz", "readyz"].contains(&id);
        assert!(answered > 0 || is_unseen, "no request for {id} was one that can be answered");
    }

    control.reset().await.unwrap();
    schemathesis(&server, &["--phases", "fuzzing,stateful", "--max-examples", examples()]);
}
