//! What an access token is good for (RFC 6750 §2.1).

use std::sync::Arc;

use super::genuine::{Freshness, native};
use super::refresh_token::rule;
use super::rotation::is_void;
use super::{Error, revocation};
use crate::app::App;
use crate::metrics::Evidence;
use crate::store::{Account, Backend as _, Client, Grant};
use crate::token::{Credential, Kind};

/// On whose behalf a call is made, and through which app.
#[derive(Debug)]
pub(crate) struct Authorized {
    pub(crate) account: Arc<Account>,
    pub(crate) client: Arc<Client>,
}

/// A genuine access token of a grant that lives, unexpired.
#[derive(Debug)]
pub(super) struct Valid {
    pub(super) account: Arc<Account>,
    pub(super) client: Arc<Client>,
    pub(super) grant: Arc<Grant>,
    pub(super) credential: Credential,
    /// Its answer seemed lost, and was replaced.
    pub(super) is_void: bool,
}

/// The account that an access token acts for; `None` where it is expired, revoked or not ours.
///
/// # Errors
/// [`Error::Unavailable`] only: what cannot be decided is not decided.
pub(crate) async fn authorize(app: &App, token: &str) -> Result<Option<Authorized>, Error> {
    let Some(Valid { account, client, grant, credential, is_void }) = valid(app, token).await? else {
        return Ok(None);
    };
    if is_void {
        tracing::warn!(client_id = client.client_id, "a void access token was used; its grant is revoked");
        revocation::revoke(app, grant.grant_id).await?;
        app.metrics.grants.theft(Evidence::AccessToken);
        return Ok(None);
    }
    if rule(app, &client).is_some() && credential.generation == grant.generation && !grant.is_seen {
        app.store.note_seen(grant.grant_id, grant.generation);
    }
    Ok(Some(Authorized { account, client }))
}

/// Looks at an access token, and does nothing about it.
pub(super) async fn valid(app: &App, token: &str) -> Result<Option<Valid>, Error> {
    let Some((grant, credential)) = native(app, token, Freshness::Recent).await? else { return Ok(None) };
    let is_access_token = matches!(credential.kind, Kind::Access { .. });
    let is_ended = grant.access_since.is_some_and(|since| credential.issued_at <= since);
    if !is_access_token || is_ended || credential.is_expired(app.store.now()) {
        return Ok(None);
    }
    let client = app.store.find_client(&grant.client_id).await?;
    let account = app.store.find_account(grant.account_id).await?;
    let Some((client, account)) = client.zip(account) else { return Ok(None) };
    if !grant.is_live(&client, &account) {
        return Ok(None);
    }
    let is_void = rule(app, &client).is_some() && is_void(&grant, credential.generation);
    Ok(Some(Valid { account, client, grant, credential, is_void }))
}
