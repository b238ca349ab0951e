//! Ending a grant.

use super::{ATTEMPTS, Error};
use crate::app::App;
use crate::store::{Backend as _, Grant, Updated};
use crate::token::GrantId;

/// The row of a grant that has ended.
pub(super) fn revoked(app: &App, grant: &Grant) -> Grant {
    Grant { revoked_at: Some(app.store.now()), ..grant.clone() }
}

/// Ends a grant, whatever happens to its row meanwhile.
pub(super) async fn revoke(app: &App, grant_id: GrantId) -> Result<(), Error> {
    for _ in 0..ATTEMPTS {
        match app.store.find_grant(grant_id).await? {
            Some(grant) if grant.revoked_at.is_none() => {
                if let Updated::Done = app.store.update_grant(revoked(app, &grant)).await? {
                    return Ok(());
                }
            }
            _ => return Ok(()),
        }
    }
    Err(Error::Unavailable)
}
