//! Taking secrets out of an answer that an error is going to show.

use zeroize::Zeroizing;

/// How much of an answer an error keeps, in bytes.
const KEPT: usize = 4096;
const REDACTED: &str = "[redacted]";

/// Names whose values are secret wherever they stand.
const SECRET_NAMES: [&str; 9] = [
    "access_token",
    "refresh_token",
    "client_secret",
    "code",
    "code_verifier",
    "api_key",
    "password",
    "secret",
    "authorization",
];

/// What a request held that an error about it must not show.
#[derive(Default)]
pub(crate) struct Secrets(Vec<Zeroizing<String>>);

impl<const N: usize> From<[&str; N]> for Secrets {
    fn from(secrets: [&str; N]) -> Self {
        let mut all = Self::default();
        secrets.into_iter().for_each(|secret| all.add(secret));
        all
    }
}

impl Secrets {
    pub(crate) fn add(&mut self, secret: &str) {
        // An empty one would match everywhere.
        if !secret.is_empty() {
            self.0.push(Zeroizing::new(secret.to_owned()));
        }
    }

    /// The text without the request's secrets.
    pub(crate) fn redact(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), REDACTED))
    }

    /// The beginning of a body, without the request's secrets and without the value of anything that
    /// is named like one, be it JSON, a form, or JSON that was cut in the middle.
    pub(crate) fn redact_body(&self, body: &[u8]) -> String {
        // Redacted before it is cut: half a secret would not be found any more.
        let mut text = self.redact(&String::from_utf8_lossy(body));
        for name in SECRET_NAMES {
            text = redact_values(&text, name);
        }
        let end = (0..=KEPT.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text
    }
}

/// Replaces what follows `name` and `:` or `=`, up to what can end a value.
fn redact_values(text: &str, name: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = find_ignoring_case(rest, name) {
        let (before, after) = rest.split_at(at + name.len());
        redacted.push_str(before);
        rest = after;
        let Some(value) = value_after(after) else { continue };
        let gap = after.len() - value.len();
        let is_quoted = after[..gap].ends_with(['"', '\'']);
        let ends: &[char] =
            if is_quoted { &['"', '\'', '\\'] } else { &['"', '&', ',', ' ', '\n', '}', '<'] };
        let end = value.find(ends).unwrap_or(value.len());
        redacted.push_str(&after[..gap]);
        if end > 0 {
            redacted.push_str(REDACTED);
        }
        rest = &value[end..];
    }
    redacted.push_str(rest);
    redacted
}

/// Where the value begins that belongs to the name just before; `None` where there is none.
fn value_after(text: &str) -> Option<&str> {
    let text = text.trim_start_matches(['"', '\'', '\\']).trim_start();
    let text = text.strip_prefix([':', '='])?.trim_start();
    let text = text.strip_prefix('\\').unwrap_or(text);
    Some(text.strip_prefix(['"', '\'']).unwrap_or(text))
}

/// The names are ASCII, so that offsets are the same in both cases.
fn find_ignoring_case(text: &str, name: &str) -> Option<usize> {
    text.as_bytes().windows(name.len()).position(|window| window.eq_ignore_ascii_case(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redact(body: &str) -> String {
        Secrets::from(["sent-secret", ""]).redact_body(body.as_bytes())
    }

    #[test]
    fn what_was_sent_is_not_shown() {
        assert_eq!(redact("<p>you sent sent-secret</p>"), "<p>you sent [redacted]</p>");
    }

    #[test]
    fn values_of_secret_names_are_not_shown_in_any_format() {
        for (body, expected) in [
            (r#"{"access_token":"abc","expires_in":1}"#, r#"{"access_token":"[redacted]","expires_in":1}"#),
            (r#"{"Refresh_Token" : "abc"}"#, r#"{"Refresh_Token" : "[redacted]"}"#),
            (r#"{"access_token":"abc, d&e"#, r#"{"access_token":"[redacted]"#),
            (r#"{\"access_token\":\"abc\",\"x\":1}"#, r#"{\"access_token\":\"[redacted]\",\"x\":1}"#),
            ("access_token=abc&x=1", "access_token=[redacted]&x=1"),
            (r#"{"code":12345,"x":1}"#, r#"{"code":[redacted],"x":1}"#),
            (r#"{"error_description":"the code is wrong"}"#, r#"{"error_description":"the code is wrong"}"#),
            (r#"{"access_token":""}"#, r#"{"access_token":""}"#),
        ] {
            assert_eq!(redact(body), expected, "{body}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_cut_after_it_was_redacted() {
        let body = format!("{}sent-secret{}", "é".repeat(2045), "x".repeat(10_000));
        let kept = redact(&body);
        assert!(kept.len() <= KEPT);
        assert!(!kept.contains("sent"), "half a secret");
    }
}
