//! Which redirect URI an authorization may end at (RFC 9700 §2.1, RFC 8252 §7.3).

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
    use super::is_allowed;

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
