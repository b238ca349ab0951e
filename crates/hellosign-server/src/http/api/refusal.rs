//! Why an operation is refused, in the vendor's envelope.

use std::borrow::Cow;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hellosign_wire::error::{ErrorName, ErrorResponse};
use hellosign_wire::scope::Scope;

use crate::http::error::{Error, Refused};
use crate::store::StoreError;

/// An error of the API.
#[derive(Debug)]
pub(in crate::http) struct Refusal {
    status: StatusCode,
    body: ErrorResponse,
    /// `WWW-Authenticate`.
    challenge: Option<Cow<'static, str>>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, name: ErrorName, message: impl Into<String>) -> Self {
        Self { status, body: ErrorResponse::new(name, message), challenge: None }
    }

    /// A field that cannot be what it is, by its name in the vendor's notation.
    pub(super) fn field(path: &str, message: impl Into<String>) -> Self {
        let refusal = Self::new(StatusCode::BAD_REQUEST, ErrorName::BadRequest, message);
        Self { body: refusal.body.with_path(path), ..refusal }
    }

    pub(super) fn unauthorized(message: &str, challenge: &'static str) -> Self {
        let refusal = Self::new(StatusCode::UNAUTHORIZED, ErrorName::Unauthorized, message);
        Self { challenge: Some(challenge.into()), ..refusal }
    }

    /// The app has none of the scopes that this takes (RFC 6750 §3.1).
    pub(super) fn insufficient_scope(scopes: &[Scope]) -> Self {
        let names: Vec<&str> = scopes.iter().map(Scope::as_str).collect();
        let message = format!("The app needs the scope {} for this.", names.join(" or "));
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{}\"", names.join(" "));
        let refusal = Self::new(StatusCode::FORBIDDEN, ErrorName::Forbidden, message);
        Self { challenge: Some(challenge.into()), ..refusal }
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorName::NotFound, "Not found.")
    }

    pub(super) fn unavailable() -> Self {
        let message = "The server cannot answer this right now; try again in a moment.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorName::Unavailable, message)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable => Self::unavailable(),
        }
    }
}

/// Of reading a body.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let (status, message) = error.text(false);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return Self::unavailable();
        }
        Self::new(status, ErrorName::BadRequest, message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let name = self.body.error.error_name.clone();
        let mut response = (self.status, Json(self.body)).into_response();
        Refused::note(&mut response, name.as_str());
        if let Some(challenge) = self.challenge.and_then(|text| HeaderValue::from_str(&text).ok()) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
