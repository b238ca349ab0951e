//! The vendor's operations on accounts and apps, in its envelopes.

pub(super) mod account;
pub(super) mod api_app;
mod caller;
pub(super) mod fields;
mod refusal;

use axum::response::{IntoResponse as _, Response};

/// "Not now", in the vendor's envelope.
pub(super) fn unavailable() -> Response {
    refusal::Refusal::unavailable().into_response()
}
