//! The header by which a caller says which trace its request belongs to (W3C Trace Context).

use axum::http::HeaderMap;

/// `traceparent`, where it is one: version, trace, parent and flags in lower-case hexadecimal digits. Anything
/// else counts as not sent (§3.2), so nothing that a client made up gets further.
pub(super) fn traceparent(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all("traceparent").iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let text = value.to_str().ok()?;
    let parts: Vec<&str> = text.splitn(5, '-').collect();
    let [version, trace_id, parent_id, flags] = parts[..] else { return None };
    let is_hex = |part: &str, digits| {
        part.len() == digits && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    // Later versions may say more after these four parts; this one is what there is.
    let is_good = version == "00"
        && is_hex(trace_id, 32)
        && is_hex(parent_id, 16)
        && is_hex(flags, 2)
        && !is_zero(trace_id)
        && !is_zero(parent_id);
    is_good.then_some(text)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn what_is_no_traceparent_counts_as_not_sent() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let found = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("traceparent", HeaderValue::from_static(value));
            }
            traceparent(&headers).map(str::to_owned)
        };
        assert_eq!(found(&[good]).as_deref(), Some(good));
        assert_eq!(found(&[good, good]), None, "twice");
        for bad in [
            "",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-000f067aa0ba902b7-01",
            "a secret",
        ] {
            assert_eq!(found(&[bad]), None, "{bad}");
        }
    }
}
