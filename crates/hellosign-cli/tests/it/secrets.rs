//! No secret, token, code or password in a log, on stdout or in the data directory, however it is spelled.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::harness::{Answer, Command, Connection, FixtureFile, JILL, bearer, get, post_form, post_json};

// Characters that each spelling spells in its own way.
const CLIENT_SECRET: &str = "client secret +/=&\"\\%41 <é> 5c2f";
const ROTATING_SECRET: &str = "rotating-secret/9e107d9d+372bb6826bd81d3542a419d6";
const PASSWORD: &str = "pass word\t\"\\%2B+ & ü 81dc9bdb52d0";
const API_KEY: &str = "api key \"with\" \\ everything / 26ab0db90d72e28ad0ba";
const CODES: [&str; 4] = ["1b0d28d90c86c141", "code/2+a=&\"\\é", "b7c1d2e3f4a59687", "0f1e2d3c4b5a6978"];
const TOKENS: [&str; 2] =
    ["hNTI2MTFmM2VmZDQxZTZjOWRmZmFjZmVmMGMyNGFjMzI2MGI5YzgzNmE3", "rotates/from+here=\"\\ü%20"];
const WRONG: [&str; 3] =
    ["wrong-secret-d41d8cd98f00b204", "wrong-code-e9800998ecf8427e", "wrong-token-ad0234829205b903"];

#[test]
fn nothing_secret_is_written_anywhere() {
    for log_format in ["human", "json"] {
        let directory = tempfile::tempdir().expect("a directory");
        let data_dir = directory.path().join("data");
        let fixtures = fixtures(directory.path());
        let start = |approval: &[&str]| {
            // No grace, so that theft shows without a wait.
            let flags = ["--log-format", log_format, "--rotation-grace", "0"];
            let command = Command::server(&data_dir).fixtures(&fixtures).args(flags).args(approval);
            command.env("RUST_LOG", "trace").start()
        };
        let server = start(&["--auto-approve", JILL]);
        let mut secrets = every_kind_of_request(server.address());
        // Its files while it runs, with what is not yet in the database proper; then those of a closed database.
        let mut haystacks = files(&data_dir);
        let ended = server.kill();
        haystacks
            .extend([("stdout".to_owned(), ended.stdout), ("stderr".to_owned(), ended.stderr)].map(bytes));
        // This time a person signs in and allows.
        let server = start(&[]);
        secrets.extend(every_kind_of_request(server.address()));
        let ended = server.stop();
        haystacks.extend(
            [("stdout 2".to_owned(), ended.stdout), ("stderr 2".to_owned(), ended.stderr)].map(bytes),
        );
        haystacks.extend(files(&data_dir).into_iter().map(|(name, bytes)| (name + " 2", bytes)));

        let log = String::from_utf8_lossy(&haystacks["stderr"]).into_owned();
        assert!(log.contains("/oauth/token"), "not a log of requests: {log:.2000}");
        if log_format == "json" {
            let is_json = |line: &str| serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object());
            assert!(log.lines().all(is_json), "not a JSON log: {log:.2000}");
        }
        for (place, content) in haystacks {
            // What is not UTF-8 becomes a mark; what lies between such bytes stays as it is.
            let content = String::from_utf8_lossy(&content);
            for (what, secret) in &secrets {
                if let Some(spelling) = spelling_in(secret, &content) {
                    panic!("{what} ({secret}) is in {place} as {spelling}, log format {log_format}");
                }
            }
        }
    }
}

/// Sends what clients send, right and wrong; gives what must not be found afterwards.
fn every_kind_of_request(address: SocketAddr) -> BTreeMap<String, String> {
    let mut visit = Visit { address, secrets: BTreeMap::new() };
    let fixed = [CLIENT_SECRET, ROTATING_SECRET, PASSWORD, API_KEY];
    for secret in fixed.iter().chain(&CODES).chain(&TOKENS).chain(&WRONG) {
        visit.keep("a given secret", secret);
    }
    visit.exchange_and_refresh();
    visit.rotate_and_steal();
    let access_token = visit.authorize();
    visit.put_credentials_anywhere(&access_token);
    visit.make_mistakes(&access_token);
    visit.secrets
}

fn exchange(code: &str, secret: &str) -> Value {
    json!({"grant_type": "authorization_code", "client_id": "plain", "client_secret": secret, "code": code})
}

fn refresh(client_id: &str, secret: &str, token: &str) -> Value {
    json!({"grant_type": "refresh_token", "client_id": client_id, "client_secret": secret, "refresh_token": token})
}

