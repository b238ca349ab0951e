//! Errors in HTTP's words: the only place that says which status and which code an error has.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hellosign_wire::error::{ErrorCode, ErrorName, ErrorResponse, OAuthErrorResponse};

use super::parameters::ParametersError;
use crate::grant;

/// The most that a token request may be, in bytes.
pub(super) const BODY_LIMIT: usize = 64 * 1024;

const TOO_MANY: &str = "Too many requests.";

/// What a request was refused with, as the answer says it: for who counts refusals. No client has a say in it.
#[derive(Debug, Clone)]
pub(super) struct Refused(String);

impl Refused {
    /// Notes it with the answer.
    pub(super) fn note(response: &mut Response, error: &str) {
        response.extensions_mut().insert(Self(error.to_owned()));
    }

    /// What was noted.
    pub(super) fn of(response: &Response) -> Option<&str> {
        response.extensions().get().map(|Self(error)| error.as_str())
    }
}

/// Why the token endpoint answers no token.
#[derive(Debug)]
pub(super) enum Error {
    Grant(grant::Error),
    Parameters(ParametersError),
    UnsupportedGrantType,
    InQuery(&'static str),
    TooLarge {
        limit: usize,
    },
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
    pub(super) fn into_response(self, with_rfc_codes: bool) -> Response {
        if let Self::RateLimited = self {
            return exceeded_rate();
        }
        let (status, description) = self.text(with_rfc_codes);
        let code = self.code(with_rfc_codes);
        let body = OAuthErrorResponse::new(code.clone(), description);
        let mut response = (status, Json(body)).into_response();
        Refused::note(&mut response, code.as_str());
        let headers = response.headers_mut();
        match self {
            Self::Grant(grant::Error::Unavailable) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ if status == StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"oauth\""));
            }
            Self::NotPost => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
            }
            _ => {}
        }
        response
    }

    /// The status, and a sentence for people.
    pub(super) fn text(&self, with_rfc_codes: bool) -> (StatusCode, String) {
        match self {
            Self::RateLimited => (StatusCode::TOO_MANY_REQUESTS, TOO_MANY.to_owned()),
            Self::Grant(error) => grant_answer(error, with_rfc_codes),
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
            Self::TooLarge { limit } => {
                (StatusCode::PAYLOAD_TOO_LARGE, format!("The body is larger than {limit} bytes."))
            }
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
        }
    }

    /// RFC 6749's code (§5.2), or the one that the vendor was measured to answer.
    fn code(&self, with_rfc_codes: bool) -> ErrorCode {
        let error = match self {
            Self::UnsupportedGrantType => return ErrorCode::UnsupportedGrantType,
            Self::NotAuthenticated => return ErrorCode::InvalidClient,
            Self::Grant(error) => error,
            _ => return ErrorCode::InvalidRequest,
        };
        match (error, with_rfc_codes) {
            (grant::Error::UnknownClient, true) => ErrorCode::InvalidClient,
            (grant::Error::CodeInvalid | grant::Error::RedirectUriMismatch, true) => ErrorCode::InvalidGrant,
            (grant::Error::UnknownClient | grant::Error::CodeInvalid, false)
            | (grant::Error::RedirectUriMismatch, false)
            | (grant::Error::Missing(_) | grant::Error::AuthenticatedTwice, _) => ErrorCode::InvalidRequest,
            (grant::Error::WrongSecret { .. }, _) => ErrorCode::InvalidClient,
            (grant::Error::RefreshTokenInvalid | grant::Error::CodeVerifierMismatch, _) => {
                ErrorCode::InvalidGrant
            }
            (grant::Error::Unavailable, true) => ErrorCode::TemporarilyUnavailable,
            (grant::Error::Unavailable, false) => ErrorCode::TemporaryUnavailable,
        }
    }
}

fn grant_answer(error: &grant::Error, with_rfc_codes: bool) -> (StatusCode, String) {
    let text = match error {
        grant::Error::Missing(name) => {
            return (StatusCode::BAD_REQUEST, format!("Parameter {name} is missing"));
        }
        grant::Error::UnknownClient if with_rfc_codes => "There is no client with this client_id.",
        grant::Error::CodeInvalid if with_rfc_codes => {
            "The code is unknown, expired, used or another client's; have the user authorize again."
        }
        // The vendor's words, its spelling included.
        grant::Error::UnknownClient | grant::Error::CodeInvalid => {
            "Either the combo client_id/code is wrong or this request was made more than 1 hour after the inital grant"
        }
        grant::Error::AuthenticatedTwice => {
            "The client's credentials are in the body and in the Authorization header; send them in one of the two."
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
        grant::Error::WrongSecret { .. } | grant::Error::UnknownClient if with_rfc_codes => {
            StatusCode::UNAUTHORIZED
        }
        grant::Error::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    (status, text.to_owned())
}

/// The vendor's envelope.
pub(super) fn envelope(status: StatusCode, name: ErrorName, message: &str) -> Response {
    let mut response = (status, Json(ErrorResponse::new(name.clone(), message))).into_response();
    Refused::note(&mut response, name.as_str());
    response
}

pub(super) fn exceeded_rate() -> Response {
    envelope(StatusCode::TOO_MANY_REQUESTS, ErrorName::ExceededRate, TOO_MANY)
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
