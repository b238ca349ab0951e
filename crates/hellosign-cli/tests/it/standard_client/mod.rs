//! A client for any OAuth server, written by others, against the strict profile: it finds everything by the metadata, and
//! a person allows it on the real pages.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command as StdCommand, Stdio};

use serde_json::Value;

use crate::browser::{PASSWORD, allow};
use crate::harness::{Command, FixtureFile, JILL, node_directory, vendor_page};

const PUBLIC_ID: &str = "public-app";

#[test]
fn openid_client_walks_the_whole_flow() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut file = FixtureFile::default();
    file.account("jack@example.com");
    file.table("accounts", &[("email_address", JILL), ("password", PASSWORD)], "");
    let strings = [
        ("owner", "jack@example.com"),
        ("name", "Contract portal"),
        ("callback_url", "http://127.0.0.1:9000/callback"),
    ];
    let with = |more: &[(&'static str, &'static str)]| [&strings[..], more].concat();
    let scopes = "scopes = [\"basic_account_info\", \"request_signature\"]\n";
    let confidential = [("client_id", vendor_page::CLIENT_ID), ("client_secret", vendor_page::CLIENT_SECRET)];
    file.table("api_apps", &with(&confidential), scopes);
    file.table("api_apps", &with(&[("client_id", PUBLIC_ID)]), scopes);
    let fixtures = file.write(directory.path());
    let data_dir = directory.path().join("data");
    let server = Command::server(&data_dir).fixtures(&fixtures).args(["--profile", "strict"]).start();
    let issuer = format!("http://{}", server.address());

    for (client_id, method) in [
        (vendor_page::CLIENT_ID, "client_secret_post"),
        (vendor_page::CLIENT_ID, "client_secret_basic"),
        (PUBLIC_ID, "none"),
    ] {
        let seen = flow(&issuer, client_id, method);
        assert_eq!(seen["iss"], issuer.as_str(), "{method}");
        assert_eq!(seen["account"]["account"]["email_address"], JILL, "{method}: {seen}");
        assert_eq!(seen["tokens"]["scope"], "basic_account_info request_signature", "{method}");
        assert_ne!(seen["refreshed"]["refresh_token"], seen["tokens"]["refresh_token"], "{method}");
        if method != "none" {
            assert_eq!(seen["introspected"]["active"], true, "{method}: {seen}");
            assert_eq!(seen["introspected"]["client_id"], client_id, "{method}");
        }
        assert_eq!(seen["afterwards"], "invalid_grant", "{method}: it was revoked");
        assert_eq!(seen["challenge"][0]["scheme"], "bearer", "{method}: {seen}");
        assert_eq!(seen["challenge"][0]["parameters"]["error"], "invalid_token", "{method}: RFC 6750");
    }
}

/// Has the script do its part, and a person theirs.
fn flow(issuer: &str, client_id: &str, method: &str) -> Value {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/standard_client");
    let directory = node_directory(&here);
    let script = directory.path().join("flow.mjs");
    fs::copy(here.join("flow.mjs"), &script).expect("the script");
    let mut client = StdCommand::new("node")
        .arg(&script)
        .args([issuer, client_id, method])
        .env("CLIENT_SECRET", vendor_page::CLIENT_SECRET)
        .stdout(Stdio::piped())
        .spawn()
        .expect("node");
    let mut stdout = BufReader::new(client.stdout.take().expect("piped"));
    let mut url = String::new();
    stdout.read_line(&mut url).expect("a URL");
    if url.is_empty() {
        panic!("{method}: the client ended: {:?}", client.wait());
    }
    allow(url.trim());
    let mut seen = String::new();
    stdout.read_to_string(&mut seen).expect("what came of it");
    assert!(client.wait().is_ok_and(|status| status.success()), "{method}");
    serde_json::from_str(&seen).unwrap_or_else(|error| panic!("{method}: {error}: {seen:?}"))
}
