//! What went wrong, and what it means.

use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

use hellosign_wire::error::{ErrorBody, ErrorCode, ErrorResponseError, OAuthErrorResponse};

use crate::rate_limit::RateLimit;
use crate::response::Headers;
#[cfg(feature = "tokens")]
use crate::tokens::TokenError;
use crate::transport::Failure;

/// Why an operation has no result. It can be asked what it means; its text says what to do, and
/// holds no secret and no query string.
///
/// ```no_run
/// # use hellosign_sdk::ApiError;
/// # fn example(error: ApiError) {
/// if error.is_grant_dead() {
///     println!("the user has to authorize the app again");
/// } else if error.is_transient() {
///     println!("try again in {:?}", error.retry_after().unwrap_or_default());
/// } else if let Some(refusal) = error.oauth() {
///     println!("refused: {} ({:?})", refusal.error, refusal.error_description);
/// }
/// # }
/// ```
pub struct ApiError {
    operation: &'static str,
    // Boxed: a result is moved far more often than it is an error.
    kind: Box<Kind>,
}

enum Kind {
    /// No answer, or not the whole of one.
    Unanswered(Failure),
    /// An answer without what was asked for.
    Answered(Refusal),
    /// Nothing was sent, for want of a token.
    #[cfg(feature = "tokens")]
    NoToken(TokenError),
}

/// An answer without what was asked for.
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) rate_limit: RateLimit,
    pub(crate) error: Option<ErrorBody>,
    pub(crate) is_json: bool,
    /// Capped and redacted.
    pub(crate) body: String,
    pub(crate) received_at: SystemTime,
}

impl ApiError {
    pub(crate) fn unanswered(operation: &'static str, failure: Failure) -> Self {
        Self { operation, kind: Box::new(Kind::Unanswered(failure)) }
    }

    pub(crate) fn answered(operation: &'static str, refusal: Refusal) -> Self {
        Self { operation, kind: Box::new(Kind::Answered(refusal)) }
    }

    #[cfg(feature = "tokens")]
    pub(crate) fn no_token(operation: &'static str, error: TokenError) -> Self {
        Self { operation, kind: Box::new(Kind::NoToken(error)) }
    }

    /// Why there was no token to send, where that is what went wrong: of a client
    /// [with an account](crate::ApiClient::with_account).
    #[cfg(feature = "tokens")]
    #[must_use]
    pub fn token(&self) -> Option<&TokenError> {
        match &*self.kind {
            Kind::NoToken(error) => Some(error),
            _ => None,
        }
    }

