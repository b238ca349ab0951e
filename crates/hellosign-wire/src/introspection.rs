//! What is said of a token (RFC 7662 §2.2).

use serde::{Deserialize, Serialize};

/// What an introspection endpoint says of a token. One that is not active has no other member.
///
/// ```
/// use hellosign_wire::introspection::IntrospectionResponse;
///
/// let json = serde_json::to_string(&IntrospectionResponse::inactive())?;
/// assert_eq!(json, r#"{"active":false}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IntrospectionResponse {
    /// Whether it is good right now.
    pub active: bool,
    /// What it is good for, separated by spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The app that it was issued to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The address of the account that it acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// What kind of token it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<TokenType>,
    /// When it expires, in Unix seconds; absent where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    /// When it was issued, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// The id of the account that it acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
}

/// The kind of a token that is introspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum TokenType {
    /// An access token.
    Bearer,
    /// A refresh token.
    #[serde(rename = "refresh_token")]
    RefreshToken,
}

impl IntrospectionResponse {
    /// It is good for nothing, for whatever reason.
    #[must_use]
    pub fn inactive() -> Self {
        Self {
            active: false,
            scope: None,
            client_id: None,
            username: None,
            token_type: None,
            exp: None,
            iat: None,
            sub: None,
        }
    }
}
