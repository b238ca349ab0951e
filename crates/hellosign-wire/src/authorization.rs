//! Names at the authorization endpoint (RFC 6749 §4.1.1, §4.1.2, §4.1.2.1).

use serde::{Deserialize, Serialize};

use crate::error::ErrorCode;
use crate::secret::AuthorizationCode;

/// What the user's browser carries back to the client's callback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuthorizationResponse {
    /// Present when the user allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<AuthorizationCode>,
    /// Present when the authorization failed or was denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorCode>,
    /// What went wrong, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
    /// The client's own value, unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Who answers (RFC 9207); the vendor does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
}

impl AuthorizationResponse {
    /// The user allowed.
    #[must_use]
    pub fn granted(code: AuthorizationCode, state: Option<String>) -> Self {
        Self { code: Some(code), error: None, error_description: None, state, iss: None }
    }

    /// The authorization failed, and the client is told so.
    pub fn refused(error: ErrorCode, description: impl Into<String>, state: Option<String>) -> Self {
        Self { code: None, error: Some(error), error_description: Some(description.into()), state, iss: None }
    }
}