fn ticket(page: &Answer) -> String {
    let body = String::from_utf8_lossy(&page.body);
    let (_, rest) = body.split_once("name=\"ticket\" value=\"").unwrap_or_else(|| panic!("{page:?}"));
    rest.split('"').next().unwrap_or_default().to_owned()
}

struct Visit {
    address: SocketAddr,
    secrets: BTreeMap<String, String>,
}

impl Visit {
    fn keep(&mut self, what: &str, secret: &str) {
        self.secrets.insert(format!("{what} {secret}"), secret.to_owned());
    }

    /// Keeps the tokens of an answer that has some; gives its status.
    fn keep_tokens(&mut self, answer: &Answer) -> u16 {
        if answer.status == 200 {
            let (access_token, refresh_token) = answer.tokens();
            for token in [&access_token, &refresh_token].into_iter().filter(|token| token.is_ascii()) {
                // What makes a token one is its end, the MAC.
                self.keep("the end of a token", &token[token.len().saturating_sub(20)..]);
            }
            self.keep("an access token", &access_token);
            self.keep("a refresh token", &refresh_token);
        }
        answer.status
    }

    /// In each of the three kinds of body.
    fn send(&mut self, body: &Value) {
        let object = body.as_object().expect("an object");
        let pairs: Vec<(&str, &str)> =
            object.iter().map(|(name, value)| (name.as_str(), value.as_str().expect("a string"))).collect();
        for answer in [
            post_json(self.address, "/oauth/token", body),
            post_form(self.address, "/v3/oauth/token?refresh", &pairs),
            post_multipart(self.address, &pairs),
        ] {
            self.keep_tokens(&answer);
        }
    }

    fn exchange_and_refresh(&mut self) {
        for code in CODES {
            self.send(&exchange(code, CLIENT_SECRET));
        }
        self.send(&exchange(WRONG[1], CLIENT_SECRET));
        self.send(&exchange(CODES[0], WRONG[0]));
        self.send(&refresh("plain", CLIENT_SECRET, TOKENS[0]));
        self.send(&refresh("plain", WRONG[0], TOKENS[0]));
        self.send(&refresh("plain", CLIENT_SECRET, WRONG[2]));
        self.send(&json!({"grant_type": "password", "username": JILL, "password": PASSWORD}));
    }

    /// A rotation, its successor's, and the spent one again. On a second run the grant is over already.
    fn rotate_and_steal(&mut self) {
        let present = |token: &str| {
            post_json(self.address, "/oauth/token", &refresh("rotating", ROTATING_SECRET, token))
        };
        let rotated = present(TOKENS[1]);
        if rotated.status == 200 {
            let (access_token, second) = rotated.tokens();
            let again = present(&second);
            let (_, third) = again.tokens();
            get(self.address, "/v3/account", &[("Authorization", &bearer(&access_token))]);
            present(TOKENS[1]).assert_refused(400, "invalid_grant");
            present(&third).assert_refused(400, "invalid_grant");
            self.keep_tokens(&rotated);
            self.keep_tokens(&again);
        }
    }

    /// Authorized without being asked; the code comes in the callback's address. Gives an access token.
    fn authorize(&mut self) -> String {
        let query = "response_type=code&client_id=plain&state=900e06e2";
        let mut authorized = get(self.address, &format!("/oauth/authorize?{query}"), &[]);
        if authorized.status == 200 {
            authorized = self.sign_in_and_allow(&authorized);
        }
        assert_eq!(authorized.status, 303, "{authorized:?}");
        let location = authorized.header("location").expect("a callback");
        let code = location.split(['?', '&']).find_map(|pair| pair.strip_prefix("code=")).expect("a code");
        self.keep("an authorization code", code);
        let exchanged = post_json(self.address, "/oauth/token", &exchange(code, CLIENT_SECRET));
        assert_eq!(self.keep_tokens(&exchanged), 200, "{exchanged:?}");
        exchanged.tokens().0
    }

    /// What a person does at the pages: a wrong password, the right one, and consent.
    fn sign_in_and_allow(&mut self, page: &Answer) -> Answer {
        let before = self.keep_cookies(page);
        let ticket = ticket(page);
        let mut answer = page.clone();
        for password in [WRONG[0], PASSWORD] {
            let fields = [("ticket", ticket.as_str()), ("email_address", JILL), ("password", password)];
            answer = self.post("/oauth/authorize/sign_in", &fields, &before);
        }
        let cookies = self.keep_cookies(&answer);
        let location = answer.header("location").expect("the way back");
        let page = get(self.address, location, &[("Cookie", &cookies.join("; "))]);
        let ticket = self::ticket(&page);
        self.post("/oauth/authorize", &[("ticket", &ticket), ("decision", "allow")], &cookies)
    }

