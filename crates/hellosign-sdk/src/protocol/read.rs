//! What is received.

use std::fmt;
use std::time::SystemTime;

use hellosign_wire::error::ErrorBody;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::request::Request;
use crate::error::{ApiError, Refusal};
use crate::rate_limit::RateLimit;
use crate::response::{ApiResponse, Headers};

/// An answer, whole, as a transport hands it over.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: Zeroizing<Vec<u8>>,
    /// When the head had arrived, by the wall clock.
    pub(crate) received_at: SystemTime,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// The operation's result, or what the answer says instead.
///
/// A 2xx is a success only if it holds what was asked for: the vendor's service has been seen to put
/// an error there, too.
pub(crate) fn read<T>(
    request: &Request,
    answer: Answer,
    decode: fn(&[u8]) -> Option<T>,
) -> Result<ApiResponse<T>, ApiError> {
    let rate_limit = RateLimit::from_headers(&answer.headers);
    if (200..300).contains(&answer.status)
        && let Some(data) = decode(&answer.body)
    {
        return Ok(ApiResponse { status: answer.status, headers: answer.headers, rate_limit, data });
    }
    let refusal = Refusal {
        status: answer.status,
        error: ErrorBody::parse(&answer.body).map(|error| redacted(error, request)),
        is_json: serde_json::from_slice::<serde::de::IgnoredAny>(&answer.body).is_ok(),
        body: request.secrets.redact_body(&answer.body),
        headers: answer.headers,
        rate_limit,
        received_at: answer.received_at,
    };
    Err(ApiError::answered(request.operation, refusal))
}

/// A model. Nothing is what some operations are answered with.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(if body.is_empty() { b"null" } else { body }).ok()
}

/// The body as it is.
#[expect(clippy::unnecessary_wraps, reason = "it is one of the ways to decode")]
pub(crate) fn whole(body: &[u8]) -> Option<Vec<u8>> {
    Some(body.to_vec())
}

/// A server may repeat what it was sent.
fn redacted(error: ErrorBody, request: &Request) -> ErrorBody {
    match error {
        ErrorBody::OAuth(mut error) => {
            error.error_description = error.error_description.map(|text| request.secrets.redact(&text));
            ErrorBody::OAuth(error)
        }
        ErrorBody::Api(mut error) => {
            error.error.error_msg = request.secrets.redact(&error.error.error_msg);
            ErrorBody::Api(error)
        }
        other => other,
    }
}
