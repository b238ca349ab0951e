//! What a token is good for right now (RFC 7662). Asking changes nothing.

use std::sync::Arc;

use super::access_token::{self, Valid};
use super::genuine::{Freshness, imported};
use super::refresh_token;
use super::{Error, genuine};
use hellosign_wire::scope::Scope;

use crate::app::App;
use crate::clock::Timestamp;
use crate::store::{Account, Client};
use crate::token::Kind;

/// A token that is good.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) account: Arc<Account>,
    pub(crate) client: Arc<Client>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) issued_at: Timestamp,
    /// `None` for a refresh token, which does not expire.
    pub(crate) expires_at: Option<Timestamp>,
}

/// What a client may know of a token: an app everything of its own, a resource server of access tokens with one
/// of its scopes, and those scopes only (RFC 7662 §2.2).
///
/// # Errors
/// [`Error::Unavailable`] only.
pub(crate) async fn introspect(app: &App, client: &Client, token: &str) -> Result<Option<Active>, Error> {
    let is_own = |client_id: &str| client_id == client.client_id;
    let valid = access_token::valid(app, token).await?;
    if let Some(Valid { account, client: token_client, credential, is_void, .. }) = valid {
        let Kind::Access { lifetime, .. } = credential.kind else { return Ok(None) };
        let expires_at = Some(credential.issued_at.after(std::time::Duration::from_secs(lifetime.into())));
        let scopes: Vec<Scope> = match client.is_resource_server {
            true => {
                token_client.scopes.iter().filter(|scope| client.scopes.contains(scope)).cloned().collect()
            }
            false => token_client.scopes.clone(),
        };
        let is_for = match client.is_resource_server {
            true => !scopes.is_empty(),
            false => is_own(&token_client.client_id),
        };
        let issued_at = credential.issued_at;
        let active = Active { account, issued_at, expires_at, client: token_client, scopes };
        return Ok((is_for && !is_void).then_some(active));
    }
    let (grant, credential) = match genuine::native(app, token, Freshness::Now).await? {
        Some((grant, credential)) => (grant, Some(credential)),
        None => match imported(app, token).await? {
            Some(grant) => (grant, None),
            None => return Ok(None),
        },
    };
    let is_refresh_token = credential.is_none_or(|credential| credential.kind == Kind::Refresh);
    if !is_own(&grant.client_id) || !is_refresh_token {
        return Ok(None);
    }
    let Some((client, account)) = refresh_token::usable(app, &grant, credential).await? else {
        return Ok(None);
    };
    let issued_at = credential.map_or(grant.created_at, |credential| credential.issued_at);
    let scopes = client.scopes.clone();
    Ok(Some(Active { account, client, scopes, issued_at, expires_at: None }))
}