    /// The cookies that an answer sets, which are secrets.
    fn keep_cookies(&mut self, answer: &Answer) -> Vec<String> {
        let set = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
        let cookies: Vec<String> =
            set.filter_map(|(_, cookie)| cookie.split(';').next()).map(str::to_owned).collect();
        for cookie in &cookies {
            self.keep("a cookie", cookie.split_once('=').expect("a value").1);
        }
        cookies
    }

    fn post(&mut self, path: &str, fields: &[(&str, &str)], cookies: &[String]) -> Answer {
        let cookies = cookies.join("; ");
        let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Cookie", cookies.as_str())];
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", percent(value, true))).collect();
        request(self.address, &format!("POST {path}"), &headers, &body.join("&"))
    }

    /// Wherever clients put credentials, allowed or not.
    fn put_credentials_anywhere(&mut self, access_token: &str) {
        let basic =
            |user: &str, password: &str| format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        for authorization in [
            bearer(access_token),
            bearer(WRONG[2]),
            basic(API_KEY, ""),
            basic(WRONG[0], ""),
            basic(JILL, PASSWORD),
            basic("plain", CLIENT_SECRET),
            basic("plain", &percent(CLIENT_SECRET, false)),
        ] {
            let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
            get(self.address, "/v3/account", &headers);
            let body = json!({"grant_type": "authorization_code", "code": CODES[2]}).to_string();
            let answer = request(self.address, "POST /oauth/token", &headers, &body);
            self.keep_tokens(&answer);
        }
        let secret = percent(CLIENT_SECRET, false);
        for path in [
            format!("/v3/account?access_token={access_token}"),
            format!("/oauth/authorize?client_id=plain&client_secret={secret}&state={}", CODES[3]),
            format!("/oauth/token?client_secret={secret}&code={}", CODES[0]),
            format!("/oauth/token/{}?{}", CODES[0], TOKENS[0]),
            format!("/{access_token}"),
        ] {
            get(self.address, &path, &[]);
            post_form(self.address, &path, &[]);
        }
    }

    /// In the wrong field, as the name of one, and in what cannot be parsed.
    fn make_mistakes(&mut self, access_token: &str) {
        post_form(self.address, "/oauth/token", &[("grant_type", CODES[0]), ("client_id", access_token)]);
        post_form(self.address, "/oauth/token", &[(TOKENS[0], "1"), (TOKENS[0], "2")]);
        let body = json!({"client_id": CLIENT_SECRET, "grant_type": {"x": TOKENS[0]}});
        post_json(self.address, "/oauth/token", &body);
        for broken in
            [format!("{{\"refresh_token\": \"{}\"", TOKENS[0]), format!("code={}&code=%zz", CODES[0])]
        {
            for content_type in ["application/json", "application/x-www-form-urlencoded", TOKENS[0]] {
                let headers = [("Content-Type", content_type), ("X-Api-Key", WRONG[0])];
                request(self.address, "POST /oauth/token", &headers, &broken);
            }
        }
    }
}

fn request(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut connection = Connection::open(address).expect("a connection");
    connection.request(line, headers, body.as_bytes()).expect("an answer")
}

fn fixtures(directory: &Path) -> std::path::PathBuf {
    let mut file = FixtureFile::default();
    file.account("jack@example.com");
    file.table("accounts", &[("email_address", JILL), ("password", PASSWORD), ("api_key", API_KEY)], "");
    for (client_id, secret, rest) in [
        ("plain", CLIENT_SECRET, "scopes = [\"basic_account_info\"]\n"),
        ("rotating", ROTATING_SECRET, "scopes = [\"basic_account_info\"]\nrefresh_token_rotation = true\n"),
    ] {
        let strings = [
            ("owner", "jack@example.com"),
            ("name", client_id),
            ("client_id", client_id),
            ("client_secret", secret),
            ("callback_url", "http://127.0.0.1:9000/callback"),
        ];
        file.table("api_apps", &strings, rest);
    }
    for code in CODES {
        file.code("plain", JILL, code);
    }
    file.grant("plain", JILL, TOKENS[0]);
    file.grant("rotating", JILL, TOKENS[1]);
    file.write(directory)
}

