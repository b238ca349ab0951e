//! A person at a real browser: Chromium, headless, without JavaScript.

mod webdriver;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;

use self::webdriver::{Chromium, Look};
use crate::harness::{Command, Ended, FixtureFile, JILL, Server, post_form, vendor_page};
use crate::sdk_examples::built;

/// Jill's.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
const WIDE: Look = Look { width: 1280, is_dark: false };

/// An app's own web server: answers whatever the browser asks of it.
fn callback() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ =
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nwelcome");
        }
    });
    address
}

fn server(directory: &Path) -> Server {
    let mut file = FixtureFile::default();
    file.account("jack@example.com");
    file.table("accounts", &[("email_address", JILL), ("password", PASSWORD)], "");
    let strings = [
        ("owner", "jack@example.com"),
        ("name", "Contract portal"),
        ("client_id", vendor_page::CLIENT_ID),
        ("client_secret", vendor_page::CLIENT_SECRET),
        ("callback_url", "http://127.0.0.1:9000/callback"),
    ];
    file.table("api_apps", &strings, "scopes = [\"basic_account_info\", \"request_signature\"]\n");
    Command::server(&directory.join("data")).fixtures(&file.write(directory)).start()
}

fn authorization_url(server: &Server, callback: SocketAddr) -> String {
    format!(
        "http://{}/oauth/authorize?response_type=code&client_id={}&state=900e06e2&redirect_uri=http://{callback}/callback",
        server.address(),
        vendor_page::CLIENT_ID
    )
}

fn sign_in(chromium: &Chromium, password: &str) {
    chromium.write("[name=email_address]", JILL);
    chromium.write("[name=password]", password);
    chromium.click("form button");
}

/// Jill opens the page, signs in, allows, and is welcomed at the callback.
pub(crate) fn allow(url: &str) {
    let chromium = Chromium::start(WIDE);
    chromium.open(url);
    sign_in(&chromium, PASSWORD);
    chromium.wait_for("[value=allow]");
    chromium.click("[name=decision][value=allow]");
    chromium.wait_for_text("welcome");
}

fn pictures() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots")
}

#[test]
fn a_person_signs_in_and_allows_and_the_browser_reaches_the_callback() {
    let directory = tempfile::tempdir().expect("a directory");
    let (server, callback) = (server(directory.path()), callback());
    let chromium = Chromium::start(WIDE);

    chromium.open(&authorization_url(&server, callback));
    assert_eq!(chromium.title(), "Sign in to continue to Contract portal");
    sign_in(&chromium, "wrong");
    chromium.wait_for("[role=alert]");
    assert_eq!(chromium.text("[role=alert]"), "That address and password do not go together.");
    sign_in(&chromium, PASSWORD);
    chromium.wait_for("[value=allow]");

    assert_eq!(chromium.title(), "Allow Contract portal?");
    assert!(chromium.text("main").contains(&callback.to_string()), "{}", chromium.text("main"));
    chromium.click("[name=decision][value=allow]");
    let reached = chromium.wait_for_url(&format!("http://{callback}/callback?code="));
    chromium.wait_for_text("welcome");
    let (code, state) =
        reached.split_once("code=").and_then(|(_, rest)| rest.split_once('&')).expect("a code");
    assert_eq!(state, "state=900e06e2");

    let redirect_uri = format!("http://{callback}/callback");
    let parameters = [
        ("grant_type", "authorization_code"),
        ("client_id", vendor_page::CLIENT_ID),
        ("client_secret", vendor_page::CLIENT_SECRET),
        ("code", code),
        ("redirect_uri", redirect_uri.as_str()),
    ];
    let tokens = post_form(server.address(), "/oauth/token", &parameters);
    assert_eq!(tokens.status, 200, "{tokens:?}");

    // Signed in already; every authorization asks all the same, and this time the answer is no.
    chromium.open(&authorization_url(&server, callback));
    chromium.click("[name=decision][value=deny]");
    let reached = chromium.wait_for_url(&format!("http://{callback}/callback?error="));
    assert!(reached.contains("error=access_denied&") && reached.ends_with("&state=900e06e2"), "{reached}");

    chromium.open(&authorization_url(&server, callback));
    chromium.click("form.other button");
    chromium.wait_for("[name=password]");
    let log = server.stop().stderr;
    assert!(!log.contains(PASSWORD) && !log.contains(code), "{log}");
}