    /// The status code, where a whole answer came.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.refusal().map(|refusal| refusal.status)
    }

    /// The answer's headers, where a whole answer came.
    #[must_use]
    pub fn headers(&self) -> Option<&Headers> {
        self.refusal().map(|refusal| &refusal.headers)
    }

    /// The error in RFC 6749's shape, as the token endpoint sends it.
    #[must_use]
    pub fn oauth(&self) -> Option<&OAuthErrorResponse> {
        match &self.refusal()?.error {
            Some(ErrorBody::OAuth(error)) => Some(error),
            _ => None,
        }
    }

    /// The error in the vendor's envelope, as the API sends it.
    #[must_use]
    pub fn api(&self) -> Option<&ErrorResponseError> {
        match &self.refusal()?.error {
            Some(ErrorBody::Api(error)) => Some(&error.error),
            _ => None,
        }
    }

    /// The beginning of the answer's body, at most 4 KiB, with secrets taken out.
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        self.refusal().map(|refusal| refusal.body.as_str())
    }

    /// What is left of the rate limit, as far as the answer says.
    #[must_use]
    pub fn rate_limit(&self) -> RateLimit {
        self.refusal().map(|refusal| refusal.rate_limit).unwrap_or_default()
    }

    /// Whether the same request may succeed later: no answer or half of one, a time-out, 408, 425,
    /// 429, any 5xx, "unavailable" by name, and a page where JSON was due. It says nothing about
    /// whether sending it again is safe: a code is good once.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        let refusal = match &*self.kind {
            Kind::Unanswered(failure) => return failure.is_transient(),
            Kind::Answered(refusal) => refusal,
            #[cfg(feature = "tokens")]
            Kind::NoToken(error) => return error.is_transient(),
        };
        let is_named_so = self.oauth().is_some_and(|error| {
            let unavailable =
                [ErrorCode::ServerError, ErrorCode::TemporarilyUnavailable, ErrorCode::TemporaryUnavailable];
            unavailable.contains(&error.error)
        });
        is_named_so || matches!(refusal.status, 408 | 425 | 429 | 500..) || !refusal.is_json
    }

    /// Whether the refresh token will never work again, so that the user has to authorize anew:
    /// `invalid_grant` (RFC 6749 §5.2), in an answer that is not [transient](Self::is_transient).
    /// A wrong client (`invalid_client`) is a matter of configuration and never counts.
    #[must_use]
    pub fn is_grant_dead(&self) -> bool {
        #[cfg(feature = "tokens")]
        if let Some(error) = self.token() {
            return error.needs_authorization();
        }
        !self.is_transient() && self.oauth().is_some_and(|error| error.error == ErrorCode::InvalidGrant)
    }

    /// Whether the request took longer than it may.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(&*self.kind, Kind::Unanswered(Failure::Timeout))
    }

    /// Whether no connection could be made, so that nothing was sent.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        matches!(&*self.kind, Kind::Unanswered(Failure::Connect(_)))
    }

    /// How long the server wants to be left alone: by `Retry-After` (seconds or a date), or else, on
    /// 429 and 503, until the rate limit resets. Never negative. Times are held against the answer's
    /// own `Date`, so that a wrong clock here does not matter.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let refusal = self.refusal()?;
        let date = |name| httpdate::parse_http_date(refusal.headers.get(name)?).ok();
        let now = date("date").unwrap_or(refusal.received_at);
        if let Some(value) = refusal.headers.get("retry-after") {
            if let Ok(seconds) = value.trim().parse() {
                return Some(Duration::from_secs(seconds));
            }
            if let Some(at) = date("retry-after") {
                return Some(at.duration_since(now).unwrap_or_default());
            }
        }
        let says_when = matches!(refusal.status, 429 | 503) && refusal.rate_limit.reset.is_some();
        says_when.then(|| refusal.rate_limit.wait(now))
    }

    fn refusal(&self) -> Option<&Refusal> {
        match &*self.kind {
            Kind::Answered(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.operation)?;
        let refusal = match &*self.kind {
            Kind::Unanswered(failure) => return failure.fmt(f),
            Kind::Answered(refusal) => refusal,
            #[cfg(feature = "tokens")]
            Kind::NoToken(error) => return error.fmt(f),
        };
        write!(f, "the server answered {}", refusal.status)?;
        match &refusal.error {
            Some(ErrorBody::OAuth(error)) => {
                write!(f, " {}", error.error)?;
                error.error_description.iter().try_for_each(|text| write!(f, " ({text})"))?;
            }
            Some(ErrorBody::Api(error)) => {
                write!(f, " {} ({})", error.error.error_name, error.error.error_msg)?
            }
            _ if refusal.is_json => f.write_str(" with JSON that is not what was asked for")?,
            _ if refusal.body.is_empty() => f.write_str(" with nothing in it")?,
            _ => f.write_str(" with something that is not JSON")?,
        }
        let advice = if self.is_grant_dead() {
            "; the user has to authorize the app again"
        } else if self.is_transient() {
            "; try again later"
        } else if (300..400).contains(&refusal.status) {
            "; redirects are not followed: check the configured host"
        } else {
            ""
        };
        f.write_str(advice)
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ApiError");
        debug.field("operation", &self.operation);
        match &*self.kind {
            Kind::Unanswered(failure) => debug.field("failure", failure),
            Kind::Answered(refusal) => debug
                .field("status", &refusal.status)
                .field("headers", &refusal.headers)
                .field("error", &refusal.error)
                .field("body", &refusal.body),
            #[cfg(feature = "tokens")]
            Kind::NoToken(error) => debug.field("token", error),
        };
        debug.finish()
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &*self.kind {
            Kind::Unanswered(failure) => failure.source(),
            Kind::Answered(_) => None,
            #[cfg(feature = "tokens")]
            Kind::NoToken(error) => error.source(),
        }
    }
}
