//! One account's token, for those who use it.

use std::fmt;
use std::sync::Arc;

use arc_swap::Guard;
use hellosign_wire::secret::AccessToken;

use super::error::TokenError;
use super::fresh::Fresh;
use super::shared::Shared;
use super::slot::Slot;

/// One account's token. Cheap to clone; keep it as long as the account is in use.
#[derive(Debug, Clone)]
pub struct AccountToken {
    pub(super) slot: Arc<Slot>,
    pub(super) shared: Arc<Shared>,
}

/// An access token that was good when it was handed out.
pub struct FreshToken(Guard<Option<Arc<Fresh>>>);

impl AccountToken {
    /// A token that is good: the one in memory, or else the one in the store, or else a new one. In the
    /// last tenth of its lifetime a new one is fetched in the background.
    ///
    /// It may be dropped at any moment: what was begun goes on for the others.
    ///
    /// # Errors
    /// [`TokenError`] says what to do.
    ///
    /// ```no_run
    /// # use hellosign_sdk::tokens::{AccountToken, TokenError};
    /// # async fn example(jill: AccountToken) -> Result<(), TokenError> {
    /// match jill.access_token().await {
    ///     Ok(token) => println!("a token of {} characters", token.expose().len()),
    ///     Err(error) if error.needs_authorization() => println!("send jill to the authorization page"),
    ///     Err(error) if error.is_transient() => println!("later: {error}"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn access_token(&self) -> Result<FreshToken, TokenError> {
        let current = self.slot.current.load();
        let seen = current.as_ref().map(|fresh| fresh.serial);
        if let Some(fresh) = &*current {
            let now = self.shared.clock.monotonic();
            if fresh.is_usable_at(now, self.shared.clock.wall()) {
                if fresh.due <= now {
                    self.slot.renew_early(&self.shared, fresh.serial);
                }
                return Ok(FreshToken(current));
            }
        }
        drop(current);
        let fresh = self.slot.token(&self.shared, seen).await?;
        Ok(FreshToken(Guard::from_inner(Some(fresh))))
    }

    /// Says that the API did not take this token. If it is still the current one the next call of
    /// [`access_token`](Self::access_token) renews it, at most once a minute.
    pub fn invalidate(&self, token: &FreshToken) {
        self.slot.invalidate(token.fresh().serial, self.shared.clock.monotonic());
    }

    /// The account's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.slot.account
    }
}

impl FreshToken {
    fn fresh(&self) -> &Fresh {
        self.0.as_deref().expect("it is made of a token")
    }

    /// The token itself, to be sent and not to be shown.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.fresh().access_token.expose()
    }

    /// The token, to be given on.
    #[must_use]
    pub fn access_token(&self) -> &AccessToken {
        &self.fresh().access_token
    }
}

impl Clone for FreshToken {
    fn clone(&self) -> Self {
        Self(Guard::from_inner(self.0.clone()))
    }
}

impl fmt::Debug for FreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FreshToken([redacted])")
    }
}
