//! How a request can go wrong, and which ones do.

use serde::{Deserialize, Serialize};

use super::RecordedRequest;

/// What happens to the next requests that match. Of several faults the one that was added first happens, but
/// one that cuts before the request comes before all others.
///
/// ```
/// use hellosign_server::emulator::{Cut, Fault};
///
/// let lost = Fault::cut(Cut::AfterCommit).on_grant_type("refresh_token");
/// let busy = Fault::answer(503).times(3);
/// # assert!(lost.check().is_ok() && busy.check().is_ok());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Fault {
    /// Only requests with this method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only requests to this path; one that ends in `*` stands for all that begin so, and `/oauth/…` for
    /// `/v3/oauth/…`, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Only requests with this `grant_type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<String>,
    /// Only requests with this `client_id` in their body or query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// How many requests it happens to; `None` for all from now on.
    #[serde(default = "one", deserialize_with = "times", serialize_with = "or_always")]
    pub times: Option<u32>,
    /// Milliseconds that the answer is held back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Answers this status, without doing anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The code of that answer; without one it is what the endpoint has for the status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// `Retry-After` of that answer, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Has that answer an HTML page for a body, as from a proxy that is in the way.
    #[serde(skip_serializing_if = "is_false")]
    pub html: bool,
    /// Has that answer this body, letter for letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Announces the whole body, sends half of it, and cuts the connection.
    #[serde(skip_serializing_if = "is_false")]
    pub truncate: bool,
    /// Sends the body so many bytes a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<u32>,
    /// Cuts the connection in place of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
}

/// When a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cut {
    /// Once it is known which request it is, and no more of it is read.
    BeforeRequest,
    /// When the request has been read, and nothing has been done.
    AfterRequest,
    /// When what was asked for has been done, and is durable.
    AfterCommit,
}

/// A fault that waits for its requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PendingFault {
    /// A number of its own.
    pub id: u64,
    /// What is to happen; its `times` are what is left of them.
    #[serde(flatten)]
    pub fault: Fault,
}

/// Why a fault cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FaultError(&'static str);

impl Fault {
    /// Answers this status to one request, without doing anything.
    #[must_use]
    pub fn answer(status: u16) -> Self {
        Self { status: Some(status), ..Self::once() }
    }

    /// Cuts one request's connection.
    #[must_use]
    pub fn cut(cut: Cut) -> Self {
        Self { cut: Some(cut), ..Self::once() }
    }

    /// Holds one answer back for so many milliseconds.
    #[must_use]
    pub fn delay(millis: u64) -> Self {
        Self { delay_ms: Some(millis), ..Self::once() }
    }

    /// Announces one whole answer, sends half of it, and cuts the connection.
    #[must_use]
    pub fn truncated() -> Self {
        Self { truncate: true, ..Self::once() }
    }

    /// Only for requests with this `grant_type`.
    #[must_use]
    pub fn on_grant_type(mut self, grant_type: impl Into<String>) -> Self {
        self.grant_type = Some(grant_type.into());
        self
    }

