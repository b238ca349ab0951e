//! Ending a grant.

use super::genuine::{Freshness, imported, native};
use super::{ATTEMPTS, Error};
use crate::app::App;
use crate::store::{Backend as _, Client, Grant, Updated};
use crate::token::GrantId;

/// The row of a grant that has ended.
pub(super) fn revoked(app: &App, grant: &Grant) -> Grant {
    Grant { revoked_at: Some(app.store.now()), ..grant.clone() }
}

/// Ends the grant that a token belongs to (RFC 7009 §2.1): any token that was ever made for it, whatever
/// it is still good for. Another client's has no effect, and neither has one that nobody knows.
///
/// # Errors
/// [`Error::Unavailable`] only.
pub(crate) async fn revoke_by_token(app: &App, client: &Client, token: &str) -> Result<(), Error> {
    let grant = match native(app, token, Freshness::Recent).await? {
        Some((grant, _)) => Some(grant),
        None => imported(app, token).await?,
    };
    match grant {
        Some(grant) if grant.client_id == client.client_id => revoke(app, grant.grant_id).await,
        _ => Ok(()),
    }
}

/// Ends a grant, whatever happens to its row meanwhile.
pub(crate) async fn revoke(app: &App, grant_id: GrantId) -> Result<(), Error> {
    for _ in 0..ATTEMPTS {
        match app.store.read_grant(grant_id).await? {
            Some(grant) if grant.revoked_at.is_none() => {
                if let Updated::Done = app.store.update_grant(revoked(app, &grant)).await? {
                    return Ok(());
                }
            }
            Some(_) => return Ok(app.store.settle().await?),
            None => return Ok(()),
        }
    }
    Err(Error::Unavailable)
}
