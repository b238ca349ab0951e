//! `hellosign oauth`: the two operations from a shell.

use std::fs;
use std::path::Path;
use std::process::{Command as StdCommand, Stdio};

use serde_json::Value;

use crate::harness::{Command, Ended, FixtureFile, Server, vendor_page};

fn server(directory: &Path) -> Server {
    let fixtures = FixtureFile::of_the_vendors_page().write(directory);
    Command::server(&directory.join("data")).fixtures(&fixtures).start()
}

fn oauth(server: &Server, operation: &str) -> Command {
    let url = format!("http://{}", server.address());
    let command = Command::new(["oauth", operation, "--client-id", vendor_page::CLIENT_ID, "--server", &url]);
    command.env("HELLOSIGN_CLIENT_SECRET", vendor_page::CLIENT_SECRET)
}

fn json(ended: &Ended) -> Value {
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(ended.stderr, "", "nothing but the answer is said");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {ended:?}"))
}

#[test]
fn a_code_becomes_tokens_and_a_refresh_token_an_access_token() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = server(directory.path());
    let generate = || oauth(&server, "generate").args(["--state", vendor_page::STATE]);
    let tokens = json(&generate().env("HELLOSIGN_CODE", vendor_page::CODE).run());
    assert_eq!(tokens["state"], vendor_page::STATE);
    assert_eq!(tokens["expires_in"], 86400);

    let file = directory.path().join("refresh token");
    fs::write(&file, format!("{}\n", tokens["refresh_token"].as_str().expect("a token"))).expect("a file");
    let refreshed = json(&oauth(&server, "refresh").arg("--refresh-token-file").arg(&file).run());
    assert_eq!(refreshed["refresh_token"], tokens["refresh_token"]);
    assert_ne!(refreshed["access_token"], tokens["access_token"]);
}

#[test]
fn everything_but_secrets_may_come_from_the_environment_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = server(directory.path());
    let command = Command::new(["oauth", "refresh"])
        .env("HELLOSIGN_SERVER", format!("http://{}", server.address()))
        .env("HELLOSIGN_CLIENT_ID", vendor_page::CLIENT_ID)
        .env("HELLOSIGN_CLIENT_SECRET", vendor_page::CLIENT_SECRET)
        .env("HELLOSIGN_REFRESH_TOKEN", vendor_page::REFRESH_TOKEN);
    assert_eq!(json(&command.run())["refresh_token"], vendor_page::REFRESH_TOKEN);
}

#[test]
fn a_refusal_ends_with_1_and_anything_else_with_2() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = server(directory.path());
    let refused = oauth(&server, "refresh").env("HELLOSIGN_REFRESH_TOKEN", "unknown-token").run();
    assert_eq!((refused.status.code(), refused.stdout.as_str()), (Some(1), ""), "{refused:?}");
    assert!(refused.stderr.contains("400 invalid_grant (Invalid grant data (refresh token))"), "{refused:?}");
    assert!(refused.stderr.contains("the user has to authorize the app again"), "{refused:?}");
    assert!(!refused.stderr.contains("unknown-token"), "{refused:?}");

    oauth(&server, "refresh").run().assert_refused(&["no refresh token: set HELLOSIGN_REFRESH_TOKEN"]);
    oauth(&server, "refresh").env("HELLOSIGN_REFRESH_TOKEN", "\n").run().assert_refused(&["is empty"]);
    let both = ["--code-file", "-", "--client-secret-file", "-"];
    oauth(&server, "generate").args(both).run().assert_refused(&["cannot both be stdin"]);
    Command::new(["oauth", "generate"])
        .run()
        .assert_refused(&["give --client-id or set HELLOSIGN_CLIENT_ID"]);
    let plain = ["oauth", "refresh", "--server", "http://192.0.2.1"];
    let plain = Command::new(plain).env("HELLOSIGN_REFRESH_TOKEN", "token");
    plain.run().assert_refused(&["in the clear"]);
    let address = server.address();
    server.stop();
    let nobody = format!("http://{address}");
    let gone =
        Command::new(["oauth", "refresh", "--server", &nobody]).env("HELLOSIGN_REFRESH_TOKEN", "token");
    gone.run().assert_refused(&["no connection to the server could be made"]);
    Command::new(["oauth", "refresh", "--refresh-token", "token"]).run().assert_refused(&["--refresh-token"]);
}

#[test]
fn at_a_terminal_secrets_are_asked_for_and_not_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = server(directory.path());
    let program = r#"
import os, pty, sys, termios, time
answers = sys.argv[1].split(",")
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
said = b""
while True:
    try:
        piece = os.read(terminal, 1024)
    except OSError:
        break
    if not piece:
        break
    said += piece
    if piece.endswith(b": "):
        # Nobody types before the terminal has stopped showing it.
        while termios.tcgetattr(terminal)[3] & termios.ECHO:
            time.sleep(0.001)
        os.write(terminal, answers.pop(0).encode() + b"\n")
sys.stdout.buffer.write(said)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;
    let url = format!("http://{}", server.address());
    let answers = format!("{},{}", vendor_page::CODE, vendor_page::CLIENT_SECRET);
    let output = StdCommand::new("python3")
        .args(["-c", program, &answers, env!("CARGO_BIN_EXE_hellosign"), "oauth", "generate"])
        .args(["--client-id", vendor_page::CLIENT_ID, "--server", &url])
        .env_remove("HELLOSIGN_CLIENT_SECRET")
        .stdin(Stdio::null())
        .output()
        .expect("python3");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("The code: ") && said.contains("The client secret: "), "{said}");
    assert!(said.contains("\"access_token\""), "{said}");
    assert!(!said.contains(vendor_page::CODE) && !said.contains(vendor_page::CLIENT_SECRET), "{said}");
}
