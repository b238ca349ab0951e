//! HTTP/1.1 over a bare socket: the tests see every byte of an answer, and can send what no client library would.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Longer than any answer takes; a read that waits longer fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection that is kept from one request to the next.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish_sending(&mut self) -> io::Result<()> {
        self.stream.get_mut().shutdown(Shutdown::Write)
    }

    /// Sends a request with a body.
    pub(crate) fn request(
        &mut self,
        line: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        let mut request = format!("{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        self.send(&bytes)?;
        self.answer(line.starts_with("HEAD "))
    }

    pub(crate) fn post_form(&mut self, path: &str, parameters: &[(&str, &str)]) -> io::Result<Answer> {
        self.post_form_with(path, parameters, &[])
    }

    /// The same with further headers.
    pub(crate) fn post_form_with(
        &mut self,
        path: &str,
        parameters: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> io::Result<Answer> {
        let body = form(parameters);
        let mut all = vec![("Content-Type", "application/x-www-form-urlencoded")];
        all.extend(headers);
        self.request(&format!("POST {path}"), &all, body.as_bytes())
    }

    pub(crate) fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> io::Result<Answer> {
        self.request(&format!("GET {path}"), headers, b"")
    }

    /// Reads one answer; to a HEAD there is no body. Interim answers are answers.
    pub(crate) fn answer(&mut self, to_head: bool) -> io::Result<Answer> {
        let status_line = self.line()?;
        let mut parts = status_line.splitn(3, ' ');
        let (version, status) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if !version.starts_with("HTTP/1.") {
            return Err(io::Error::other(format!("not a status line: {status_line:?}")));
        }
        let status = status.parse().map_err(io::Error::other)?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| io::Error::other(line.clone()))?;
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        if !to_head && status >= 200 && status != 204 && status != 304 {
            answer.body = self.body(&answer)?;
        }
        Ok(answer)
    }

    fn body(&mut self, head: &Answer) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if head.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            loop {
                let size = usize::from_str_radix(self.line()?.trim(), 16).map_err(io::Error::other)?;
                let mut chunk = vec![0; size];
                self.stream.read_exact(&mut chunk)?;
                self.line()?;
                if size == 0 {
                    return Ok(body);
                }
                body.append(&mut chunk);
            }
        } else if let Some(length) = head.header("content-length") {
            body.resize(length.parse().map_err(io::Error::other)?, 0);
            self.stream.read_exact(&mut body)?;
        } else {
            self.stream.read_to_end(&mut body)?;
        }
        Ok(body)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.stream.by_ref().take(64 * 1024).read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line.pop_if(|last| *last == b'\r');
        String::from_utf8(line).map_err(io::Error::other)
    }
}

/// What came back.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        write!(f, "{} {:?} {body}", self.status, self.headers)
    }
}

impl Answer {
    /// A header by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(is, _)| is == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e} in {self:?}"))
    }

    /// A string of the body's JSON object.
    pub(crate) fn string(&self, key: &str) -> String {
        self.json()[key].as_str().unwrap_or_else(|| panic!("no {key} in {self:?}")).to_owned()
    }

    /// Fails unless the request was granted; gives the access token and the refresh token.
    pub(crate) fn tokens(&self) -> (String, String) {
        assert_eq!(self.status, 200, "{self:?}");
        (self.string("access_token"), self.string("refresh_token"))
    }

    /// Fails unless this is the token endpoint's refusal with that code.
    pub(crate) fn assert_refused(&self, status: u16, error: &str) -> &Self {
        assert_eq!((self.status, self.string("error").as_str()), (status, error), "{self:?}");
        assert!(!self.string("error_description").is_empty(), "{self:?}");
        self
    }
}

/// One form on a connection of its own.
pub(crate) fn post_form(address: SocketAddr, path: &str, parameters: &[(&str, &str)]) -> Answer {
    Connection::open(address).and_then(|mut c| c.post_form(path, parameters)).expect("an answer")
}

/// One JSON body on a connection of its own.
pub(crate) fn post_json(address: SocketAddr, path: &str, body: &Value) -> Answer {
    let headers = [("Content-Type", "application/json")];
    let body = body.to_string();
    Connection::open(address)
        .and_then(|mut c| c.request(&format!("POST {path}"), &headers, body.as_bytes()))
        .expect("an answer")
}

/// One GET on a connection of its own.
pub(crate) fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    Connection::open(address).and_then(|mut c| c.get(path, headers)).expect("an answer")
}

/// The header that presents an access token.
pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn form(parameters: &[(&str, &str)]) -> String {
    let mut body = String::new();
    for (name, value) in parameters {
        let separator = if body.is_empty() { "" } else { "&" };
        body.push_str(&format!("{separator}{name}="));
        for byte in value.bytes() {
            match byte {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
                    body.push(char::from(byte))
                }
                _ => body.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    body
}
