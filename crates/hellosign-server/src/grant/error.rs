//! What a rule may answer instead of a token: what happened, not yet in HTTP's words.

use crate::store::StoreError;

/// Why no token was issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("a required parameter is missing")]
    Missing(&'static str),
    #[error("no such client")]
    UnknownClient,
    #[error("client authentication failed")]
    WrongSecret {
        /// Whether the credentials came in the Authorization header, which RFC 6749 §5.2 answers
        /// with 401.
        in_header: bool,
    },
    #[error("the client authenticated in two places")]
    AuthenticatedTwice,
    #[error("the code is unknown, expired, spent or another client's")]
    CodeInvalid,
    #[error("the redirect_uri is not the one that the code was issued for")]
    RedirectUriMismatch,
    #[error("the code_verifier does not match the code_challenge")]
    CodeVerifierMismatch,
    #[error("the refresh token is unknown, revoked, spent or another client's")]
    RefreshTokenInvalid,
    #[error("the server cannot decide this now")]
    Unavailable,
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable => Self::Unavailable,
        }
    }
}
