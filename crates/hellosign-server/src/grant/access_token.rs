//! What an access token is good for (RFC 6750 §2.1).

use std::sync::Arc;

use super::refresh_token::rule;
use super::rotation::is_void;
use super::{Error, revocation};
use crate::app::App;
use crate::store::{Account, Backend as _, Client};
use crate::token::{Credential, KeyLookup, Kind};

/// On whose behalf a call is made, and through which app.
#[derive(Debug)]
pub(crate) struct Authorized {
    pub(crate) account: Arc<Account>,
    pub(crate) client: Arc<Client>,
}

/// The account that an access token acts for; `None` where it is expired, revoked or not ours.
///
/// # Errors
/// [`Error::Unavailable`] only: what cannot be decided is not decided.
pub(crate) async fn authorize(app: &App, token: &str) -> Result<Option<Authorized>, Error> {
    let Some(presented) = Credential::parse(token) else { return Ok(None) };
    let credential = presented.credential;
    let Kind::Access { .. } = credential.kind else { return Ok(None) };
    let key = match app.keys.find(credential.key_id) {
        KeyLookup::Held(key) => key,
        KeyLookup::Missing => return Err(Error::Unavailable),
        KeyLookup::Unknown => return Ok(None),
    };
    let Some(grant) = app.store.find_grant(credential.grant_id).await? else { return Ok(None) };
    if !presented.verify(key, &grant.seed) || credential.is_expired(app.store.now()) {
        return Ok(None);
    }
    let client = app.store.find_client(&grant.client_id).await?;
    let account = app.store.find_account(grant.account_id).await?;
    let Some((client, account)) = client.zip(account) else { return Ok(None) };
    if !grant.is_live(&client, &account) {
        return Ok(None);
    }
    if rule(app, &client).is_some() {
        if is_void(&grant, credential.generation) {
            tracing::warn!(
                client_id = client.client_id,
                "a void access token was used; its grant is revoked"
            );
            revocation::revoke(app, grant.grant_id).await?;
            return Ok(None);
        }
        if credential.generation == grant.generation && !grant.is_seen {
            app.store.note_seen(grant.grant_id, grant.generation);
        }
    }
    Ok(Some(Authorized { account, client }))
}
