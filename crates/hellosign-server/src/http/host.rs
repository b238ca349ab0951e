//! Which host a request was sent to, as far as that can be told.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};

use crate::app::App;

/// What the server calls itself: the configured origin, or else the one that was asked on loopback. What a
/// client does with its secrets hangs on it, so it is never just any `Host`.
pub(super) fn issuer(app: &App, loopback_host: Option<&str>) -> Option<String> {
    let configured = app.policy.public_url.clone();
    configured.or_else(|| Some(format!("http://{}", loopback_host?)))
}

/// The `Host` header, where it names this machine: any other one may be whatever its sender likes.
pub(super) fn loopback_host(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let literal = without_port.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = without_port.eq_ignore_ascii_case("localhost")
        || literal.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_loopback.then_some(host)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn loopback_is_told_from_everything_else() {
        let is_loopback = |host: &'static str| {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            loopback_host(&headers).is_some_and(|found| found == host)
        };
        for host in ["127.0.0.1", "127.0.0.1:8065", "localhost:8065", "LOCALHOST", "[::1]:8065", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "app.example",
            "app.example:8065",
            "127.0.0.1.evil.example",
            "192.0.2.1:8065",
            "[2001:db8::1]",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
        assert!(loopback_host(&HeaderMap::new()).is_none());
    }
}
