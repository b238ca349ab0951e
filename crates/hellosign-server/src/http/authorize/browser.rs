//! The browser at the authorization endpoint's pages: its cookies, and where it believes to be.

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::consent::session::SessionId;
use crate::http::host::loopback_host;
use crate::http::middleware::Peer;

const SESSION: &str = "hellosign_session";
const DEVICE: &str = "hellosign_device";
/// How long a browser remembers who has signed in at it: 400 days, the most that browsers keep a cookie.
const DEVICE_AGE: u32 = 400 * 86400;

/// A browser's cookies, and what those it is given look like.
pub(super) struct Browser {
    sent: Vec<(String, String)>,
    loopback_host: Option<String>,
    /// Whether they travel over TLS only; not where the browser talks to its own machine.
    is_secure: bool,
}

impl Browser {
    pub(super) fn of(request: &Request) -> Self {
        let headers = request.headers();
        let loopback_host = loopback_host(headers).map(str::to_owned);
        let is_local = Peer::of(request).0.ip().to_canonical().is_loopback() && loopback_host.is_some();
        let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pair = |text: &str| {
            let (name, value) = text.trim().split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        };
        let sent = pairs.flat_map(|value| value.split(';')).filter_map(pair).collect();
        Self { sent, loopback_host, is_secure: !is_local }
    }

    /// The host that it asks, where that is this machine.
    pub(super) fn loopback_host(&self) -> Option<&str> {
        self.loopback_host.as_deref()
    }

    /// The session that the browser has, whoever it stands for.
    pub(super) fn session(&self) -> Option<SessionId> {
        self.find(SESSION).and_then(SessionId::parse)
    }

    /// What says who has signed in at this browser before.
    pub(super) fn device(&self) -> Option<&str> {
        self.find(DEVICE)
    }

    /// Until the browser is closed, or the session ends by itself.
    pub(super) fn keep_session(&self, response: &mut Response, id: &SessionId) {
        self.set(response, SESSION, id.expose(), "");
    }

    pub(super) fn forget_session(&self, response: &mut Response) {
        self.set(response, SESSION, "", "; Max-Age=0");
    }

    pub(super) fn keep_device(&self, response: &mut Response, value: &str) {
        self.set(response, DEVICE, value, &format!("; Max-Age={DEVICE_AGE}"));
    }

    /// SameSite=Lax: an app's link to the authorization endpoint brings the session along, another
    /// site's form does not.
    fn set(&self, response: &mut Response, name: &str, value: &str, age: &str) {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let cookie = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}", self.name(name));
        // Names and hexadecimal digits: always a header's value.
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }

    fn find(&self, name: &str) -> Option<&str> {
        let name = self.name(name);
        self.sent.iter().find(|(sent, _)| *sent == name).map(|(_, value)| value.as_str())
    }

    /// With the prefix a browser takes it from this very host only, and over TLS only.
    fn name(&self, name: &str) -> String {
        if self.is_secure { format!("__Host-{name}") } else { name.to_owned() }
    }
}
