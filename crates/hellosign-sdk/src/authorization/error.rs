//! Why a callback is no authorization.

use hellosign_wire::error::ErrorCode;

/// Why what the browser came back with is no authorization.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizationError {
    /// The user said no (RFC 6749 §4.1.2.1, `access_denied`).
    #[error("the user denied the authorization")]
    Denied,
    /// The server refused.
    #[error("the server refused the authorization: {error}")]
    Refused {
        /// Which error.
        error: ErrorCode,
        /// What the server says about it, for people. It is not in this error's text: a stranger may have
        /// written it.
        description: Option<String>,
    },
    /// There is no `state`: the request did not come from an authorization that was started here.
    #[error("the callback has no state; start the authorization again")]
    StateMissing,
    /// It is another `state`: of an older attempt, of another browser, or of an attacker.
    #[error("the callback's state is not the one of this authorization; start it again")]
    StateMismatch,
    /// It names another issuer (RFC 9207).
    #[error("the callback comes from another server than the authorization was started at")]
    IssuerMismatch,
    /// It was started more than an hour ago, or in the future.
    #[error("the authorization was started too long ago; start it again")]
    Expired,
    /// Neither a code nor an error.
    #[error("the callback has neither a code nor an error; start the authorization again")]
    CodeMissing,
    /// A parameter that may be there once is there more often (RFC 6749 §3.1).
    #[error("the callback has the parameter {0} more than once; start the authorization again")]
    Repeated(&'static str),
}