#[test]
fn the_pages_fit_every_screen_and_name_their_fields() {
    let directory = tempfile::tempdir().expect("a directory");
    let (server, callback) = (server(directory.path()), callback());
    for (width, is_dark) in [(320, false), (320, true), (1280, false), (1280, true)] {
        let chromium = Chromium::start(Look { width, is_dark });
        let shade = if is_dark { "dark" } else { "light" };
        let picture = |page: &str| {
            let (left, extent) = chromium.extent("main");
            assert!(left >= 0.0 && left + extent <= f64::from(width), "{page}: {left} + {extent} of {width}");
            for wide in ["h1", "input:not([type=hidden])", ".buttons"] {
                if chromium.has(wide) {
                    let (left, extent) = chromium.extent(wide);
                    assert!(left + extent <= f64::from(width), "{page}: {wide} ends at {}", left + extent);
                }
            }
            let paper = chromium.css("body", "background-color");
            let expected = if is_dark { "rgba(20, 24, 30, 1)" } else { "rgba(244, 245, 247, 1)" };
            assert_eq!(paper, expected, "{page} in {shade}");
            chromium.screenshot(&pictures().join(format!("{page}-{width}-{shade}.png")));
        };
        chromium.open(&authorization_url(&server, callback));
        picture("sign_in");
        assert_eq!(chromium.accessible_name("[name=email_address]"), "Email address");
        assert_eq!(chromium.accessible_name("[name=password]"), "Password");
        sign_in(&chromium, "wrong");
        chromium.wait_for("[role=alert]");
        picture("sign_in_wrong");
        sign_in(&chromium, PASSWORD);
        chromium.wait_for("[value=allow]");
        picture("consent");
        assert_eq!(chromium.accessible_name("[value=allow]"), "Allow");
        assert_eq!(chromium.accessible_name("[value=deny]"), "Deny");
        chromium.open(&format!("http://{}/oauth/authorize?client_id=unknown", server.address()));
        picture("refused");
        assert!(!chromium.has("a, form, button"), "there is no way on from here");
    }
}

/// Starts the tour, and does what the person at its page does.
fn tour(chromium: &Chromium, decision: &str) -> Ended {
    let mut tour = Command::new(["quickstart", "--browser"]).env("BROWSER", "true").spawn();
    let password =
        tour.line(|line| line.split_once("the password ").map(|(_, password)| password.to_owned()));
    let url = tour.line(|line| line.trim().strip_prefix("http://").map(|rest| format!("http://{rest}")));
    chromium.open(&url);
    sign_in(chromium, password.trim_end_matches('.'));
    chromium.wait_for("[value=allow]");
    chromium.click(&format!("[name=decision][value={decision}]"));
    chromium.wait_for_text("You can close this page");
    tour.ended()
}

#[test]
fn quickstart_waits_for_the_person() {
    let chromium = Chromium::start(WIDE);
    let ended = tour(&chromium, "allow");
    assert!(ended.status.success(), "{ended:?}");
    let last = ended.stdout.lines().last().unwrap_or_default();
    assert_eq!(last, "ok: jill@example.com's access token was refreshed; it expires in 86400 s");

    let ended = tour(&chromium, "deny");
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("the user denied the authorization"), "{ended:?}");
}

/// The SDK's web app, from nothing to an account, and again after it was restarted.
#[test]
fn the_web_app_signs_a_person_in_and_knows_her_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = server(directory.path());
    let web_app = |address: &str| {
        let mut app = std::process::Command::new(built("web_app"))
            .args([format!("http://{}", server.address()), address.to_owned()])
            .current_dir(directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example");
        let mut line = String::new();
        let stdout = app.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        (app, line.trim().strip_prefix("listening on ").expect("an address").to_owned())
    };
    let (mut app, origin) = web_app("127.0.0.1:0");
    let chromium = Chromium::start(WIDE);
    chromium.open(&origin);
    chromium.click("a");
    chromium.wait_for("[name=password]");
    sign_in(&chromium, PASSWORD);
    chromium.wait_for("[value=allow]");
    chromium.click("[name=decision][value=allow]");
    chromium.wait_for_text(&format!("Signed in as {JILL}"));
    assert_eq!(chromium.url(), format!("{origin}/"));

    app.kill().and_then(|()| app.wait()).expect("it ends");
    let (mut app, _) = web_app(origin.trim_start_matches("http://"));
    chromium.open(&origin);
    chromium.wait_for_text(&format!("Signed in as {JILL}"));
    app.kill().and_then(|()| app.wait()).expect("it ends");
}
