//! Why there is no token.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::store::StoreError;
use crate::error::ApiError;

/// Why there is no token. Its text says what to do, and holds no secret.
///
/// | | what it means | what to do |
/// |---|---|---|
/// | [`NoGrant`](Self::NoGrant) | nobody has authorized the app for this account | send the user to the authorization page |
/// | [`GrantDead`](Self::GrantDead) | the server refused the refresh token for good | the same |
/// | [`Unavailable`](Self::Unavailable) | the server cannot be asked right now | try again later |
/// | [`Refused`](Self::Refused) | the server refused, but not the grant: a wrong client secret, say | look at the configuration |
/// | [`Store`](Self::Store) | the store cannot be read or written | look at the store; nothing was lost |
/// | [`Busy`](Self::Busy) | another process is renewing and takes long | try again |
/// | [`Interrupted`](Self::Interrupted) | the runtime that renewed has ended | try again |
/// | [`ShutDown`](Self::ShutDown) | the manager was shut down | start another one |
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TokenError {
    /// The store has no grant for this account.
    NoGrant,
    /// The grant will never work again; the user has to authorize the app again.
    GrantDead {
        /// Whether an answer may have been lost before that had the refresh token's successor in it: then
        /// it was nobody's decision to end the grant.
        answer_lost: bool,
    },
    /// The server did not answer, or not in a way that says anything about the grant. The next attempt
    /// is made no sooner than `retry_after` from now.
    Unavailable {
        /// How long to wait at least.
        retry_after: Duration,
        /// What the last attempt came to; `None` where that was another account's, or where the token that came
        /// was not good for as long as it took.
        source: Option<Arc<ApiError>>,
    },
    /// The server refused the request for a reason that is not the grant.
    Refused(Arc<ApiError>),
    /// The store could not be read or written. What the server had answered is kept and will be stored
    /// with the next attempt.
    Store(StoreError),
    /// What is stored cannot be opened: sealed with a key that was not given, for another host or
    /// client, or damaged.
    Unreadable,
    /// Another process holds the lease, and longer than a renewal may take.
    Busy,
    /// The task that renewed was ended from outside.
    Interrupted,
    /// The manager was shut down.
    ShutDown,
}

impl TokenError {
    /// Whether the user has to authorize the app (again).
    #[must_use]
    pub fn needs_authorization(&self) -> bool {
        matches!(self, Self::NoGrant | Self::GrantDead { .. })
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Store(_) | Self::Busy | Self::Interrupted)
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGrant => f.write_str("no grant is stored for this account; send the user to the authorization page"),
            Self::GrantDead { answer_lost: false } => {
                f.write_str("the grant has ended; the user has to authorize the app again")
            }
            Self::GrantDead { answer_lost: true } => f.write_str(
                "the grant has ended after an answer of the token endpoint was lost; the user has to authorize the app again",
            ),
            Self::Unavailable { retry_after, source } => {
                write!(f, "no token right now; try again in {:.0?}", retry_after)?;
                source.iter().try_for_each(|error| write!(f, " ({error})"))
            }
            Self::Refused(error) => write!(f, "the token endpoint refuses; check the client's settings ({error})"),
            Self::Store(error) => write!(f, "the token store failed: {error}"),
            Self::Unreadable => f.write_str(
                "the stored grant cannot be opened; it was sealed with another key, or for another host or client",
            ),
            Self::Busy => f.write_str("another process is renewing this token and takes too long; try again"),
            Self::Interrupted => f.write_str("the renewal was interrupted; try again"),
            Self::ShutDown => f.write_str("the token manager was shut down"),
        }
    }
}

impl std::error::Error for TokenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unavailable { source: Some(error), .. } | Self::Refused(error) => Some(&**error),
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<StoreError> for TokenError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
