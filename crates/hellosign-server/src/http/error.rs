//! Errors in HTTP's words: the only place that says which status and which code an error has.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hellosign_wire::error::{ErrorCode, ErrorName, ErrorResponse, OAuthErrorResponse};

use super::parameters::ParametersError;
use crate::config::Profile;
use crate::grant;

/// The most that a token request may be, in bytes.
pub(super) const BODY_LIMIT: usize = 64 * 1024;

/// Why the token endpoint answers no token.
#[derive(Debug)]
pub(super) enum Error {
    Grant(grant::Error),
    Parameters(ParametersError),
    UnsupportedGrantType,
    InQuery(&'static str),
    TooLarge,
    TooSlow,
    BodyCutShort,
    NotPost,
    RateLimited,
    /// At the endpoints that standards define and the vendor does not have.
    NotAuthenticated,
}

impl From<grant::Error> for Error {
    fn from(error: grant::Error) -> Self {
        Self::Grant(error)
    }
}

impl From<ParametersError> for Error {
    fn from(error: ParametersError) -> Self {
        Self::Parameters(error)
    }
}

impl Error {
    /// In the vendor's envelope or in RFC 6749's shape, with the texts that were measured where
    /// there are such.
    pub(super) fn into_response(self, profile: Profile) -> Response {
        let (status, description) = match &self {
            Self::RateLimited => return exceeded_rate(),
            Self::Grant(error) => grant_answer(error),
            Self::Parameters(error) => {
                let status = if error.is_unsupported_content_type() {
                    StatusCode::UNSUPPORTED_MEDIA_TYPE
                } else {
                    StatusCode::BAD_REQUEST
                };
                (status, error.to_string())
            }
            Self::UnsupportedGrantType => (
                StatusCode::BAD_REQUEST,
                "The grant_type is neither authorization_code nor refresh_token.".into(),
            ),
            Self::InQuery(name) => (
                StatusCode::BAD_REQUEST,
                format!(
                    "The parameter {name} was sent in the URL, where logs would keep it; send it in the body."
                ),
            ),
            Self::NotAuthenticated => (
                StatusCode::UNAUTHORIZED,
                "Send the app's client_id and client_secret, in the body or by HTTP Basic; these are not it."
                    .into(),
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("The body is larger than {BODY_LIMIT} bytes; a token request needs a few hundred."),
            ),
            Self::TooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                "The body did not arrive in time; send the request again.".into(),
            ),
            Self::BodyCutShort => {
                (StatusCode::BAD_REQUEST, "The body ended before its announced length.".into())
            }
            Self::NotPost => {
                (StatusCode::BAD_REQUEST, "This endpoint takes POST and no other method.".into())
            }
        };
        let body = OAuthErrorResponse::new(self.code(profile), description);
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        match self {
            Self::Grant(grant::Error::Unavailable) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::NotAuthenticated | Self::Grant(grant::Error::WrongSecret { in_header: true }) => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"oauth\""));
            }
            Self::NotPost => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
            }
            _ => {}
        }
        response
    }

    fn code(&self, profile: Profile) -> ErrorCode {
        match (self, profile) {
            (Self::UnsupportedGrantType, _) => ErrorCode::UnsupportedGrantType,
            (Self::NotAuthenticated, _) => ErrorCode::InvalidClient,
            (Self::Grant(error), Profile::HelloSign) => match error {
                // As measured: RFC 6749 would have invalid_client and invalid_grant for the first two.
                grant::Error::UnknownClient
                | grant::Error::CodeInvalid
                | grant::Error::RedirectUriMismatch
                | grant::Error::Missing(_) => ErrorCode::InvalidRequest,
                grant::Error::WrongSecret { .. } => ErrorCode::InvalidClient,
                grant::Error::RefreshTokenInvalid | grant::Error::CodeVerifierMismatch => {
                    ErrorCode::InvalidGrant
                }
                grant::Error::Unavailable => ErrorCode::TemporaryUnavailable,
            },
            _ => ErrorCode::InvalidRequest,
        }
    }
}

fn grant_answer(error: &grant::Error) -> (StatusCode, String) {
    let text = match error {
        grant::Error::Missing(name) => {
            return (StatusCode::BAD_REQUEST, format!("Parameter {name} is missing"));
        }
        // The vendor's words, its spelling included.
        grant::Error::UnknownClient | grant::Error::CodeInvalid => {
            "Either the combo client_id/code is wrong or this request was made more than 1 hour after the inital grant"
        }
        grant::Error::RefreshTokenInvalid => "Invalid grant data (refresh token)",
        grant::Error::WrongSecret { .. } => {
            "The client_secret is not this client's; take it from the settings of your API app."
        }
        grant::Error::RedirectUriMismatch => {
            "The redirect_uri is not the one that the code was issued for; send the same one, or none."
        }
        grant::Error::CodeVerifierMismatch => {
            "The code_verifier does not match the code_challenge that the authorization was started with."
        }
        grant::Error::Unavailable => "The server cannot answer this right now; try again in a moment.",
    };
    let status = match error {
        grant::Error::WrongSecret { in_header: true } => StatusCode::UNAUTHORIZED,
        grant::Error::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    (status, text.to_owned())
}

/// The vendor's envelope.
pub(super) fn envelope(status: StatusCode, name: ErrorName, message: &str) -> Response {
    (status, Json(ErrorResponse::new(name, message))).into_response()
}

/// 503 in the vendor's envelope.
pub(super) fn unavailable() -> Response {
    let mut response = envelope(
        StatusCode::SERVICE_UNAVAILABLE,
        ErrorName::Unavailable,
        "The server cannot answer this right now; try again in a moment.",
    );
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn exceeded_rate() -> Response {
    envelope(StatusCode::TOO_MANY_REQUESTS, ErrorName::ExceededRate, "Too many requests.")
}

pub(super) async fn not_found() -> Response {
    envelope(StatusCode::NOT_FOUND, ErrorName::NotFound, "Not found.")
}

pub(super) async fn method_not_supported() -> Response {
    envelope(
        StatusCode::METHOD_NOT_ALLOWED,
        ErrorName::MethodNotSupported,
        "This method is not supported here.",
    )
}
