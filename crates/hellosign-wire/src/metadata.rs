//! What an authorization server says of itself (RFC 8414 §2).

use serde::{Deserialize, Serialize};

/// An authorization server's metadata, as it is found at `/.well-known/oauth-authorization-server`.
///
/// ```
/// use hellosign_wire::metadata::AuthorizationServerMetadata;
///
/// let metadata = AuthorizationServerMetadata::new("https://sign.example.com");
/// assert_eq!(metadata.token_endpoint, "https://sign.example.com/oauth/token");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuthorizationServerMetadata {
    /// The origin of all endpoints.
    pub issuer: String,
    /// Where a user's browser is sent.
    pub authorization_endpoint: String,
    /// Where codes and refresh tokens become access tokens.
    pub token_endpoint: String,
    /// RFC 7009.
    pub revocation_endpoint: String,
    /// RFC 7662.
    pub introspection_endpoint: String,
    /// `code`.
    pub response_types_supported: Vec<String>,
    /// `query`.
    pub response_modes_supported: Vec<String>,
    /// `authorization_code` and `refresh_token`.
    pub grant_types_supported: Vec<String>,
    /// How a client says who it is, at each of the three endpoints.
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// The same.
    pub revocation_endpoint_auth_methods_supported: Vec<String>,
    /// The same.
    pub introspection_endpoint_auth_methods_supported: Vec<String>,
    /// `S256` (RFC 7636).
    pub code_challenge_methods_supported: Vec<String>,
    /// Whether the callback is told `iss` (RFC 9207 §3).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl AuthorizationServerMetadata {
    /// What `hellosign-server` can do, at this origin (without a slash at its end).
    #[must_use]
    pub fn new(issuer: &str) -> Self {
        let at = |path: &str| format!("{issuer}{path}");
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let authentication = || list(&["client_secret_post", "client_secret_basic"]);
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: at("/oauth/authorize"),
            token_endpoint: at("/oauth/token"),
            revocation_endpoint: at("/oauth/revoke"),
            introspection_endpoint: at("/oauth/introspect"),
            response_types_supported: list(&["code"]),
            response_modes_supported: list(&["query"]),
            grant_types_supported: list(&["authorization_code", "refresh_token"]),
            token_endpoint_auth_methods_supported: authentication(),
            revocation_endpoint_auth_methods_supported: authentication(),
            introspection_endpoint_auth_methods_supported: authentication(),
            code_challenge_methods_supported: list(&["S256"]),
            authorization_response_iss_parameter_supported: false,
        }
    }

    /// The same of a server that takes clients without a secret.
    #[must_use]
    pub fn with_public_clients(mut self) -> Self {
        self.token_endpoint_auth_methods_supported.push("none".to_owned());
        self.revocation_endpoint_auth_methods_supported.push("none".to_owned());
        self
    }

    /// The same of a server that tells the callback who answers (RFC 9207).
    #[must_use]
    pub fn with_issuer_in_response(mut self) -> Self {
        self.authorization_response_iss_parameter_supported = true;
        self
    }
}
