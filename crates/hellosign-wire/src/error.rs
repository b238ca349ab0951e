//! Both shapes of error: RFC 6749's flat one at the token endpoint, the vendor's envelope elsewhere.

use serde::{Deserialize, Serialize};

use crate::open_enum::open_enum;

open_enum! {
    /// `error` of an OAuth answer: RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, and the vendor's own.
    ErrorCode {
        /// A parameter is missing, repeated or malformed.
        InvalidRequest = "invalid_request",
        /// Client authentication failed.
        InvalidClient = "invalid_client",
        /// The code or refresh token is invalid, expired, spent, revoked or another client's.
        InvalidGrant = "invalid_grant",
        /// This client may not do this.
        UnauthorizedClient = "unauthorized_client",
        /// The grant type is not known here.
        UnsupportedGrantType = "unsupported_grant_type",
        /// The scope is unknown, malformed or more than allowed.
        InvalidScope = "invalid_scope",
        /// The resource owner, or the server, said no.
        AccessDenied = "access_denied",
        /// The response type is not known here.
        UnsupportedResponseType = "unsupported_response_type",
        /// The server failed.
        ServerError = "server_error",
        /// RFC 6749's name for "try again later".
        TemporarilyUnavailable = "temporarily_unavailable",
        /// The vendor's name for "try again later".
        TemporaryUnavailable = "temporary_unavailable",
        /// The authorizing account lacks a plan.
        PaymentRequired = "payment_required",
        /// The plan lacks an add-on.
        AddonRequired = "addon_required",
        /// The account has used up its quota for this app.
        QuotaReached = "quota_reached",
        /// The access token is expired, revoked or malformed (RFC 6750 §3.1).
        InvalidToken = "invalid_token",
        /// The access token lacks a scope (RFC 6750 §3.1).
        InsufficientScope = "insufficient_scope",
    }
}

open_enum! {
    /// `error_name` of the vendor's envelope.
    ErrorName {
        /// 400
        BadRequest = "bad_request",
        /// 401
        Unauthorized = "unauthorized",
        /// 402
        PaymentRequired = "payment_required",
        /// 403
        Forbidden = "forbidden",
        /// 404
        NotFound = "not_found",
        /// 405
        MethodNotSupported = "method_not_supported",
        /// 409
        Conflict = "conflict",
        /// 410
        Deleted = "deleted",
        /// 422
        UnprocessableEntity = "unprocessable_entity",
        /// 429
        ExceededRate = "exceeded_rate",
        /// 500
        Unknown = "unknown",
        /// 503
        Unavailable = "unavailable",
        /// 503
        Maintenance = "maintenance",
    }
}

/// The token endpoint's error (RFC 6749 §5.2). The vendor's OpenAPI description declares the
/// envelope here; its service answers this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OAuthErrorResponse {
    /// What went wrong, for programs.
    pub error: ErrorCode,
    /// What went wrong, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
    /// A page about the error; the vendor sends none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_uri: Option<String>,
}

impl OAuthErrorResponse {
    /// An error with its sentence.
    pub fn new(error: ErrorCode, description: impl Into<String>) -> Self {
        Self { error, error_description: Some(description.into()), error_uri: None }
    }
}

/// The vendor's envelope, `{"error": {"error_msg", "error_name", "error_path"}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorResponse {
    /// The error itself.
    pub error: ErrorResponseError,
}

impl ErrorResponse {
    /// An error without a path.
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self { error: ErrorResponseError { error_msg: message.into(), error_path: None, error_name: name } }
    }

    /// Names the part of the request that is meant.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<String>) -> Self {
        self.error.error_path = Some(path.into());
        self
    }
}

/// What the vendor's envelope holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorResponseError {
    /// What went wrong, for people.
    pub error_msg: String,
    /// Which part of the request is meant, for example `cc_email_addresses[0]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_path: Option<String>,
    /// What went wrong, for programs.
    pub error_name: ErrorName,
}

/// An error of either shape, told apart by what `error` is: a string or an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum ErrorBody {
    /// RFC 6749's.
    OAuth(OAuthErrorResponse),
    /// The vendor's.
    Api(ErrorResponse),
}

impl ErrorBody {
    /// Reads either shape; `None` where the body is neither, an HTML page for one.
    ///
    /// ```
    /// use hellosign_wire::error::{ErrorBody, ErrorCode};
    ///
    /// let body = br#"{"error":"invalid_grant","error_description":"Invalid grant data (refresh token)"}"#;
    /// let Some(ErrorBody::OAuth(error)) = ErrorBody::parse(body) else { panic!("not RFC 6749's shape") };
    /// assert_eq!(error.error, ErrorCode::InvalidGrant);
    /// ```
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_shapes_are_told_apart() {
        let flat = br#"{"error":"quota_reached"}"#;
        let Some(ErrorBody::OAuth(error)) = ErrorBody::parse(flat) else { panic!("flat") };
        assert_eq!((error.error, error.error_description), (ErrorCode::QuotaReached, None));

        let nested = br#"{"error":{"error_msg":"Not found.","error_name":"not_found","error_path":"a[0]"}}"#;
        let Some(ErrorBody::Api(error)) = ErrorBody::parse(nested) else { panic!("nested") };
        assert_eq!(error.error.error_name, ErrorName::NotFound);
        assert_eq!(error.error.error_path.as_deref(), Some("a[0]"));
    }

    #[test]
    fn a_code_that_nobody_has_seen_is_kept() {
        let json = r#"{"error":"brand_new"}"#;
        let Some(ErrorBody::OAuth(error)) = ErrorBody::parse(json.as_bytes()) else { panic!("flat") };
        assert_eq!(error.error, ErrorCode::Other("brand_new".into()));
        assert_eq!(serde_json::to_string(&error).unwrap(), json);
    }

    #[test]
    fn what_is_neither_is_none() {
        for body in ["", "<html>502</html>", "{}", "[]", r#"{"error":7}"#, r#"{"error":{"error_msg":"x"#] {
            assert_eq!(ErrorBody::parse(body.as_bytes()), None, "{body}");
        }
    }
}
