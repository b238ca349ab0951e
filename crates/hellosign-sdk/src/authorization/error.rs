//! Why a callback is no authorization.

use std::fmt;

use hellosign_wire::error::ErrorCode;

/// Why what the browser came back with is no authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthorizationError {
    /// The user said no (RFC 6749 §4.1.2.1, `access_denied`).
    Denied,
    /// The server refused.
    Refused {
        /// Which error.
        error: ErrorCode,
        /// What the server says about it, for people. It is not in this error's text: a stranger may have
        /// written it.
        description: Option<String>,
    },
    /// There is no `state`: the request did not come from an authorization that was started here.
    StateMissing,
    /// It is another `state`: of an older attempt, of another browser, or of an attacker.
    StateMismatch,
    /// It names another issuer (RFC 9207).
    IssuerMismatch,
    /// It was started more than an hour ago, or in the future.
    Expired,
    /// Neither a code nor an error.
    CodeMissing,
    /// A parameter that may be there once is there more often (RFC 6749 §3.1).
    Repeated(&'static str),
}

impl fmt::Display for AuthorizationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Denied => "the user denied the authorization",
            Self::Refused { error, .. } => return write!(f, "the server refused the authorization: {error}"),
            Self::StateMissing => "the callback has no state; start the authorization again",
            Self::StateMismatch => {
                "the callback's state is not the one of this authorization; start it again"
            }
            Self::IssuerMismatch => {
                "the callback comes from another server than the authorization was started at"
            }
            Self::Expired => "the authorization was started too long ago; start it again",
            Self::CodeMissing => {
                "the callback has neither a code nor an error; start the authorization again"
            }
            Self::Repeated(parameter) => {
                return write!(
                    f,
                    "the callback has the parameter {parameter} more than once; start the authorization again"
                );
            }
        })
    }
}

impl std::error::Error for AuthorizationError {}
