//! As much of WebDriver (W3C) as driving a page takes: JSON over the harness's own HTTP.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::{Connection, environment, wait_until};

/// Longer than a page takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// By what an answer names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A headless Chromium with a profile of its own.
#[derive(Debug)]
pub(super) struct Chromium {
    driver: Child,
    address: SocketAddr,
    session: String,
    _profile: tempfile::TempDir,
}

/// How a page is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) width: u32,
    pub(super) is_dark: bool,
}

impl Chromium {
    /// Starts one in which pages run no script.
    pub(super) fn start(look: Look) -> Self {
        let profile = tempfile::tempdir().expect("a directory");
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let program = environment("HELLOSIGN_TEST_CHROMEDRIVER").unwrap_or_else(|| "chromedriver".to_owned());
        let driver = std::process::Command::new(&program)
            .args([format!("--port={port}"), "--log-level=SEVERE".to_owned()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("{program}: {e}; ./check installs it"));
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut chromium = Self { driver, address, session: String::new(), _profile: profile };
        assert!(wait_until(PATIENCE, || Connection::open(address).is_ok()), "chromedriver did not start");
        let mut arguments = vec![
            "--headless=new".to_owned(),
            // A test may run as root, in a container without user namespaces.
            "--no-sandbox".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-gpu".to_owned(),
            "--hide-scrollbars".to_owned(),
            format!("--user-data-dir={}", chromium._profile.path().display()),
        ];
        if look.is_dark {
            arguments.push("--force-dark-mode".to_owned());
            arguments.push("--blink-settings=preferredColorScheme=0".to_owned());
        }
        let options = json!({
            "args": arguments,
            "mobileEmulation": {
                "deviceMetrics": { "width": look.width, "height": 800, "pixelRatio": 1.0, "mobile": false, "touch": false },
            },
            "prefs": { "profile.managed_default_content_settings.javascript": 2 },
        });
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options,
        } } });
        let started = chromium.call("POST", "/session", &capabilities);
        chromium.session = started["sessionId"].as_str().expect("a session").to_owned();
        chromium
    }

    pub(super) fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    pub(super) fn url(&self) -> String {
        self.get("/url").as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn title(&self) -> String {
        self.get("/title").as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the page's address starts so.
    pub(super) fn wait_for_url(&self, start: &str) -> String {
        assert!(wait_until(PATIENCE, || self.url().starts_with(start)), "the browser is at {}", self.url());
        self.url()
    }

    pub(super) fn text(&self, selector: &str) -> String {
        let id = self.element(selector);
        self.get(&format!("/element/{id}/text")).as_str().unwrap_or_default().to_owned()
    }

    /// Waits for a page that says this. Asked in one request: an element that is found may be gone,
    /// with its page, when it is asked for its text.
    pub(super) fn wait_for_text(&self, text: &str) {
        let page = format!("//body[contains(normalize-space(), '{text}')]");
        assert!(wait_until(PATIENCE, || self.finds("xpath", &page)), "{text:?} is not at {}", self.url());
    }

    /// Waits for a page with such an element: a click returns before the next page is there.
    pub(super) fn wait_for(&self, selector: &str) {
        assert!(wait_until(PATIENCE, || self.has(selector)), "{selector} is not at {}", self.url());
    }

    pub(super) fn has(&self, selector: &str) -> bool {
        self.finds("css selector", selector)
    }

    fn finds(&self, using: &str, value: &str) -> bool {
        let found = self.post("/elements", &json!({ "using": using, "value": value }));
        found.as_array().is_some_and(|found| !found.is_empty())
    }

    pub(super) fn write(&self, selector: &str, text: &str) {
        let id = self.element(selector);
        self.post(&format!("/element/{id}/clear"), &json!({}));
        self.post(&format!("/element/{id}/value"), &json!({ "text": text }));
    }

    pub(super) fn click(&self, selector: &str) {
        let id = self.element(selector);
        self.post(&format!("/element/{id}/click"), &json!({}));
    }

    /// What an element's style comes to.
    pub(super) fn css(&self, selector: &str, property: &str) -> String {
        let id = self.element(selector);
        self.get(&format!("/element/{id}/css/{property}")).as_str().unwrap_or_default().to_owned()
    }

    /// Left edge and width of an element, in CSS pixels.
    pub(super) fn extent(&self, selector: &str) -> (f64, f64) {
        let id = self.element(selector);
        let rect = self.get(&format!("/element/{id}/rect"));
        (rect["x"].as_f64().unwrap_or_default(), rect["width"].as_f64().unwrap_or_default())
    }

    pub(super) fn accessible_name(&self, selector: &str) -> String {
        let id = self.element(selector);
        self.get(&format!("/element/{id}/computedlabel")).as_str().unwrap_or_default().to_owned()
    }

    /// Keeps a picture of the page.
    pub(super) fn screenshot(&self, path: &Path) {
        let picture = STANDARD.decode(self.get("/screenshot").as_str().unwrap_or_default()).expect("base64");
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory for pictures");
        fs::write(path, picture).expect("a picture");
    }

    fn element(&self, selector: &str) -> String {
        let wanted = json!({ "using": "css selector", "value": selector });
        let found = self.post("/element", &wanted);
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("{selector} is not at {}", self.url())).to_owned()
    }

    fn get(&self, path: &str) -> Value {
        self.call("GET", &format!("/session/{}{path}", self.session), &Value::Null)
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", &format!("/session/{}{path}", self.session), body)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let headers = [("Content-Type", "application/json")];
        let answer = Connection::open(self.address)
            .and_then(|mut connection| {
                connection.request(&format!("{method} {path}"), &headers, body.as_bytes())
            })
            .unwrap_or_else(|e| panic!("{method} {path}: {e}"));
        let mut json = answer.json();
        assert!(answer.status == 200, "{method} {path}: {}", json["value"]["message"]);
        json["value"].take()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Ends the browser, which killing its driver would not.
        if !self.session.is_empty()
            && let Ok(mut connection) = Connection::open(self.address)
        {
            let _ = connection.request(&format!("DELETE /session/{}", self.session), &[], b"");
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
