//! What has happened to tokens.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::error::TokenError;

/// What has happened to an account's token.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TokenEvent {
    /// This process has renewed it.
    Renewed,
    /// An attempt to find or renew it has failed.
    Failed(TokenError),
}

/// What a manager has to tell, from the moment of [`TokenManager::subscribe`](super::TokenManager::subscribe) on.
#[derive(Debug)]
pub struct TokenEvents(pub(super) broadcast::Receiver<(Arc<str>, TokenEvent)>);

impl TokenEvents {
    /// The next event and its account. One who is more than a thousand events behind misses the oldest.
    /// `None` when the manager has gone.
    ///
    /// ```no_run
    /// # use hellosign_sdk::tokens::{TokenEvent, TokenManager};
    /// # async fn example(manager: TokenManager) {
    /// let mut events = manager.subscribe();
    /// while let Some((account, event)) = events.next().await {
    ///     println!("{account}: {event:?}");
    /// }
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<(Arc<str>, TokenEvent)> {
        loop {
            match self.0.recv().await {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}