    /// Only for requests to this path; one that ends in `*` stands for all that begin so.
    #[must_use]
    pub fn on_path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// For so many requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// For all requests from now on.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    fn once() -> Self {
        Self { times: Some(1), ..Self::default() }
    }

    /// Whether it says something that can be done.
    ///
    /// # Errors
    /// A sentence.
    pub fn check(&self) -> Result<(), FaultError> {
        let has_answer = self.status.is_some();
        let disturbs = self.truncate || self.bytes_per_second.is_some();
        let problem = if self.times == Some(0) {
            "a fault happens at least once: times is 1 or more, or \"always\""
        } else if self.status.is_some_and(|status| !(200..=599).contains(&status)) {
            "a status is a number from 200 to 599"
        } else if !has_answer
            && (self.error.is_some() || self.retry_after.is_some() || self.html || self.body.is_some())
        {
            "error, retry_after, html and body are of an answer: give its status, too"
        } else if self.html && self.body.is_some() {
            "an answer has one body: html or body"
        } else if self.cut.is_some() && (has_answer || disturbs) {
            "cut is in place of an answer: give no status, truncate or bytes_per_second beside it"
        } else if self.truncate && self.bytes_per_second.is_some() {
            "an answer is truncated or slow: give truncate or bytes_per_second"
        } else if self.bytes_per_second == Some(0) {
            "bytes_per_second is 1 or more"
        } else if !has_answer && !disturbs && self.cut.is_none() && self.delay_ms.is_none() {
            "a fault has a status, truncate, bytes_per_second, cut or delay_ms"
        } else if self.retry_after.is_some_and(|seconds| seconds > u64::from(u32::MAX)) {
            "retry_after is a number of seconds"
        } else {
            return Ok(());
        };
        Err(FaultError(problem))
    }

    /// Whether it cuts the connection without knowing its request's body.
    pub(super) fn is_before_body(&self) -> bool {
        self.cut == Some(Cut::BeforeRequest) && self.grant_type.is_none() && self.client_id.is_none()
    }

    /// Whether this request is one of its.
    pub(super) fn is_for(&self, request: &RecordedRequest) -> bool {
        // The same endpoints, as the vendor's documentation has them and as its service does.
        let oauth_path = request.path.strip_prefix("/v3").filter(|path| path.starts_with("/oauth/"));
        let is_path = |path: &String| {
            let mut named = std::iter::once(request.path.as_str()).chain(oauth_path);
            named.any(|named| path.strip_suffix('*').map_or(named == path, |start| named.starts_with(start)))
        };
        let has = |name: &str, value: &String| request.parameters.get(name) == Some(value);
        self.method.as_ref().is_none_or(|method| request.method.eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(is_path)
            && self.grant_type.as_ref().is_none_or(|value| has("grant_type", value))
            && self.client_id.as_ref().is_none_or(|value| has("client_id", value))
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn one() -> Option<u32> {
    Some(1)
}

/// A number, or `"always"`.
fn times<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Times {
        Count(u32),
        Word(Always),
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Always {
        Always,
    }
    match Times::deserialize(deserializer) {
        Ok(Times::Count(count)) => Ok(Some(count)),
        Ok(Times::Word(Always::Always)) => Ok(None),
        Err(_) => Err(serde::de::Error::custom("times is a number or \"always\"")),
    }
}

fn or_always<S: serde::Serializer>(times: &Option<u32>, serializer: S) -> Result<S::Ok, S::Error> {
    match times {
        Some(count) => serializer.serialize_u32(*count),
        None => serializer.serialize_str("always"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_contradicts_itself_is_refused() {
        let fault = |json: &str| serde_json::from_str::<Fault>(json);
        for good in [
            r#"{"status":503}"#,
            r#"{"status":429,"retry_after":3,"times":"always"}"#,
            r#"{"cut":"after_commit","grant_type":"refresh_token"}"#,
            r#"{"delay_ms":5,"cut":"before_request"}"#,
            r#"{"bytes_per_second":10,"status":200,"body":"x"}"#,
        ] {
            assert_eq!(fault(good).unwrap().check(), Ok(()), "{good}");
        }
        for bad in [
            "{}",
            r#"{"status":99}"#,
            r#"{"status":503,"times":0}"#,
            r#"{"error":"x"}"#,
            r#"{"status":502,"html":true,"body":"x"}"#,
            r#"{"status":502,"cut":"after_request"}"#,
            r#"{"truncate":true,"bytes_per_second":1}"#,
            r#"{"bytes_per_second":0}"#,
        ] {
            assert!(fault(bad).unwrap().check().is_err(), "{bad}");
        }
        assert!(fault(r#"{"status":503,"tines":2}"#).is_err() && fault(r#"{"cut":"now"}"#).is_err());
        assert!(fault(r#"{"status":503,"times":"never"}"#).is_err());
    }

    #[test]
    fn one_that_is_not_counted_happens_once() {
        assert_eq!(serde_json::from_str::<Fault>(r#"{"status":503}"#).unwrap().times, Some(1));
        assert_eq!(serde_json::from_str::<Fault>(r#"{"status":503,"times":"always"}"#).unwrap().times, None);
        assert_eq!(
            serde_json::to_string(&Fault::answer(503).always()).unwrap(),
            r#"{"times":"always","status":503}"#
        );
    }
}
