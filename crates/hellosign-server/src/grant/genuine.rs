//! Whose token it is that was presented, whatever it is still good for.

use std::sync::Arc;

use super::Error;
use crate::app::App;
use crate::store::{Backend as _, Grant, StoreError};
use crate::token::{Credential, GrantId, KeyLookup, Purpose};

/// A token that this server has made, and the grant that it was made for.
///
/// # Errors
/// [`Error::Unavailable`] where the key that it names is not held here.
pub(super) async fn native(
    app: &App,
    token: &str,
    how: Freshness,
) -> Result<Option<(Arc<Grant>, Credential)>, Error> {
    let Some(presented) = Credential::parse(token) else { return Ok(None) };
    let credential = presented.credential;
    if let KeyLookup::Unknown = app.keys().find(credential.key_id) {
        app.live_keys.learn(&app.store).await?;
    }
    let keys = Arc::clone(&app.keys());
    let key = match keys.find(credential.key_id) {
        KeyLookup::Held(key) => key,
        KeyLookup::Missing => return Err(Error::Unavailable),
        KeyLookup::Unknown => return Ok(None),
    };
    let Some(grant) = find(app, credential.grant_id, how).await? else { return Ok(None) };
    if !presented.verify(key, &grant.seed) {
        return Ok(None);
    }
    app.store.witness(credential.issued_at);
    Ok(Some((grant, credential)))
}

/// How old what is known of a grant may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// A second: for access tokens, which are shown often.
    Recent,
    /// Not at all: for refresh tokens.
    Now,
}

async fn find(app: &App, grant_id: GrantId, how: Freshness) -> Result<Option<Arc<Grant>>, StoreError> {
    match how {
        Freshness::Recent => app.store.find_grant(grant_id).await,
        Freshness::Now => app.store.read_grant(grant_id).await,
    }
}

/// The grant of a refresh token that was made elsewhere.
///
/// # Errors
/// [`Error::Unavailable`] where it may be kept under a key that is not held here.
pub(super) async fn imported(app: &App, token: &str) -> Result<Option<Arc<Grant>>, Error> {
    let find = |hashes| app.store.find_imported(hashes);
    let Some((grant_id, stored)) = app.find_hashed(Purpose::ImportedToken, token, find).await? else {
        return Ok(None);
    };
    let grant = app.store.read_grant(grant_id).await?;
    if grant.is_some() {
        app.keep_under_issuing_key(Purpose::ImportedToken, token, stored);
    }
    Ok(grant)
}
