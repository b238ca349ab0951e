//! Fixture files: refused with their place, loaded once, loaded many.

use std::fs;
use std::net::SocketAddr;
use std::time::Instant;

use crate::harness::{Answer, App, Command, FixtureFile, JILL, post_form, vendor_page};

const APP: App<'_> =
    App { client_id: vendor_page::CLIENT_ID, client_secret: vendor_page::CLIENT_SECRET, rotates: true };

/// Each mistake with the line it is on, and words of the reason.
#[test]
fn a_mistake_is_named_by_file_line_and_reason() {
    let people = "[[accounts]]\nemail_address = \"jack@example.com\"\n";
    let app = "[[api_apps]]\nowner = \"jack@example.com\"\nname = \"n\"\nclient_id = \"c\"\nclient_secret = \"s\"\n\
               callback_url = \"http://127.0.0.1:9000/callback\"\nscopes = [\"basic_account_info\"]\n";
    let code = "[[authorization_codes]]\ncode = \"1b0d28d90c86c141\"\nclient_id = \"c\"\naccount = ";
    let cases: [(String, usize, &[&str]); 9] = [
        (format!("{people}colour = \"red\"\n"), 3, &["colour"]),
        (format!("{people}\n[[grunts]]\nx = 1\n"), 4, &["grunts"]),
        (format!("{people}api_key = 7\n"), 3, &[]),
        (format!("{people}[[accounts]]\n"), 3, &["email_address"]),
        (format!("{people}[[accounts\n"), 3, &[]),
        (format!("{people}{people}"), 4, &["jack@example.com"]),
        (format!("{people}{app}{app}"), 13, &["twice"]),
        (format!("{people}{app}{code}\"nobody@example.com\"\n"), 13, &["nobody@example.com"]),
        (format!("{people}{}", app.replace("jack", "jake")), 4, &["jake@example.com"]),
    ];
    for (text, line, words) in cases {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("fixtures.toml");
        fs::write(&path, &text).expect("a file");
        let ended = Command::server(&directory.path().join("data")).fixtures(&path).run();
        let place = format!("{}:{line}", path.display());
        ended.assert_refused(&[&place]);
        ended.assert_refused(words);
        let reason = ended.stderr.split(&place).nth(1).unwrap_or_default();
        assert!(reason.trim().len() > 10, "no reason for {text}: {ended:?}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("nowhere.toml");
    let ended = Command::server(&directory.path().join("data")).fixtures(&path).run();
    ended.assert_refused(&["nowhere.toml"]);
}

#[test]
fn twenty_thousand_grants_load_and_loading_again_brings_nothing_back() {
    const GRANTS: usize = 20_000;
    let directory = tempfile::tempdir().expect("a directory");
    let data_dir = directory.path().join("data");
    let mut file = FixtureFile::with_people();
    file.app(APP);
    for n in 0..GRANTS {
        // An account keeps at most 50 grants of an app.
        if n % 40 == 0 {
            file.account(&format!("user-{}@example.com", n / 40));
        }
        file.grant(APP.client_id, &format!("user-{}@example.com", n / 40), &format!("refresh-token-{n:05}"));
    }
    file.code(APP.client_id, JILL, "used-code");
    file.code(APP.client_id, JILL, "unused-code");
    let fixtures = file.write(directory.path());
    let start = || Command::server(&data_dir).fixtures(&fixtures).start();

    let started = Instant::now();
    let server = start();
    println!("{GRANTS} grants: listening after {:?}", started.elapsed());
    let address = server.address();
    let (_, of_the_code) = exchange(address, "used-code").tokens();
    let mut rotated = Vec::new();
    for n in [0, 1, GRANTS / 2, GRANTS - 1] {
        let first = format!("refresh-token-{n:05}");
        let (_, second) = refresh(address, &first).tokens();
        let (_, third) = refresh(address, &second).tokens();
        rotated.push((first, third));
    }
    server.stop();

    let started = Instant::now();
    let server = start();
    println!("{GRANTS} grants again: listening after {:?}", started.elapsed());
    let address = server.address();
    exchange(address, "unused-code").tokens();
    refresh(address, &of_the_code).tokens();
    // After its tokens were tried: presented again later than ten seconds, a code ends its grant.
    exchange(address, "used-code").assert_refused(400, "invalid_request");
    for (first, third) in &rotated {
        refresh(address, third).tokens();
        refresh(address, first).assert_refused(400, "invalid_grant");
    }
    refresh(address, "refresh-token-00002").tokens();
}

fn exchange(address: SocketAddr, code: &str) -> Answer {
    let parameters = [
        ("grant_type", "authorization_code"),
        ("client_id", APP.client_id),
        ("client_secret", APP.client_secret),
        ("code", code),
    ];
    post_form(address, "/oauth/token", &parameters)
}

fn refresh(address: SocketAddr, token: &str) -> Answer {
    let parameters = [
        ("grant_type", "refresh_token"),
        ("client_id", APP.client_id),
        ("client_secret", APP.client_secret),
        ("refresh_token", token),
    ];
    post_form(address, "/oauth/token", &parameters)
}
