//! Which redirect URI an authorization may end at (RFC 9700 §2.1, RFC 8252 §7.3).

use std::net::IpAddr;

/// Whether `requested` may stand in for the `registered` one: only if it is equal, except that on a
/// loopback IP literal the port does not count, since a program at a terminal cannot choose its own.
pub(crate) fn is_allowed(registered: &str, requested: &str) -> bool {
    if requested == registered {
        return true;
    }
    match (without_loopback_port(registered), without_loopback_port(requested)) {
        (Some(registered), Some(requested)) => registered == requested,
        _ => false,
    }
}

/// Whether a URL is one that a browser can be sent to (RFC 6749 §3.1.2): absolute, and without a fragment.
pub(crate) fn is_url(url: &str) -> bool {
    url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') && host(url).is_some()
}

/// Whether what is sent to a URL stays between the browser and the app: by TLS, or on this machine.
pub(crate) fn is_private(url: &str) -> bool {
    let is_loopback = |host: &str| {
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        let name = host.to_ascii_lowercase();
        name == "localhost"
            || name.ends_with(".localhost")
            || literal.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    };
    url.starts_with("https://") || host(url).is_some_and(is_loopback)
}

/// The host of an http or https URL, in brackets where it is an IPv6 address.
fn host(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '\\']).next().unwrap_or_default();
    let port_at = match authority.rfind(']') {
        Some(end) => authority[end..].find(':').map(|at| at + end),
        None => authority.find(':'),
    };
    let (host, port) = authority.split_at(port_at.unwrap_or(authority.len()));
    let has_port = port.is_empty() || port[1..].parse::<u16>().is_ok();
    (!host.is_empty() && !authority.contains('@') && has_port).then_some(host)
}

/// Host and the rest of `http://127.0.0.1:PORT/…` or `http://[::1]:PORT/…`.
fn without_loopback_port(uri: &str) -> Option<(&'static str, &str)> {
    for host in ["127.0.0.1", "[::1]"] {
        let Some(rest) = uri.strip_prefix("http://").and_then(|rest| rest.strip_prefix(host)) else {
            continue;
        };
        let rest = match rest.strip_prefix(':') {
            Some(rest) => {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                rest[..digits].parse::<u16>().ok()?;
                &rest[digits..]
            }
            None => rest,
        };
        // Whatever else followed the host would make it another host.
        return (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((host, rest));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_or_nothing() {
        assert!(is_allowed("https://app.example/cb", "https://app.example/cb"));
        for requested in [
            "https://app.example/cb/",
            "https://app.example/cb?x=1",
            "https://app.example/",
            "https://app.example:443/cb",
            "http://app.example/cb",
            "https://APP.example/cb",
            "https://app.example.evil/cb",
            "https://app.example/cb#f",
            "",
        ] {
            assert!(!is_allowed("https://app.example/cb", requested), "{requested}");
        }
    }

    #[test]
    fn a_callback_is_https_or_on_this_machine() {
        for url in [
            "https://app.example/cb",
            "http://localhost:9000/cb",
            "http://app.localhost/cb",
            "http://127.0.0.1:9000/cb?x=1",
            "http://127.8.9.10/cb",
            "http://[::1]:9000/cb",
            "http://[::1]",
        ] {
            assert!(is_url(url) && is_private(url), "{url}");
        }
        for url in
            ["http://app.example/cb", "http://127.0.0.1.evil.example/", "http://localhost.evil.example/"]
        {
            assert!(is_url(url) && !is_private(url), "{url}");
        }
        for url in [
            "http://127.0.0.1@evil.example/",
            "ftp://x/",
            "https:///x",
            "/cb",
            "https://a:b/",
            "https://a/#b",
            "http://127.0.0.1:/cb",
        ] {
            assert!(!is_url(url), "{url}");
        }
    }

    #[test]
    fn on_loopback_literals_the_port_is_free() {
        assert!(is_allowed("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb"));
        assert!(is_allowed("http://127.0.0.1:9000/cb", "http://127.0.0.1:51004/cb"));
        assert!(is_allowed("http://[::1]:9000/cb", "http://[::1]/cb"));
        for requested in [
            "http://127.0.0.1:51004/other",
            "http://127.0.0.1:51004@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:99999/cb",
            "http://[::1]:9000/cb",
            "https://127.0.0.1:9000/cb",
            "http://localhost:9000/cb",
        ] {
            assert!(!is_allowed("http://127.0.0.1:9000/cb", requested), "{requested}");
        }
        assert!(!is_allowed("http://localhost:9000/cb", "http://localhost:9001/cb"));
    }
}