fn post_multipart(address: SocketAddr, parameters: &[(&str, &str)]) -> Answer {
    let mut body = String::new();
    for (name, value) in parameters {
        write!(body, "--limit\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
            .unwrap();
    }
    body.push_str("--limit--\r\n");
    let headers = [("Content-Type", "multipart/form-data; boundary=limit")];
    request(address, "POST /oauth/token", &headers, &body)
}

fn bytes((name, text): (String, String)) -> (String, Vec<u8>) {
    (name, text.into_bytes())
}

/// Every file of the data directory but the one that holds the server's own secret, and no other.
fn files(data_dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries =
        fs::read_dir(data_dir).expect("a data directory").map(|entry| entry.expect("an entry").path());
    let read = |path: std::path::PathBuf| (path.display().to_string(), fs::read(&path).expect("a file"));
    entries.filter(|path| !path.ends_with("server.key")).map(read).collect()
}

/// How a secret is spelled in `content`, if it is there.
fn spelling_in(secret: &str, content: &str) -> Option<&'static str> {
    spellings(secret).into_iter().find(|(_, spelled)| content.contains(spelled)).map(|(name, _)| name)
}

fn spellings(secret: &str) -> Vec<(&'static str, String)> {
    let bytes = secret.as_bytes();
    let hex = bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let json = Value::from(secret).to_string();
    let json = json.trim_matches('"').to_owned();
    let list: Vec<String> = bytes.iter().map(u8::to_string).collect();
    let mut all = vec![
        ("it is", secret.to_owned()),
        ("percent-encoding", percent(secret, false)),
        ("percent-encoding in lower case", percent(secret, false).to_ascii_lowercase()),
        ("percent-encoding of every byte", percent(secret, true)),
        ("form encoding", percent(secret, false).replace("%20", "+")),
        ("hexadecimal", hex.to_ascii_uppercase()),
        ("hexadecimal in lower case", hex),
        ("JSON within JSON", Value::from(json.as_str()).to_string().trim_matches('"').to_owned()),
        ("JSON", json),
        ("Rust's Debug", format!("{secret:?}").trim_matches('"').to_owned()),
        ("Rust's escapes", bytes.escape_ascii().to_string()),
        ("a list of bytes", list.join(", ")),
    ];
    // Base64 of a text around it: three positions, and only what no neighbor changes.
    for position in 0..3 {
        let inner = &bytes[((3 - position) % 3).min(bytes.len())..];
        let inner = &inner[..inner.len() / 3 * 3];
        if inner.len() >= 9 {
            all.push(("base64", STANDARD.encode(inner)));
            all.push(("base64url", URL_SAFE_NO_PAD.encode(inner)));
        }
    }
    all
}

fn percent(text: &str, all: bool) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if !all && (byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").unwrap();
        }
        encoded
    })
}

/// The check of the check.
#[test]
fn a_planted_secret_is_found_in_every_spelling() {
    for secret in [CLIENT_SECRET, PASSWORD, API_KEY, CODES[0], CODES[1], TOKENS[0]] {
        assert_eq!(spelling_in(secret, "nothing of that kind"), None);
        for (name, spelled) in spellings(secret) {
            let log = format!("some log {spelled} more of it");
            assert!(spelling_in(secret, &log).is_some(), "{name} of {secret}");
        }
        for before in ["", "a", "ab", "user:", "a long user:"] {
            for after in ["", "x", "xy", "xyz"] {
                let encoded = STANDARD.encode(format!("{before}{secret}{after}"));
                assert!(spelling_in(secret, &encoded).is_some(), "{before:?} {secret} {after:?}");
            }
        }
    }
}

/// A mistake beside a secret is told without it.
#[test]
fn a_fixtures_mistake_does_not_show_the_secret_beside_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("fixtures.toml");
    let account = "[[accounts]]\nemail_address = \"jack@example.com\"\n";
    for text in [
        format!("{account}password = \"{}\" oops\n", TOKENS[0]),
        format!("{account}password = [\"{}\"]\n", TOKENS[0]),
        format!("{account}passwort = \"{}\"\n", TOKENS[0]),
        format!(
            "{account}api_key = \"{0}\"\n[[accounts]]\nemail_address = \"a@b.c\"\napi_key = \"{0}\"\n",
            TOKENS[0]
        ),
        format!("{account}password = \"{}\n", TOKENS[0]),
    ] {
        fs::write(&path, &text).expect("a file");
        let command =
            Command::server(&directory.path().join("data")).fixtures(&path).env("RUST_LOG", "trace");
        let ended = command.run();
        assert_eq!(ended.status.code(), Some(2), "{text}: {ended:?}");
        let all = ended.stdout + &ended.stderr;
        assert_eq!(spelling_in(TOKENS[0], &all), None, "{text}: {all}");
    }
}
